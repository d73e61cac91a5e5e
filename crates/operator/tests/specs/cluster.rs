//! The API server that the tests of this program share, with the definition installed. No
//! controllers: what is stored is what was applied.

use std::time::Duration;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::{
    Api, Client,
    api::{ApiResource, DynamicObject, PostParams},
};
use push_manager_envtest::{Cluster, Options, Seen, eventually};
use push_manager_operator::{api::PushManager, crd};
use tokio::sync::OnceCell;

const SOON: Duration = Duration::from_secs(30);

/// A client, and a namespace of its own.
pub(crate) async fn namespace(prefix: &str) -> (Client, String) {
    static SHARED: OnceCell<Cluster> = OnceCell::const_new();
    let cluster = SHARED
        .get_or_init(async || {
            let cluster = Cluster::start(Options::default()).await;
            install(cluster.client().await).await;
            cluster
        })
        .await;
    let namespace = cluster.namespace(prefix).await;
    (cluster.client().await, namespace)
}

async fn install(client: Client) {
    let definitions: Api<CustomResourceDefinition> = Api::all(client.clone());
    let ours = serde_json::from_value(crd::definition()).unwrap();
    definitions
        .create(&PostParams::default(), &ours)
        .await
        .unwrap();
    let objects = objects(client, "default");
    eventually(SOON, "PushManagers are served", async || -> Seen<()> {
        objects.list(&kube::api::ListParams::default()).await?;
        Ok(())
    })
    .await;
}

/// PushManagers as they are stored.
pub(crate) fn objects(client: Client, namespace: &str) -> Api<DynamicObject> {
    Api::namespaced_with(client, namespace, &ApiResource::erase::<PushManager>(&()))
}
