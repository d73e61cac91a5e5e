//! What must be on the machine before we begin, and how to get it.
//!
//! Everything missing is told at once: nobody likes to learn it one by one.

pub(crate) mod containers;

use std::path::PathBuf;
use std::process::Command;

use crate::failure::{Failure, Result};
use crate::process;

/// A program that is found, never built by us.
#[derive(Debug)]
pub(crate) struct Program {
    pub(crate) name: &'static str,
    /// The names it goes by, the first found is taken.
    binaries: &'static [&'static str],
    version_flag: &'static str,
    /// The lowest major and minor version that will do.
    at_least: (u32, u32),
    why: &'static str,
    get: &'static str,
    /// A variable that may name it instead of PATH, and that tests read.
    pub(crate) variable: Option<&'static str>,
}

pub(crate) static RUST: Program = Program {
    name: "rust",
    binaries: &["rustc"],
    version_flag: "--version",
    at_least: (1, 95),
    why: "compiles the product",
    get: "rustup toolchain install 1.95.0   (rustup: https://rustup.rs)",
    variable: None,
};
pub(crate) static GO: Program = Program {
    name: "go",
    binaries: &["go"],
    version_flag: "version",
    at_least: (1, 25),
    why: "builds etcd, grpcurl and the interop program",
    get: "see https://go.dev/doc/install",
    variable: None,
};
pub(crate) static CC: Program = Program {
    name: "cc",
    binaries: &["cc", "gcc", "clang"],
    version_flag: "--version",
    at_least: (0, 0),
    why: "links Rust programs",
    get: "apt-get install -y gcc libc6-dev",
    variable: None,
};
pub(crate) static GIT: Program = Program {
    name: "git",
    binaries: &["git"],
    version_flag: "--version",
    at_least: (2, 0),
    why: "lists the repository's files and applies patches",
    get: "apt-get install -y git",
    variable: None,
};
pub(crate) static NODE: Program = Program {
    name: "node",
    binaries: &["node"],
    version_flag: "--version",
    at_least: (18, 0),
    why: "runs buf, and drives the page in the browser",
    get: "apt-get install -y nodejs npm   (18 or newer)",
    variable: None,
};
pub(crate) static NPM: Program = Program {
    name: "npm",
    binaries: &["npm"],
    version_flag: "--version",
    at_least: (8, 0),
    why: "brings buf",
    get: "apt-get install -y npm",
    variable: None,
};
pub(crate) static CHROMIUM: Program = Program {
    name: "chromium",
    binaries: &[
        "chromium",
        "chromium-browser",
        "google-chrome",
        "google-chrome-stable",
    ],
    version_flag: "--version",
    at_least: (0, 0),
    why: "opens the page",
    get: "apt-get install -y chromium   (or set CHROMIUM to a Chrome)",
    variable: Some("CHROMIUM"),
};
pub(crate) static PROMTOOL: Program = Program {
    name: "promtool",
    binaries: &["promtool"],
    version_flag: "--version",
    at_least: (2, 0),
    why: "checks the metrics page and the alert rules",
    get: "apt-get install -y prometheus   (or set PROMTOOL)",
    variable: Some("PROMTOOL"),
};

pub(crate) static PROMETHEUS: Program = Program {
    name: "prometheus",
    binaries: &["prometheus"],
    version_flag: "--version",
    at_least: (2, 0),
    why: "watches the system of compose.yaml",
    get: "apt-get install -y prometheus",
    variable: None,
};

impl Program {
    /// Where it is: the variable's value, else PATH.
    pub(crate) fn find(&self) -> Option<PathBuf> {
        let named = self.variable.and_then(std::env::var_os).map(PathBuf::from);
        if named.is_some() {
            return named.filter(|path| path.is_file());
        }
        self.binaries.iter().find_map(|name| process::find(name))
    }

    pub(crate) fn missing(&self) -> Failure {
        Failure::new(format!("{} is missing: it {}", self.name, self.why)).hint(self.get)
    }

    /// The path and what it says of its version.
    fn look(&self) -> std::result::Result<(PathBuf, String), String> {
        let path = self.find().ok_or("missing")?;
        let said = process::capture(Command::new(&path).arg(self.version_flag))
            .map_err(|_| format!("{} does not run", path.display()))?;
        let line = said.lines().next().unwrap_or_default().trim().to_owned();
        match version(&line) {
            Some(found) if found < self.at_least => Err(format!(
                "{}.{} is too old, {}.{} is needed",
                found.0, found.1, self.at_least.0, self.at_least.1
            )),
            _ => Ok((path, line)),
        }
    }
}

/// Looks at all of them, prints what was found, and fails with everything that
/// is missing and the commands that bring it.
pub(crate) fn require(programs: &[&'static Program]) -> Result<()> {
    let mut missing = Vec::new();
    for program in programs {
        match program.look() {
            Ok((_, version)) => eprintln!("    ok       {:<9} {version}", program.name),
            Err(problem) => {
                eprintln!("    MISSING  {:<9} {problem}", program.name);
                missing.push(format!(
                    "{:<9} {problem}; it {}\n            get it: {}",
                    program.name, program.why, program.get
                ));
            }
        }
    }
    if missing.is_empty() {
        return Ok(());
    }
    Err(
        Failure::new(format!("this machine lacks:\n  {}", missing.join("\n  ")))
            .hint("install these, then run the same command again"),
    )
}

/// Whether this is Linux, and we are root on it.
pub(crate) fn root_on_linux() -> bool {
    let user = || process::capture(Command::new("id").arg("-u"));
    cfg!(target_os = "linux") && user().is_ok_and(|id| id.trim() == "0")
}

/// The first "1.2" in a line such as "rustc 1.95.0 (…)", "v20.20.2" or
/// "go version go1.26.8 linux/amd64".
fn version(line: &str) -> Option<(u32, u32)> {
    line.split_whitespace().find_map(|word| {
        let digits = word.trim_start_matches(|c: char| !c.is_ascii_digit());
        let mut parts = digits.split(|c: char| !c.is_ascii_digit());
        Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_from_what_programs_say() {
        assert_eq!(version("rustc 1.95.0 (abc 2026-04-14)"), Some((1, 95)));
        assert_eq!(version("go version go1.26.8 linux/amd64"), Some((1, 26)));
        assert_eq!(version("v20.20.2"), Some((20, 20)));
        assert_eq!(version("cc (Debian 12.2.0-14) 12.2.0"), Some((12, 2)));
        assert_eq!(version("no number here"), None);
    }
}
