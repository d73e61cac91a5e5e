//! Which cluster, and a client of it.

use std::path::PathBuf;

use kube::{
    Client, Config,
    config::{KubeConfigOptions, Kubeconfig},
};

use super::KubeError;

/// Which cluster is meant. Nothing set means the one that kubectl would use.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Access {
    /// The file that tells of clusters, instead of KUBECONFIG and `~/.kube/config`.
    pub kubeconfig: Option<PathBuf>,
    /// The context in it, instead of its current one.
    pub context: Option<String>,
}

impl Access {
    /// A client, and the namespace that is meant where none is named.
    pub async fn client(&self) -> Result<(Client, String), KubeError> {
        // One provider for all of TLS; another one may have been first.
        drop(rustls::crypto::ring::default_provider().install_default());
        let config = self.config().await?;
        let usual = config.default_namespace.clone();
        let client =
            Client::try_from(config).map_err(|error| KubeError::Client(Box::new(error)))?;
        Ok((client, usual))
    }

    async fn config(&self) -> Result<Config, KubeError> {
        if self.kubeconfig.is_none() && self.context.is_none() {
            let inferred = Config::infer().await;
            return inferred.map_err(|error| KubeError::Config(Box::new(error)));
        }
        // Somebody who names a context means a file, never the pod that this may run in.
        let asked = |error| KubeError::Asked(Box::new(error));
        let file = match &self.kubeconfig {
            Some(path) => Kubeconfig::read_from(path),
            None => Kubeconfig::read(),
        };
        let options = KubeConfigOptions {
            context: self.context.clone(),
            ..KubeConfigOptions::default()
        };
        let config = Config::from_custom_kubeconfig(file.map_err(asked)?, &options);
        config.await.map_err(asked)
    }
}
