//! Checks files as files: their lengths, and that none names a folder that is
//! only on this machine.

use std::fs;
use std::path::{Path, PathBuf};

use crate::failure::{Failure, Result, While};
use crate::workspace;

/// What half of the source files stay under, in lines.
const MEDIAN: usize = 150;
/// What every source file stays under, in lines.
const MAXIMUM: usize = 500;

pub(super) fn check(root: &Path) -> Result<()> {
    let files = workspace::files(root)?;
    lengths(root, &files)?;
    own_paths(root, &files)
}

fn lengths(root: &Path, files: &[PathBuf]) -> Result<()> {
    let mut lengths = Vec::new();
    for file in files.iter().filter(|file| is_crate_source(file)) {
        let text = fs::read_to_string(root.join(file))
            .while_doing(|| format!("reading {}", file.display()))?;
        lengths.push((text.lines().count(), file));
    }
    lengths.sort();
    let Some((median, _)) = lengths.get(lengths.len() / 2) else {
        return Err(Failure::new("there are no sources in crates/*/src"));
    };
    let (longest, _) = lengths.last().unwrap_or(&lengths[0]);
    eprintln!(
        "    {} source files, median {median} lines (≤ {MEDIAN}), longest {longest} (≤ {MAXIMUM})",
        lengths.len()
    );
    let too_long: Vec<String> = lengths
        .iter()
        .filter(|(lines, _)| *lines > MAXIMUM)
        .map(|(lines, file)| format!("{} has {lines} lines", file.display()))
        .collect();
    if !too_long.is_empty() {
        return Err(Failure::new(too_long.join("\n"))
            .hint(format!("split by subject; {MAXIMUM} lines is the most")));
    }
    if *median > MEDIAN {
        return Err(
            Failure::new(format!("half of the files have over {median} lines")).hint(format!(
                "split by subject until the median is at most {MEDIAN}"
            )),
        );
    }
    Ok(())
}

/// `crates/NAME/src/….rs`
fn is_crate_source(file: &Path) -> bool {
    let mut parts = file.iter();
    parts.next().is_some_and(|part| part == "crates")
        && parts.nth(1).is_some_and(|part| part == "src")
        && file.extension().is_some_and(|e| e == "rs")
}

/// A path of one machine in a file helps nobody else.
fn own_paths(root: &Path, files: &[PathBuf]) -> Result<()> {
    let home = std::env::home_dir().filter(|home| home.components().count() > 1);
    let own: Vec<String> = [Some(root.to_path_buf()), home]
        .into_iter()
        .flatten()
        .map(|path| format!("{}/", path.display()))
        .collect();
    for file in files {
        let bytes =
            fs::read(root.join(file)).while_doing(|| format!("reading {}", file.display()))?;
        let text = String::from_utf8_lossy(&bytes);
        if let Some((line, path)) = first_of(&text, &own) {
            return Err(Failure::new(format!(
                "{}:{line} names {path}, a folder of this machine",
                file.display()
            ))
            .hint("say it relative to the repository, or as $HOME"));
        }
    }
    Ok(())
}

fn first_of<'a>(text: &str, paths: &'a [String]) -> Option<(usize, &'a str)> {
    text.lines().enumerate().find_map(|(index, line)| {
        let path = paths.iter().find(|path| line.contains(path.as_str()))?;
        Some((index + 1, path.as_str()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_rust_under_a_crates_src_is_measured() {
        assert!(is_crate_source(Path::new("crates/server/src/a/b.rs")));
        assert!(!is_crate_source(Path::new("crates/server/tests/a.rs")));
        assert!(!is_crate_source(Path::new("xtask/src/main.rs")));
        assert!(!is_crate_source(Path::new("crates/node/src/page.html")));
    }

    #[test]
    fn a_machines_own_path_is_found_with_its_line() {
        let own = ["/home/me/".to_owned()];
        assert_eq!(first_of("a\nin /home/me/x\n", &own), Some((2, "/home/me/")));
        assert_eq!(first_of("in /home/mean\n", &own), None);
    }
}
