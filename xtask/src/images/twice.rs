//! The same images once more, from a copy of the sources in another folder: nothing in them may
//! depend on where they are built.

use std::fs;
use std::path::Path;

use super::{Built, Profile};
use crate::failure::{Failure, Result, While};
use crate::{cache, copy, process, protoc, workspace};

/// Builds the images again; fails unless they are the same to the byte.
pub(super) fn same(first: &Built, names: &[String], profile: Profile) -> Result<()> {
    let root = workspace::root()?;
    let name = cache::content_name([root.as_os_str().as_encoded_bytes()]);
    let all = cache::folder("again")?;
    let _held = cache::lock(&all, &name)?;
    let here = all.join(name);
    remove(&here)?;
    let (tree, target) = (here.join("sources"), here.join("built"));
    copy::whole(&root, &tree)?;
    eprintln!("    once more, in {}", here.display());
    let mut cargo = protoc::cargo()?;
    cargo.current_dir(&tree).args(["xtask", "images"]);
    cargo.args(names).args(profile.flag());
    cargo.env("CARGO_TARGET_DIR", &target);
    cargo.env(workspace::HISTORY, workspace::history()?);
    process::show(&mut cargo)?;
    let again = target.join("images").join(profile.folder());
    let different = different(first, &again)?;
    if different.is_empty() {
        eprintln!("    both builds gave the same images, to the byte");
        return remove(&here);
    }
    Err(Failure::new(format!(
        "two builds gave different images: {}",
        different.join(", ")
    ))
    .hint(format!("compare with those in {}", again.display())))
}

fn different(first: &Built, again: &Path) -> Result<Vec<&'static str>> {
    let mut different = Vec::new();
    for image in &first.images {
        let read =
            |path: &Path| fs::read(path).while_doing(|| format!("reading {}", path.display()));
        if read(&image.archive)? != read(&again.join(format!("{}.tar", image.name)))? {
            different.push(image.name);
        }
    }
    Ok(different)
}

fn remove(folder: &Path) -> Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder).while_doing(|| format!("removing {}", folder.display()))?;
    }
    Ok(())
}
