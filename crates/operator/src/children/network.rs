//! How instances are reached: the Service for callers, one name for all pods, who may come in.

use serde_json::{Map, Value, json};

use super::{Child, Kind, Wanted, without_blanks};
use crate::{
    api::{ServiceType, TrafficDistribution},
    names::{self, COMPONENT, GRPC_PORT, METRICS_PORT},
};

/// What follows the PushManager's name in that of the headless Service.
const HEADLESS: &str = "-pods";

const SERVICE: Kind = Kind::known("", "v1", "Service", "services");
const NETWORK_POLICY: Kind = Kind::known(
    "networking.k8s.io",
    "v1",
    "NetworkPolicy",
    "networkpolicies",
);

pub(super) const CHILDREN: &[Child] = &[
    Child {
        kind: SERVICE,
        suffix: "",
        needed: false,
        build: service,
    },
    Child {
        kind: SERVICE,
        suffix: HEADLESS,
        needed: false,
        build: headless,
    },
    Child {
        kind: NETWORK_POLICY,
        suffix: "",
        needed: false,
        build: policy,
    },
];

/// Where callers reach the push API, within the cluster.
pub(crate) fn endpoints(name: &str, namespace: &str) -> Vec<String> {
    let host = |service: &str| format!("{service}.{namespace}.svc:{GRPC_PORT}");
    vec![host(name), host(&format!("{name}{HEADLESS}"))]
}

fn service(wanted: &Wanted<'_>) -> Option<Value> {
    let given = wanted.spec.service.clone().unwrap_or_default();
    let node_port = given
        .node_port
        .filter(|_| given.kind != ServiceType::ClusterIp);
    let distribution = given.traffic_distribution.map(TrafficDistribution::as_str);
    let port = without_blanks(json!({
        "name": "grpc",
        "port": GRPC_PORT,
        "targetPort": "grpc",
        "protocol": "TCP",
        // What stands before a mesh or an ingress then knows HTTP/2 without TLS.
        "appProtocol": "kubernetes.io/h2c",
        "nodePort": node_port,
    }));
    Some(json!({
        "metadata": without_blanks(json!({"annotations": given.annotations})),
        "spec": without_blanks(json!({
            "type": given.kind.as_str(),
            "selector": names::selector(wanted.name),
            "ports": [port],
            "trafficDistribution": distribution,
        })),
    }))
}

/// For callers that balance themselves, and for Prometheus.
fn headless(wanted: &Wanted<'_>) -> Option<Value> {
    let port = |name: &str, port: i32| json!({"name": name, "port": port, "targetPort": name, "protocol": "TCP"});
    Some(json!({
        "metadata": {"labels": {COMPONENT: "pods"}},
        "spec": {
            "type": "ClusterIP",
            "clusterIP": "None",
            "selector": names::selector(wanted.name),
            "ports": [port("grpc", GRPC_PORT), port("metrics", METRICS_PORT)],
        },
    }))
}

/// Only what comes in: where etcd, the Controller and the nodes are is not known here.
fn policy(wanted: &Wanted<'_>) -> Option<Value> {
    let given = wanted.spec.network_policy.as_ref()?;
    if !given.enabled {
        return None;
    }
    let rule = |port: &str, from: Value| {
        let mut rule = Map::new();
        rule.insert(
            "ports".to_owned(),
            json!([{"port": port, "protocol": "TCP"}]),
        );
        if from.as_array().is_some_and(|peers| !peers.is_empty()) {
            rule.insert("from".to_owned(), from);
        }
        Value::Object(rule)
    };
    Some(json!({
        "spec": {
            "podSelector": {"matchLabels": names::selector(wanted.name)},
            "policyTypes": ["Ingress"],
            "ingress": [
                rule("grpc", json!(given.clients)),
                rule("metrics", json!(given.monitoring)),
            ],
        },
    }))
}
