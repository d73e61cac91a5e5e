//! Copies of the repository, as it stands.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::failure::{Failure, Result, While};
use crate::{cache, process, workspace};

/// Makes a folder equal to the repository, new files included. It has no history, but git lists
/// its files.
pub(crate) fn whole(root: &Path, tree: &Path) -> Result<()> {
    cache::make(tree)?;
    process::capture(Command::new("git").args(["init", "--quiet"]).arg(tree))?;
    let files: BTreeSet<PathBuf> = workspace::files(root)?.into_iter().collect();
    for file in &files {
        refresh(&root.join(file), &tree.join(file))?;
    }
    remove_others(tree, tree, &files)
}

/// Copies a file unless the copy is the same already: an untouched copy keeps
/// its time, and cargo its build.
pub(crate) fn refresh(original: &Path, copy: &Path) -> Result<()> {
    let doing = || format!("copying {}", original.display());
    let bytes = fs::read(original).while_doing(doing)?;
    if fs::read(copy).is_ok_and(|there| there == bytes) {
        return Ok(());
    }
    if let Some(folder) = copy.parent() {
        cache::make(folder)?;
    }
    fs::write(copy, bytes).while_doing(doing)?;
    let permissions = fs::metadata(original).while_doing(doing)?.permissions();
    fs::set_permissions(copy, permissions).while_doing(doing)
}

/// Removes files of the copy that the repository no longer has.
fn remove_others(tree: &Path, folder: &Path, files: &BTreeSet<PathBuf>) -> Result<()> {
    let doing = || format!("clearing {}", folder.display());
    for entry in fs::read_dir(folder).while_doing(doing)? {
        let path = entry.while_doing(doing)?.path();
        let name = path.strip_prefix(tree).map_err(|_| Failure::new(doing()))?;
        if name == Path::new(".git") {
            continue;
        }
        if path.is_dir() {
            remove_others(tree, &path, files)?;
        } else if !files.contains(name) {
            fs::remove_file(&path).while_doing(doing)?;
        }
    }
    Ok(())
}
