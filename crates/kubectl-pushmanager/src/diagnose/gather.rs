//! Collects it all, one after the other, and goes on where something is refused.

use std::collections::BTreeSet;

use serde_json::json;

use super::{Bundle, Limits, MOST_EVENTS, children, pods};
use crate::{
    cluster::{Cluster, ClusterError, bounded, kind},
    status,
};

/// What is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wish {
    /// The PushManager.
    pub name: String,
    /// How large it may get.
    pub limits: Limits,
}

/// The bundle. Only a PushManager that can't be read at all is an error.
pub async fn gather(
    cluster: &Cluster,
    wish: &Wish,
    progress: &mut dyn FnMut(&str),
) -> Result<Bundle, ClusterError> {
    let name = &wish.name;
    progress("the PushManager");
    let object = cluster.push_manager(name).await?;
    let folder = format!("pushmanager-{}-{name}", cluster.namespace);
    let mut bundle = Bundle::new(&folder, wish.limits);
    match serde_json::to_value(&object) {
        Ok(value) => bundle.object("pushmanager.json", value),
        Err(error) => bundle.lacks("pushmanager.json", &error.to_string()),
    }
    versions(cluster, &mut bundle).await;
    progress("what the operator made for it");
    let mut names: BTreeSet<String> = [name.clone()].into();
    names.extend(children::add(cluster, name, &mut bundle).await);
    names.extend(pods::add(cluster, name, &mut bundle, progress).await);
    pods::operators(cluster, &mut bundle, progress).await;
    progress("events");
    events(cluster, &names, &mut bundle).await;
    progress("its status");
    match status::gather(cluster, name).await {
        Ok(gathered) => bundle.text("status.txt", &status::text(&status::Report::of(&gathered))),
        Err(error) => bundle.lacks("status.txt", &error.to_string()),
    }
    Ok(bundle)
}

async fn versions(cluster: &Cluster, bundle: &mut Bundle) {
    let asking = cluster.client.apiserver_version();
    let server = match bounded("reading the cluster's version", asking).await {
        Ok(version) => json!({ "git_version": version.git_version, "platform": version.platform }),
        Err(error) => {
            bundle.lacks("versions.json", &error.to_string());
            json!(null)
        }
    };
    let own = env!("CARGO_PKG_VERSION");
    bundle.object(
        "versions.json",
        json!({ "kubectl_pushmanager": own, "cluster": server }),
    );
}

/// Those about the objects that were collected, by the time at which they were last seen.
async fn events(cluster: &Cluster, names: &BTreeSet<String>, bundle: &mut Bundle) {
    let events = match cluster.list(&kind("", "v1", "Event", "events"), "").await {
        Ok(events) => events,
        Err(error) => return bundle.lacks("events", &error.to_string()),
    };
    let about = |event: &kube::api::DynamicObject| {
        let name = event.data["involvedObject"]["name"].as_str();
        name.is_some_and(|name| names.contains(name))
    };
    let mut events: Vec<_> = events.into_iter().filter(about).collect();
    events.sort_by_key(|event| {
        let last = event.data["lastTimestamp"].as_str();
        (last.unwrap_or_default().to_owned(), pods::name_of(event))
    });
    let newest = events.len().saturating_sub(MOST_EVENTS);
    match serde_json::to_value(&events[newest..]) {
        Ok(value) => bundle.object("events.json", value),
        Err(error) => bundle.lacks("events", &error.to_string()),
    }
}
