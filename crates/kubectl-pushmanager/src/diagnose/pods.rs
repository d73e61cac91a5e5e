//! Pods: the objects, their logs, and what they tell when they are asked.

use std::time::{Duration, SystemTime};

use futures::{StreamExt, stream};
use k8s_openapi::api::core::v1::Pod;
use kube::{
    Api,
    api::{DynamicObject, ListParams, LogParams},
};
use pushtop::once::Document;
use serde_json::{Value, json};

use super::{Bundle, MOST_LINES, MOST_LOG_BYTES, MOST_OPERATORS, MOST_PODS, Piece, metrics};
use crate::{
    admin::{self, AT_ONCE, Said},
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
    let asking = pods.iter().take(MOST_PODS).map(|pod| {
        let api = api.clone();
        async move {
            let facts = PodFacts::of(pod);
            let folder = format!("pods/{}", facts.name);
            let mut pieces = vec![object(&folder, pod)];
            pieces.extend(logs(&api, &facts, &folder).await);
            if facts.is_running() {
                pieces.extend(told(&api, pod, &facts, &folder).await);
            }
            (facts.name, pieces)
        }
    });
    let mut collected = stream::iter(asking).buffered(AT_ONCE);
    let mut names = Vec::new();
    while let Some((name, pieces)) = collected.next().await {
        progress(&format!("pod {name}"));
        for piece in pieces {
            bundle.add(piece);
        }
        names.push(name);
    }
    if pods.len() > MOST_PODS {
        let left = pods.len() - MOST_PODS;
        let why = format!("{left} more pods than the bundle may hold");
        bundle.lacks("pods", &why);
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
        bundle.add(object(&folder, pod));
        for piece in logs(&api, &facts, &folder).await {
            bundle.add(piece);
        }
    }
}

fn object(folder: &str, pod: &Pod) -> Piece {
    match serde_json::to_value(pod) {
        Ok(value) => Piece::Object(format!("{folder}/pod.json"), value),
        Err(error) => Piece::Lack(folder.to_owned(), error.to_string()),
    }
}

/// The logs of each container, now and before its last restart.
async fn logs(api: &Api<Pod>, pod: &PodFacts, folder: &str) -> Vec<Piece> {
    let mut pieces = Vec::new();
    for (container, restarts) in &pod.containers {
        for previous in [false, true] {
            // Without a restart there is nothing before.
            if previous && *restarts == 0 {
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
            let log = bounded(&doing, api.logs(&pod.name, &params)).await;
            pieces.push(text(path, log.map_err(|error| error.to_string())));
        }
    }
    pieces
}

fn text(path: String, said: Result<String, String>) -> Piece {
    match said {
        Ok(text) => Piece::Text(path, text),
        Err(why) => Piece::Lack(path, why),
    }
}

/// What it tells: its metrics, and its admin API's description and state.
async fn told(api: &Api<Pod>, pod: &Pod, facts: &PodFacts, folder: &str) -> [Piece; 2] {
    let metrics = metrics::ask(api, &facts.name, metrics::port(pod)).await;
    let path = format!("{folder}/admin.json");
    let admin = match admin::ask(api, &facts.name, facts.admin_port).await {
        Ok(said) => Piece::Object(path, picture(&facts.name, &said)),
        Err(why) => Piece::Lack(path, why),
    };
    [text(format!("{folder}/metrics.txt"), metrics), admin]
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
