//! The API server that the tests of this program share, with the definition installed, and
//! those of the kinds that a cluster may lack. No
//! controllers: what is stored is what was applied.

use std::time::Duration;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::{
    Api, Client,
    api::{ApiResource, DynamicObject, GroupVersionKind, ListParams, PostParams},
};
use push_manager_envtest::{Cluster, Options, Seen, eventually};
use push_manager_operator::{
    api::PushManager,
    children::{self, Kind},
    crd,
};
use serde_json::{Value, json};
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
    let foreign = children::kinds().into_iter().filter(|kind| kind.optional);
    let mut kinds = vec![(ApiResource::erase::<PushManager>(&()), crd::definition())];
    kinds.extend(foreign.map(|kind| (resource(kind), shapeless(kind))));
    for (resource, definition) in kinds {
        let definition = serde_json::from_value(definition).unwrap();
        let params = PostParams::default();
        definitions.create(&params, &definition).await.unwrap();
        let what = format!("{} are served", resource.plural);
        let objects: Api<DynamicObject> = Api::all_with(client.clone(), &resource);
        eventually(SOON, &what, async || -> Seen<()> {
            objects.list(&ListParams::default()).await?;
            Ok(())
        })
        .await;
    }
}

/// A kind as the client wants it.
pub(crate) fn resource(kind: Kind) -> ApiResource {
    let gvk = GroupVersionKind::gvk(kind.group, kind.version, kind.kind);
    ApiResource::from_gvk_with_plural(&gvk, kind.plural)
}

/// The definition of a kind of another operator's, which takes what it is given.
fn shapeless(kind: Kind) -> Value {
    let schema = json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true});
    json!({
        "metadata": {
            "name": format!("{}.{}", kind.plural, kind.group),
            "annotations": {"api-approved.kubernetes.io": "unapproved, for tests"},
        },
        "spec": {
            "group": kind.group,
            "scope": "Namespaced",
            "names": {"kind": kind.kind, "plural": kind.plural, "singular": kind.kind.to_lowercase()},
            "versions": [{
                "name": kind.version, "served": true, "storage": true,
                "schema": {"openAPIV3Schema": schema},
            }],
        },
    })
}

/// PushManagers as they are stored.
pub(crate) fn objects(client: Client, namespace: &str) -> Api<DynamicObject> {
    Api::namespaced_with(client, namespace, &ApiResource::erase::<PushManager>(&()))
}
