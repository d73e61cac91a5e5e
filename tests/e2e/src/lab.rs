//! The cluster under test, with the operator in it.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use kube::{
    Client, Config,
    config::{KubeConfigOptions, Kubeconfig},
};
use push_manager_envtest::Seen;

use crate::{
    run::{Run, command, run},
    settings::{Settings, variable},
};

/// Where the operator runs.
pub const OPERATOR_NAMESPACE: &str = "push-manager-system";
/// Its release, and the name of its objects.
pub const OPERATOR: &str = "push-manager-operator";
const WITHIN: Duration = Duration::from_mins(3);

/// A cluster, and who works with it.
#[derive(Clone)]
pub struct Lab {
    /// What is tested.
    pub settings: Settings,
    /// As an administrator.
    pub client: Client,
    kubectl: PathBuf,
    helm: PathBuf,
}

impl std::fmt::Debug for Lab {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Lab")
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

impl Lab {
    /// Connects.
    pub async fn connect() -> Seen<Self> {
        let settings = Settings::from_env()?;
        // Others may have chosen before.
        drop(rustls::crypto::ring::default_provider().install_default());
        let file = Kubeconfig::read_from(&settings.kubeconfig)?;
        let config = Config::from_custom_kubeconfig(file, &KubeConfigOptions::default()).await?;
        Ok(Self {
            client: Client::try_from(config)?,
            kubectl: variable("KUBECTL")?.into(),
            helm: variable("HELM")?.into(),
            settings,
        })
    }

    /// Installs the operator's chart, with further values, or what differs; waits until it is ready.
    pub async fn install_operator(&self, more: &[&str]) -> Seen<()> {
        let chart = self.settings.root.join("charts").join(OPERATOR);
        let mut values = vec![format!("image.tag={}", self.settings.tag)];
        values.extend(more.iter().map(|value| (*value).to_owned()));
        self.install_chart(&chart, &values).await
    }

    /// Installs a chart of the operator with these values.
    pub async fn install_chart(&self, chart: &Path, values: &[String]) -> Seen<()> {
        let chart = chart.display().to_string();
        let mut words = vec!["upgrade", "--install", OPERATOR, &chart];
        words.extend(["--namespace", OPERATOR_NAMESPACE, "--create-namespace"]);
        words.extend(["--wait", "--timeout", "2m"]);
        for value in values {
            words.extend(["--set", value]);
        }
        match self.helm(&words).await {
            // A run that was cut short left it so.
            Err(error) if error.to_string().contains("another operation") => {
                let pending = "owner=helm,status in (pending-install,pending-upgrade)";
                self.at_operator(&["delete", "secrets", "-l", pending])
                    .await?;
                self.helm(&words).await.map(drop)
            }
            ended => ended.map(drop),
        }
    }

    /// Runs kubectl; the caller names the namespace.
    pub async fn kubectl(&self, words: &[&str]) -> Seen<Run> {
        self.kubectl_with(words, "").await
    }

    /// The same with something to read.
    pub async fn kubectl_with(&self, words: &[&str], input: &str) -> Seen<Run> {
        run(
            command(&self.kubectl, &self.settings.kubeconfig, words),
            input,
            WITHIN,
        )
        .await
    }

    /// kubectl, which must succeed: what it said.
    pub async fn must(&self, words: &[&str]) -> Seen<String> {
        self.kubectl(words).await?.ok()
    }

    /// The same where the operator is.
    pub async fn at_operator(&self, words: &[&str]) -> Seen<String> {
        let there = ["--namespace", OPERATOR_NAMESPACE];
        self.must(&[&there[..], words].concat()).await
    }

    /// Runs helm, which must succeed: what it said.
    pub async fn helm(&self, words: &[&str]) -> Seen<String> {
        let helm = command(&self.helm, &self.settings.kubeconfig, words);
        run(helm, "", WITHIN).await?.ok()
    }

    /// Any program beside them.
    pub async fn program(&self, program: &Path, words: &[&str]) -> Seen<Run> {
        run(
            command(program, &self.settings.kubeconfig, words),
            "",
            WITHIN,
        )
        .await
    }

    /// kubectl itself, for commands that run beside the test.
    pub fn kubectl_path(&self) -> &Path {
        &self.kubectl
    }

    /// An image under test.
    pub fn image(&self, name: &str) -> String {
        format!("{name}:{}", self.settings.tag)
    }
}
