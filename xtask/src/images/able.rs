//! Whether this machine can build the static programs; a linker's words would not say how.

use std::path::Path;
use std::process::Command;

use crate::failure::{Failure, Result};
use crate::{machine, process};

/// What builds them anywhere else.
const ELSEWHERE: &str = concat!(
    "docker build builds them in containers (Dockerfile): for each NAME of push-manager, ",
    "push-manager-operator and push-manager-reference, docker build --target NAME -t NAME:",
    env!("CARGO_PKG_VERSION"),
    " ."
);

pub(super) fn check() -> Result<()> {
    system(std::env::consts::OS, cfg!(target_env = "gnu"))?;
    let cc = machine::CC.find().ok_or_else(|| machine::CC.missing())?;
    let said = process::capture(Command::new(&cc).arg("-print-file-name=libc.a"))?;
    static_library(&cc, said.trim())
}

fn system(name: &str, glibc: bool) -> Result<()> {
    let what = match (name, glibc) {
        ("linux", true) => return Ok(()),
        ("linux", false) => "another libc",
        (other, _) => other,
    };
    let said = format!("the programs for images are built on Linux with glibc, and this is {what}");
    Err(Failure::new(said).hint(ELSEWHERE))
}

/// Whether glibc's static library is where the compiler says; if it finds none, it says the bare
/// name. Not every system has it beside the shared one.
fn static_library(cc: &Path, said: &str) -> Result<()> {
    let library = Path::new(said);
    if library.is_absolute() && library.is_file() {
        return Ok(());
    }
    let said = format!("{} finds no libc.a: glibc's static library", cc.display());
    Err(Failure::new(said).hint(format!(
        "Debian: apt-get install -y libc6-dev; Fedora: dnf install glibc-static; elsewhere: {ELSEWHERE}"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_system_without_glibc_is_told_of_the_dockerfile() {
        system("linux", true).unwrap();
        for (name, glibc) in [("linux", false), ("macos", false), ("windows", true)] {
            let said = system(name, glibc).unwrap_err().to_string();
            assert!(said.contains("Dockerfile"), "{said}");
        }
    }

    #[test]
    fn a_compiler_without_the_static_library_is_told_of_its_package() {
        let cc = Path::new("/usr/bin/cc");
        // Tests run in the package's folder: the last is there, but not as an answer.
        for said in ["libc.a", "/no/such/libc.a", "Cargo.toml"] {
            let said = static_library(cc, said).unwrap_err().to_string();
            assert!(said.contains("libc6-dev") && said.contains("glibc-static"));
        }
        let there = std::env::current_exe().unwrap();
        static_library(cc, there.to_str().unwrap()).unwrap();
    }
}
