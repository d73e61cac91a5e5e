//! The programs that go into images: static, and the same wherever they are built.

use std::path::{Path, PathBuf};

use super::able;
use crate::failure::Result;
use crate::{process, protoc, workspace};

/// How they are compiled.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Profile {
    /// As they ship.
    #[default]
    Release,
    /// Quickly.
    Dev,
}

impl Profile {
    const fn name(self) -> &'static str {
        match self {
            Self::Release => "release",
            Self::Dev => "dev",
        }
    }

    /// What asks a command for it.
    pub(super) const fn flag(self) -> Option<&'static str> {
        match self {
            Self::Release => None,
            Self::Dev => Some("--dev"),
        }
    }

    /// What cargo calls its folder.
    pub(super) const fn folder(self) -> &'static str {
        match self {
            Self::Release => "release",
            Self::Dev => "debug",
        }
    }
}

/// Whose programs they are. Built together always: of other packages at once cargo would make other
/// builds of what they share.
const PACKAGES: [&str; 5] = [
    "push-manager",
    "push-manager-operator",
    "push-manager-reference",
    "pushtop",
    "kubectl-pushmanager",
];

/// Builds all programs; returns the folder that they are in.
pub(crate) fn build(profile: Profile) -> Result<PathBuf> {
    able::check()?;
    let (root, target) = (workspace::root()?, workspace::target()?);
    let triple = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
    let mut cargo = protoc::cargo()?;
    cargo.current_dir(&root);
    // With the target named, the flags are the programs' alone and not build scripts' too.
    cargo.args(["build", "--locked", "--bins", "--target", &triple]);
    cargo.args(["--profile", profile.name()]);
    for package in PACKAGES {
        cargo.args(["--package", package]);
    }
    cargo.env("CARGO_ENCODED_RUSTFLAGS", flags(&root, &target));
    process::show(&mut cargo)?;
    Ok(target.join(triple).join(profile.folder()))
}

/// Linked statically, without what only a debugger reads, and without this machine's paths.
fn flags(root: &Path, target: &Path) -> String {
    let home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| Some(std::env::home_dir()?.join(".cargo")));
    let paths = [
        (Some(root), "/source"),
        (Some(target), "/target"),
        (home.as_deref(), "/cargo"),
    ];
    let mut flags = vec![
        "-Ctarget-feature=+crt-static".to_owned(),
        "-Cstrip=debuginfo".to_owned(),
    ];
    // The last that fits is taken: the target folder may be inside the repository.
    let known = paths
        .iter()
        .filter_map(|(path, name)| Some((path.as_ref()?, name)));
    flags
        .extend(known.map(|(path, name)| format!("--remap-path-prefix={}={name}", path.display())));
    flags.join("\u{1f}")
}
