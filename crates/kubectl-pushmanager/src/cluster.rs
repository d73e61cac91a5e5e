//! What is asked of the API server: each question bounded in time, each refusal in words.

mod error;

use std::{future::Future, time::Duration};

use k8s_openapi::api::core::v1::Pod;
use kube::{
    Api, Client, ResourceExt,
    api::{ApiResource, DynamicObject, ListParams},
};
use pushtop::feed::kube::Access;
use tokio::time::timeout;

pub use self::error::ClusterError;

/// The API server answers within so long.
pub const ANSWER_WITHIN: Duration = Duration::from_secs(10);
/// Most objects taken of one kind.
pub const MOST_OBJECTS: u32 = 500;
/// Most names told where one is not found.
const MOST_NAMES: usize = 20;

/// A namespace of a cluster.
#[derive(Clone)]
pub struct Cluster {
    /// The way to it.
    pub client: Client,
    /// The namespace.
    pub namespace: String,
}

impl std::fmt::Debug for Cluster {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cluster")
            .field("namespace", &self.namespace)
            .finish_non_exhaustive()
    }
}

/// The labels of all that belongs to a PushManager.
pub fn selector(name: &str) -> String {
    format!(
        "app.kubernetes.io/name=push-manager,app.kubernetes.io/instance={name},\
         app.kubernetes.io/managed-by=push-manager-operator"
    )
}

/// The kind PushManager.
pub fn push_managers() -> ApiResource {
    kind("pushmanager.io", "v1alpha1", "PushManager", "pushmanagers")
}

/// A kind of objects.
pub fn kind(group: &str, version: &str, kind: &str, plural: &str) -> ApiResource {
    let api_version = match group {
        "" => version.to_owned(),
        _ => format!("{group}/{version}"),
    };
    ApiResource {
        group: group.to_owned(),
        version: version.to_owned(),
        api_version,
        kind: kind.to_owned(),
        plural: plural.to_owned(),
    }
}

impl Cluster {
    /// The cluster and namespace that are meant.
    pub async fn reach(access: &Access, namespace: Option<&str>) -> Result<Self, ClusterError> {
        let reaching = timeout(ANSWER_WITHIN, access.client()).await;
        let reached =
            reaching.map_err(|_| ClusterError::Silent("reading the configuration".into()))?;
        let (client, usual) = reached.map_err(ClusterError::Access)?;
        let namespace = namespace.map_or(usual, str::to_owned);
        Ok(Self { client, namespace })
    }

    /// The PushManager of that name. Where there is none, the error tells what there is.
    pub async fn push_manager(&self, name: &str) -> Result<DynamicObject, ClusterError> {
        let kind = push_managers();
        let api: Api<DynamicObject> =
            Api::namespaced_with(self.client.clone(), &self.namespace, &kind);
        let doing = format!(
            "reading the PushManager {:?}",
            format!("{}/{name}", self.namespace)
        );
        match bounded(&doing, api.get(name)).await {
            Err(error) if error.is_absent() => Err(self.none(name).await),
            answered => answered,
        }
    }

    /// Why a name is not found: no such kind, or other names.
    async fn none(&self, name: &str) -> ClusterError {
        match self.list(&push_managers(), "").await {
            Ok(there) => ClusterError::NoSuch {
                namespace: self.namespace.clone(),
                name: name.to_owned(),
                there: named(&there),
            },
            Err(error) if error.is_absent() => ClusterError::NoKind,
            // Whoever may read one may not be allowed to list.
            Err(ClusterError::Denied { .. }) => ClusterError::NoSuch {
                namespace: self.namespace.clone(),
                name: name.to_owned(),
                there: Vec::new(),
            },
            Err(error) => error,
        }
    }

    /// The pods of a PushManager, by name.
    pub async fn pods(&self, name: &str) -> Result<Vec<Pod>, ClusterError> {
        let params = ListParams::default()
            .labels(&selector(name))
            .limit(MOST_OBJECTS);
        let api = self.pods_api();
        let listed = bounded("listing its pods", api.list(&params)).await?;
        let mut pods = listed.items;
        pods.sort_by_key(ResourceExt::name_any);
        Ok(pods)
    }

    /// The pods of the namespace.
    pub fn pods_api(&self) -> Api<Pod> {
        Api::namespaced(self.client.clone(), &self.namespace)
    }

    /// The objects of a kind with these labels, by name.
    pub async fn list(
        &self,
        kind: &ApiResource,
        labels: &str,
    ) -> Result<Vec<DynamicObject>, ClusterError> {
        let api: Api<DynamicObject> =
            Api::namespaced_with(self.client.clone(), &self.namespace, kind);
        let params = ListParams::default().labels(labels).limit(MOST_OBJECTS);
        let doing = format!("listing {}", kind.plural);
        let mut found = bounded(&doing, api.list(&params)).await?.items;
        found.sort_by_key(ResourceExt::name_any);
        Ok(found)
    }
}

fn named(there: &[DynamicObject]) -> Vec<String> {
    let names = there.iter().map(ResourceExt::name_any);
    let mut names: Vec<_> = names.take(MOST_NAMES + 1).collect();
    if names.len() > MOST_NAMES {
        names.truncate(MOST_NAMES);
        names.push("…".to_owned());
    }
    names
}

/// An answer of the API server, or what went wrong while doing that.
pub async fn bounded<T>(
    doing: &str,
    asking: impl Future<Output = Result<T, kube::Error>>,
) -> Result<T, ClusterError> {
    match timeout(ANSWER_WITHIN, asking).await {
        Err(_) => Err(ClusterError::Silent(doing.to_owned())),
        Ok(answered) => answered.map_err(|error| ClusterError::of(doing, error)),
    }
}
