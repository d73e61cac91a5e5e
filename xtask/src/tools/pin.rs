//! Reads which version of a tool its files pin.

use std::fs;
use std::path::Path;

use crate::failure::{Failure, Result, While};

/// The version of the module that holds a package, from `go.mod`.
pub(super) fn go_version(folder: &Path, package: &str) -> Result<String> {
    let text = read(&folder.join("go.mod"))?;
    required(&text, package).ok_or_else(|| unpinned(folder, package))
}

/// The version of a package, from the npm lock file.
pub(super) fn npm_version(folder: &Path, package: &str) -> Result<String> {
    let text = read(&folder.join("package-lock.json"))?;
    locked(&text, package).ok_or_else(|| unpinned(folder, package))
}

fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path).while_doing(|| format!("reading {}", path.display()))
}

fn unpinned(folder: &Path, package: &str) -> Failure {
    Failure::new(format!("{} does not pin {package}", folder.display()))
        .hint("see tools/README.md on how to pin a version")
}

/// The longest required module whose path is the package's or above it.
fn required(go_mod: &str, package: &str) -> Option<String> {
    let holds = |module: &str| {
        package
            .strip_prefix(module)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    go_mod
        .lines()
        .map(|line| line.trim().trim_start_matches("require "))
        .filter_map(|line| line.split_once(' '))
        .filter(|(module, _)| holds(module))
        .max_by_key(|(module, _)| module.len())
        .and_then(|(_, rest)| rest.split_whitespace().next())
        .map(|version| version.trim_start_matches('v').to_owned())
}

/// The `version` line that follows the package's own entry.
fn locked(lock: &str, package: &str) -> Option<String> {
    let entry = format!("\"node_modules/{package}\":");
    let (_, after) = lock.split_once(&entry)?;
    let (_, value) = after.split_once("\"version\": \"")?;
    Some(value.split_once('"')?.0.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_module_that_holds_the_package_counts() {
        let go_mod =
            "module x\nrequire (\n\ta.b/c v1.0.0\n\ta.b/c/d v3.6.5\n\ta.b/c/dd v9.0.0\n)\n";
        assert_eq!(required(go_mod, "a.b/c/d/cmd").as_deref(), Some("3.6.5"));
        assert_eq!(
            required("require a.b/c v1.2.3\n", "a.b/c").as_deref(),
            Some("1.2.3")
        );
        assert_eq!(required(go_mod, "z.y/x"), None);
    }

    #[test]
    fn the_npm_version_is_the_packages_own() {
        let lock = r#""node_modules/other": { "version": "9.9.9" },
            "node_modules/@a/b": { "version": "1.75.0", "x": 1 }"#;
        assert_eq!(locked(lock, "@a/b").as_deref(), Some("1.75.0"));
        assert_eq!(locked(lock, "@a/c"), None);
    }
}
