//! What `cargo xtask e2e` tells the tests, in variables.

use std::path::PathBuf;

use push_manager_envtest::Seen;

/// Where the cluster is, what is tested in it and with what.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Of an administrator of the cluster.
    pub kubeconfig: PathBuf,
    /// The tag of the images under test, which the cluster has.
    pub tag: String,
    /// The repository.
    pub root: PathBuf,
    /// Where dumps of failed scenarios go.
    pub dumps: PathBuf,
    /// Whether namespaces of failed scenarios stay.
    pub keep: bool,
}

impl Settings {
    /// Reads the variables.
    pub fn from_env() -> Seen<Self> {
        Ok(Self {
            kubeconfig: variable("E2E_KUBECONFIG")?.into(),
            tag: variable("E2E_TAG")?,
            root: variable("E2E_ROOT")?.into(),
            dumps: variable("E2E_DUMPS")?.into(),
            keep: std::env::var_os("E2E_KEEP").is_some(),
        })
    }
}

/// A variable that must be set.
pub fn variable(name: &str) -> Seen<String> {
    let set = std::env::var(name).ok().filter(|value| !value.is_empty());
    set.ok_or_else(|| format!("{name} is not set: run these tests by `cargo xtask e2e`").into())
}
