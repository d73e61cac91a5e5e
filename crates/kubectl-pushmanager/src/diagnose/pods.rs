//! Pods: the objects, their logs, and what they tell when they are asked.

use std::time::{Duration, SystemTime};

use k8s_openapi::api::core::v1::Pod;
use kube::{
    Api,
    api::{DynamicObject, ListParams, LogParams},
};
use pushtop::once::Document;
use serde_json::{Value, json};

use super::{Bundle, MOST_LINES, MOST_LOG_BYTES, MOST_OPERATORS, MOST_PODS, metrics};
use crate::{
    admin::{self, Said},
    cluster::{Cluster, bounded},
    pod::PodFacts,
};

/// The label of the operator's pods.
const OPERATOR: &str = "app.kubernetes.io/name=push-manager-operator";

/// Adds the pods of a PushManager; gives their names.
pub(super) async fn add(
    cluster: &Cluster,
    name: &str,
    bundle: &mut Bundle,
    progress: &mut dyn FnMut(&str),
) -> Vec<String> {
    let pods = match cluster.pods(name).await {
        Ok(pods) => pods,
        Err(error) => {
            bundle.lacks("pods", &error.to_string());
            return Vec::new();
        }
    };
    let api = cluster.pods_api();
    let mut names = Vec::new();
    for pod in pods.iter().take(MOST_PODS) {
        let facts = PodFacts::of(pod);
        progress(&format!("pod {}", facts.name));
        let folder = format!("pods/{}", facts.name);
        object(bundle, &folder, pod);
        logs(&api, &facts, &folder, bundle).await;
        if facts.is_running() {
            told(&api, pod, &facts, &folder, bundle).await;
        }
        names.push(facts.name);
    }
    if pods.len() > MOST_PODS {
        let left = pods.len() - MOST_PODS;
        bundle.lacks(
            "pods",
            &format!("{left} more pods than the bundle may hold"),
        );
    }
    names
}

/// Adds the operator's pods, wherever they are.
pub(super) async fn operators(
    cluster: &Cluster,
    bundle: &mut Bundle,
    progress: &mut dyn FnMut(&str),
) {
    let everywhere: Api<Pod> = Api::all(cluster.client.clone());
    let params = ListParams::default().labels(OPERATOR).limit(100);
    let doing = "listing the operator's pods in all namespaces";
    let pods = match bounded(doing, everywhere.list(&params)).await {
        Ok(list) => list.items,
        Err(error) => return bundle.lacks("operator", &error.to_string()),
    };
    if pods.is_empty() {
        bundle.lacks("operator", &format!("no pod has the label {OPERATOR}"));
    }
    for pod in pods.iter().take(MOST_OPERATORS) {
        let facts = PodFacts::of(pod);
        progress(&format!("operator {}", facts.name));
        let namespace = pod.metadata.namespace.as_deref().unwrap_or_default();
        let api = Api::namespaced(cluster.client.clone(), namespace);
        let folder = format!("operator/{namespace}/{}", facts.name);
        object(bundle, &folder, pod);
        logs(&api, &facts, &folder, bundle).await;
    }
}

fn object(bundle: &mut Bundle, folder: &str, pod: &Pod) {
    match serde_json::to_value(pod) {
        Ok(value) => bundle.object(&format!("{folder}/pod.json"), value),
        Err(error) => bundle.lacks(folder, &error.to_string()),
    }
}

/// The logs of each container, now and before its last restart.
async fn logs(api: &Api<Pod>, pod: &PodFacts, folder: &str, bundle: &mut Bundle) {
    for container in &pod.containers {
        for previous in [false, true] {
            // Without a restart there is nothing before.
            if previous && pod.restarts == 0 {
                continue;
            }
            let params = LogParams {
                container: Some(container.clone()),
                previous,
                // A time before each line would hide from the redaction what begins a line.
                timestamps: false,
                tail_lines: Some(MOST_LINES),
                limit_bytes: Some(MOST_LOG_BYTES),
                ..LogParams::default()
            };
            let when = if previous { ".previous" } else { "" };
            let path = format!("{folder}/{container}{when}.log");
            let doing = format!("reading the log of the container {container:?}");
            match bounded(&doing, api.logs(&pod.name, &params)).await {
                Ok(log) => bundle.text(&path, &log),
                Err(error) => bundle.lacks(&path, &error.to_string()),
            }
        }
    }
}

/// What it tells: its metrics, and its admin API's description and state.
async fn told(api: &Api<Pod>, pod: &Pod, facts: &PodFacts, folder: &str, bundle: &mut Bundle) {
    let path = format!("{folder}/metrics.txt");
    match metrics::ask(api, &facts.name, metrics::port(pod)).await {
        Ok(text) => bundle.text(&path, &text),
        Err(why) => bundle.lacks(&path, &why),
    }
    let path = format!("{folder}/admin.json");
    match admin::ask(api, &facts.name, facts.admin_port).await {
        Ok(said) => bundle.object(&path, picture(&facts.name, &said)),
        Err(why) => bundle.lacks(&path, &why),
    }
}

/// In the words of `pushtop --once --json`, with what only the pod itself tells.
fn picture(pod: &str, said: &Said) -> Value {
    let (fleet, now) = said.to_fleet(pod);
    let wall = said.frames.first().and_then(|frame| frame.wall_time);
    let since = wall.map(|wall| Duration::from_secs(u64::try_from(wall.seconds).unwrap_or(0)));
    let wall = SystemTime::UNIX_EPOCH + since.unwrap_or_default();
    let row = fleet.replicas().first().and_then(|replica| replica.row());
    let info = &said.info;
    json!({
        "info": {
            "manager_id": info.manager_id,
            "instance_id": info.instance_id,
            "version": info.version,
            "grpc_address": info.grpc_address,
            "metrics_address": info.metrics_address,
            "controller_address": info.controller_address,
            "discovery_kind": info.discovery_kind,
            "etcd_endpoints": info.etcd_endpoints,
        },
        "waits_for": row.map(|row| &row.not_ready),
        "discovery_error": row.map(|row| &row.discovery_error),
        "registrations_skipped": row.map(|row| row.registrations_skipped),
        "state": Document::of(&fleet, now, wall),
    })
}

/// The name of an object.
pub(super) fn name_of(object: &DynamicObject) -> String {
    object.metadata.name.clone().unwrap_or_default()
}
