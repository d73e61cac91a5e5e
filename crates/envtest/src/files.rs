//! The files of one cluster, in one folder that goes with it.

use std::path::{Path, PathBuf};

use tempfile::TempDir;

/// Where everything is; the folder is removed when dropped.
#[derive(Debug)]
pub(crate) struct Files {
    folder: TempDir,
}

impl Files {
    pub(crate) fn create() -> Self {
        let folder = tempfile::Builder::new()
            .prefix("push-manager-envtest-")
            .tempdir()
            .expect("a temporary folder");
        Self { folder }
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn etcd_data(&self) -> PathBuf {
        self.path("etcd")
    }

    /// Where the API server puts the certificate it signs for itself.
    pub(crate) fn certificates(&self) -> PathBuf {
        self.path("certificates")
    }

    /// The API server's certificate, followed by its authority's.
    pub(crate) fn authority(&self) -> PathBuf {
        self.certificates().join("apiserver.crt")
    }

    /// The API server's key, which signs service accounts' tokens too.
    pub(crate) fn signing_key(&self) -> PathBuf {
        self.certificates().join("apiserver.key")
    }

    pub(crate) fn tokens(&self) -> PathBuf {
        self.path("tokens.csv")
    }

    pub(crate) fn audit_policy(&self) -> PathBuf {
        self.path("audit-policy.json")
    }

    pub(crate) fn audit_log(&self) -> PathBuf {
        self.path("audit.log")
    }

    pub(crate) fn kubeconfig(&self, user: &str) -> PathBuf {
        self.path(&format!("{user}.kubeconfig"))
    }

    pub(crate) fn kubectl_cache(&self) -> PathBuf {
        self.path("kubectl-cache")
    }

    /// What a process wrote.
    pub(crate) fn log(&self, process: &str) -> PathBuf {
        self.path(&format!("{process}.log"))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

/// Writes a file of the cluster.
pub(crate) fn write(path: &Path, text: impl AsRef<[u8]>) {
    std::fs::write(path, text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
}

/// The last lines of a file, which need not exist.
pub(crate) fn tail(path: &Path, lines: usize) -> String {
    let bytes = std::fs::read(path).unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes);
    let mut tail: Vec<&str> = text.lines().rev().take(lines).collect();
    tail.reverse();
    tail.join("\n")
}

/// A path as an argument of a program.
pub(crate) fn text(path: &Path) -> &str {
    path.to_str().expect("the temporary folder is UTF-8")
}
