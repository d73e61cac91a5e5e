//! Asks for all that a status is made of.

use futures::{StreamExt, stream};
use k8s_openapi::{api::apps::v1::Deployment, jiff::Timestamp};
use kube::api::DynamicObject;

use crate::{
    admin::{self, Said},
    cluster::{Cluster, ClusterError, kind, selector},
    pod::PodFacts,
};

/// Most pods asked.
pub(super) const MOST_PODS: usize = 100;

/// What was learnt.
#[derive(Clone, Debug)]
pub struct Gathered {
    /// Where.
    pub namespace: String,
    /// The PushManager.
    pub push_manager: DynamicObject,
    /// Its Deployment, where it may be read.
    pub deployment: Option<Deployment>,
    /// Its pods, each with what its admin API said or why it did not.
    pub pods: Vec<(PodFacts, Result<Said, String>)>,
    /// Pods that were not asked, because there are so many.
    pub pods_left_out: usize,
    /// When.
    pub now: Timestamp,
}

/// Asks the API server, then each pod. Only what is wrong with the former is an error.
pub async fn gather(cluster: &Cluster, name: &str) -> Result<Gathered, ClusterError> {
    let push_manager = cluster.push_manager(name).await?;
    let deployment = deployment(cluster, name).await;
    let pods = cluster.pods(name).await?;
    let facts: Vec<_> = pods.iter().map(PodFacts::of).collect();
    let pods_left_out = facts.len().saturating_sub(MOST_PODS);
    let api = cluster.pods_api();
    let asking = facts.into_iter().take(MOST_PODS).map(|pod| {
        let api = api.clone();
        async move {
            let said = match &pod.waits {
                Some(why) => Err(format!("not asked: {why}")),
                None => admin::ask(&api, &pod.name, pod.admin_port).await,
            };
            (pod, said)
        }
    });
    let pods = stream::iter(asking).buffered(admin::AT_ONCE);
    Ok(Gathered {
        namespace: cluster.namespace.clone(),
        push_manager,
        deployment,
        pods: pods.collect().await,
        pods_left_out,
        now: Timestamp::now(),
    })
}

/// Only for how many pods are up to date: who may not read it is not told.
async fn deployment(cluster: &Cluster, name: &str) -> Option<Deployment> {
    let kind = kind("apps", "v1", "Deployment", "deployments");
    let listed = cluster.list(&kind, &selector(name)).await.ok()?;
    let first = listed.into_iter().next()?;
    first.try_parse().ok()
}
