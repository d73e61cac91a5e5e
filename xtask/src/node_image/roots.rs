//! Root file systems of Debian, made once by debootstrap and kept as archives.
//!
//! Their names hold what was asked for, not what came: Debian's mirrors keep only
//! the newest packages of a stable release.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::engine::Engine;
use crate::failure::{Failure, Result, While};
use crate::{cache, process};

const SUITE: &str = "bookworm";
/// What an image has no use for. dpkg's own state stays, so that packages can be
/// installed; the links are of units that are enabled where a package is installed.
static LEFT_OUT: &[&str] = &[
    "./dev/*",
    "./proc/*",
    "./sys/*",
    "./var/cache/apt/*",
    "./var/lib/apt/lists/*",
    "./var/log/*",
    "./usr/share/man/*",
    "./usr/share/info/*",
    "./usr/share/locale/*",
    "./usr/share/lintian/*",
    "./usr/share/bug/*",
    "./etc/hostname",
    "./etc/resolv.conf",
    "./etc/systemd/system/*.wants/*",
    "./usr/lib/systemd/system/multi-user.target.wants/getty.target",
    "./usr/lib/systemd/system/multi-user.target.wants/systemd-logind.service",
    "./usr/lib/systemd/system/multi-user.target.wants/systemd-ask-password-wall.path",
];
/// Told apart by this when the above changes.
pub(super) const RECIPE: &str = "bookworm, minbase, 1";

/// The root file system as an image of one layer; returns its name.
pub(super) fn image(engine: &Engine, name: &str, packages: &[String]) -> Result<String> {
    let hash = content(packages);
    let image = format!("push-manager/root-{name}:{hash}");
    if super::present(engine, &image) {
        return Ok(image);
    }
    let archive = archive(name, packages, &hash)?;
    let mut docker = engine.docker();
    docker.arg("import").arg(&archive).arg(&image);
    let log = archive.with_extension("import.log");
    process::quietly(&format!("importing {name}"), &mut docker, &log)?;
    Ok(image)
}

fn content(packages: &[String]) -> String {
    let parts = [RECIPE, std::env::consts::ARCH];
    let parts = parts
        .into_iter()
        .chain(packages.iter().map(String::as_str))
        .map(str::as_bytes);
    cache::content_name(parts)
}

fn archive(name: &str, packages: &[String], hash: &str) -> Result<PathBuf> {
    let folder = cache::folder("roots")?;
    let path = folder.join(format!("{name}-{hash}.tar"));
    if path.is_file() {
        return Ok(path);
    }
    // One at a time: they share the downloaded packages.
    let _held = cache::lock(&folder, "debootstrap")?;
    if path.is_file() {
        return Ok(path);
    }
    let root = folder.join(format!(".{name}"));
    super::clear(&root)?;
    bootstrap(&folder, &root, packages)?;
    let unfinished = folder.join(format!(".{name}.tar"));
    pack(&root, &unfinished, &path.with_extension("log"))?;
    fs::rename(&unfinished, &path)
        .while_doing(|| format!("putting {} in place", path.display()))?;
    super::clear(&root)?;
    Ok(path)
}

fn bootstrap(folder: &Path, root: &Path, packages: &[String]) -> Result<()> {
    let downloads = folder.join("packages");
    cache::make(&downloads)?;
    let mut debootstrap = Command::new("debootstrap");
    debootstrap.arg("--variant=minbase");
    debootstrap.arg(format!("--cache-dir={}", downloads.display()));
    debootstrap.arg(format!("--include={}", packages.join(",")));
    debootstrap.arg(SUITE).arg(root).arg(mirror()?);
    let title = format!("debootstrap of {} packages and the base", packages.len());
    process::quietly(&title, &mut debootstrap, &folder.join("debootstrap.log")).map(drop)
}

/// Packs it without what is of no use. Of documentation, licences stay.
fn pack(root: &Path, archive: &Path, log: &Path) -> Result<()> {
    let mut find = Command::new("find");
    find.arg(root.join("usr/share/doc"));
    find.args(["-type", "f", "!", "-name", "copyright", "-delete"]);
    process::capture(&mut find)?;
    let mut tar = Command::new("tar");
    tar.arg("-C").arg(root);
    tar.args(["--numeric-owner", "--sort=name", "--anchored"]);
    let left_out = LEFT_OUT.iter().map(|path| format!("--exclude={path}"));
    tar.args(left_out).arg("-cf").arg(archive).arg(".");
    process::quietly("packing it", &mut tar, log).map(drop)
}

/// Where packages come from: what DEBIAN_MIRROR says, else apt's own source.
fn mirror() -> Result<String> {
    if let Ok(named) = std::env::var("DEBIAN_MIRROR") {
        return Ok(named);
    }
    let mut apt = Command::new("apt-get");
    apt.args(["indextargets", "--format", "$(SITE)"]);
    apt.arg(format!("Codename: {SUITE}"));
    let sites = process::capture(&mut apt).unwrap_or_default();
    sites.lines().next().map(str::to_owned).ok_or_else(|| {
        Failure::new(format!("apt knows no mirror that has Debian {SUITE}"))
            .hint("set DEBIAN_MIRROR to the address of one, or run apt-get update")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_packages_are_another_root() {
        let one = content(&["iptables".to_owned()]);
        assert_ne!(one, content(&["nftables".to_owned()]));
        assert_eq!(one, content(&["iptables".to_owned()]));
    }
}
