//! The kinds of objects that an operator makes for a PushManager. Secrets are not among them.

use kube::api::ApiResource;

use super::Bundle;
use crate::cluster::{Cluster, ClusterError, kind, selector};

/// Whether a cluster always has a kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kept {
    Always,
    /// Only where somebody installed it.
    WhereInstalled,
}

/// Group, version, kind, plural.
const KINDS: &[(&str, &str, &str, &str, Kept)] = &[
    ("apps", "v1", "Deployment", "deployments", Kept::Always),
    ("apps", "v1", "ReplicaSet", "replicasets", Kept::Always),
    ("", "v1", "ConfigMap", "configmaps", Kept::Always),
    ("", "v1", "Service", "services", Kept::Always),
    ("", "v1", "ServiceAccount", "serviceaccounts", Kept::Always),
    (
        "",
        "v1",
        "PersistentVolumeClaim",
        "persistentvolumeclaims",
        Kept::Always,
    ),
    (
        "discovery.k8s.io",
        "v1",
        "EndpointSlice",
        "endpointslices",
        Kept::Always,
    ),
    (
        "policy",
        "v1",
        "PodDisruptionBudget",
        "poddisruptionbudgets",
        Kept::Always,
    ),
    (
        "autoscaling",
        "v2",
        "HorizontalPodAutoscaler",
        "horizontalpodautoscalers",
        Kept::Always,
    ),
    (
        "networking.k8s.io",
        "v1",
        "NetworkPolicy",
        "networkpolicies",
        Kept::Always,
    ),
    (
        "monitoring.coreos.com",
        "v1",
        "ServiceMonitor",
        "servicemonitors",
        Kept::WhereInstalled,
    ),
    (
        "monitoring.coreos.com",
        "v1",
        "PrometheusRule",
        "prometheusrules",
        Kept::WhereInstalled,
    ),
    (
        "cert-manager.io",
        "v1",
        "Certificate",
        "certificates",
        Kept::WhereInstalled,
    ),
];

/// Adds all children; gives their names.
pub(super) async fn add(cluster: &Cluster, name: &str, bundle: &mut Bundle) -> Vec<String> {
    let mut names = Vec::new();
    for (group, version, word, plural, kept) in KINDS.iter().copied() {
        let kind = kind(group, version, word, plural);
        match cluster.list(&kind, &selector(name)).await {
            Ok(found) => {
                for object in found {
                    let name = object.metadata.name.clone().unwrap_or_default();
                    let path = format!("children/{}/{name}.json", kind.plural);
                    match serde_json::to_value(&object) {
                        Ok(value) => bundle.object(&path, value),
                        Err(error) => bundle.lacks(&path, &error.to_string()),
                    }
                    names.push(name);
                }
            }
            Err(error) if error.is_absent() && kept == Kept::WhereInstalled => {}
            Err(error) => lacks(bundle, &kind, &error),
        }
    }
    names
}

fn lacks(bundle: &mut Bundle, kind: &ApiResource, error: &ClusterError) {
    bundle.lacks(&kind.plural, &error.to_string());
}
