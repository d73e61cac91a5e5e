//! Where the repository is, and which files it holds.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::failure::{Failure, Result};
use crate::process;

/// The repository's root. Cargo tells where this package is when it runs it;
/// a binary started by hand falls back to where it was built.
pub(crate) fn root() -> Result<PathBuf> {
    let package = std::env::var_os("CARGO_MANIFEST_DIR")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
    match package.parent() {
        Some(root) if root.join("Cargo.toml").is_file() => Ok(root.to_path_buf()),
        _ => Err(Failure::new(format!(
            "the repository is not at {} any more",
            package.display()
        ))
        .hint("run `cargo xtask` from inside the repository")),
    }
}

/// Names the repository whose history counts, for a copy that has none.
pub(crate) const HISTORY: &str = "PUSH_MANAGER_HISTORY";

/// Where git finds the history.
pub(crate) fn history() -> Result<PathBuf> {
    std::env::var_os(HISTORY).map_or_else(root, |named| Ok(named.into()))
}

/// Where cargo builds.
pub(crate) fn target() -> Result<PathBuf> {
    let named = std::env::var_os("CARGO_TARGET_DIR").map(PathBuf::from);
    Ok(root()?.join(named.unwrap_or_else(|| "target".into())))
}

/// Every file git would commit: tracked, or new and not ignored.
pub(crate) fn files(root: &Path) -> Result<Vec<PathBuf>> {
    let mut git = Command::new("git");
    git.arg("-C").arg(root).args([
        "ls-files",
        "-z",
        "--cached",
        "--others",
        "--exclude-standard",
    ]);
    let listed = process::capture(&mut git)?;
    let mut files: Vec<PathBuf> = listed
        .split('\0')
        .filter(|name| !name.is_empty())
        .map(PathBuf::from)
        .filter(|name| root.join(name).is_file())
        .collect();
    files.sort();
    files.dedup();
    Ok(files)
}
