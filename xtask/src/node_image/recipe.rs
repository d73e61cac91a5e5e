//! What decides the content of the node image, and so its name.

use std::fs;
use std::path::{Path, PathBuf};

use crate::failure::{Result, While};
use crate::{cache, tools, workspace};

/// The files of the node, and lists; its README does not count.
const FOLDER: &str = "tests/e2e/node";
/// The programs in the image, by the names of the tools.
pub(super) static PROGRAMS: &[&str] = &[
    "kube-apiserver",
    "kube-controller-manager",
    "kube-scheduler",
    "kube-proxy",
    "kubelet",
    "kubeadm",
    "kubectl",
    "etcd",
    "etcdctl",
    "coredns",
    "podnet",
    "crictl",
    "pause",
];

#[derive(Debug)]
pub(super) struct Recipe {
    pub(super) folder: PathBuf,
    /// Relative to the folder.
    pub(super) files: Vec<PathBuf>,
    pub(super) versions: Versions,
    hash: String,
}

/// The versions that the names of the components' images hold.
#[derive(Debug)]
pub(super) struct Versions {
    pub(super) kubernetes: String,
    pub(super) etcd: String,
    pub(super) coredns: String,
}

impl Recipe {
    pub(super) fn read() -> Result<Self> {
        let folder = folder()?;
        let files = workspace::files(&folder)?;
        let versions = Versions {
            kubernetes: tools::version("kubelet")?,
            etcd: tools::version("etcd")?,
            coredns: tools::version("coredns")?,
        };
        let mut parts = vec![
            super::parts::recipe(&versions).into_bytes(),
            super::roots::RECIPE.as_bytes().to_vec(),
            std::env::consts::ARCH.as_bytes().to_vec(),
        ];
        for program in PROGRAMS {
            parts.push(tools::content(program)?.into_bytes());
        }
        for file in files.iter().filter(|file| counts(file)) {
            let path = folder.join(file);
            parts.push(file.to_string_lossy().into_owned().into_bytes());
            parts.push(fs::read(&path).while_doing(|| format!("reading {}", path.display()))?);
        }
        let hash = cache::content_name(parts.iter().map(Vec::as_slice));
        Ok(Self {
            folder,
            files,
            versions,
            hash,
        })
    }

    pub(super) fn image(&self) -> String {
        let (version, hash) = (&self.versions.kubernetes, &self.hash);
        format!("push-manager/kind-node:v{version}-{hash}")
    }

    /// The name of an image on the way to that one, which goes once that is built.
    pub(super) fn passing(&self, name: &str) -> String {
        format!("push-manager/{name}:{}", self.hash)
    }

    pub(super) fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }
}

fn folder() -> Result<PathBuf> {
    Ok(workspace::root()?.join(FOLDER))
}

fn counts(file: &Path) -> bool {
    file != Path::new("README.md")
}

/// Debian's packages for one of the root file systems.
pub(super) fn packages(name: &str) -> Result<Vec<String>> {
    words(&folder()?.join("packages").join(name))
}

/// The words of a list with `#` comments.
pub(super) fn words(path: &Path) -> Result<Vec<String>> {
    let text = fs::read_to_string(path).while_doing(|| format!("reading {}", path.display()))?;
    Ok(listed(&text))
}

fn listed(text: &str) -> Vec<String> {
    text.lines()
        .filter(|line| !line.starts_with('#'))
        .flat_map(str::split_whitespace)
        .map(str::to_owned)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_words_without_comments() {
        assert_eq!(listed("# a b\nc d\n\n e\n"), ["c", "d", "e"]);
    }

    #[test]
    fn the_readme_alone_does_not_change_the_image() {
        assert!(!counts(Path::new("README.md")));
        assert!(counts(Path::new("etc/README.md")));
        assert!(counts(Path::new("Dockerfile")));
    }
}
