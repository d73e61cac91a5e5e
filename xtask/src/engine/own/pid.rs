//! Files with process ids, which outlive their processes when a machine goes down.

use std::ffi::OsStr;
use std::fs;
use std::path::Path;

/// The process that a file names, if it is this program and started for that file's
/// folder: the number alone may have become another process's.
pub(super) fn alive(pid_file: &Path, program: &str) -> Option<u32> {
    let pid: u32 = fs::read_to_string(pid_file).ok()?.trim().parse().ok()?;
    let line = fs::read(format!("/proc/{pid}/cmdline")).ok()?;
    let folder = pid_file.parent()?.to_str()?;
    is(&line, program, folder).then_some(pid)
}

/// Whether a command line (its words end in zeros) runs the program for the folder.
fn is(line: &[u8], program: &str, folder: &str) -> bool {
    let line = String::from_utf8_lossy(line);
    let (first, rest) = line.split_once('\0').unwrap_or((&line, ""));
    Path::new(first).file_name() == Some(OsStr::new(program)) && rest.contains(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_ours_by_program_and_folder() {
        let ours = b"dockerd\0--pidfile\0/c/engine/dockerd.pid\0";
        assert!(is(ours, "dockerd", "/c/engine"));
        assert!(!is(ours, "dockerd", "/other"));
        assert!(!is(b"sleep\0/c/engine\0", "dockerd", "/c/engine"));
        assert!(!is(b"", "dockerd", "/c/engine"));
    }

    #[test]
    fn a_stale_file_names_no_process() {
        let file = std::env::temp_dir().join(format!("stale-{}.pid", std::process::id()));
        // This process is alive, and no dockerd.
        fs::write(&file, std::process::id().to_string()).unwrap();
        assert_eq!(alive(&file, "dockerd"), None);
        fs::remove_file(&file).unwrap();
    }
}
