//! Names, labels and annotations: the one place that decides them.

use std::collections::BTreeMap;

use crate::api::GROUP;

/// The operator's name: of its field manager, its events, its Lease.
pub const OPERATOR: &str = "push-manager-operator";
/// The name of what runs.
pub const APP: &str = "push-manager";
/// Who wrote an object: the label that the operator's watches select by.
pub const MANAGED_BY: &str = "app.kubernetes.io/managed-by";
/// Which PushManager an object belongs to.
pub const INSTANCE: &str = "app.kubernetes.io/instance";
/// What runs in a pod.
pub const NAME: &str = "app.kubernetes.io/name";
/// Which part an object is.
pub const COMPONENT: &str = "app.kubernetes.io/component";
/// Prefixes of labels and annotations that are not a user's to set.
pub const RESERVED_LABELS: [&str; 2] = ["app.kubernetes.io/", "pushmanager.io/"];

/// The port of the push API.
pub const GRPC_PORT: i32 = 50053;
/// The port of metrics and health.
pub const METRICS_PORT: i32 = 9093;
/// The port of the admin API, on the pod's loopback.
pub const ADMIN_PORT: i32 = 50054;

/// The annotation of a pod template that holds the hash of its configuration.
pub fn config_hash() -> String {
    format!("{GROUP}/config-hash")
}

/// What selects a PushManager's pods, and no others: who made them is part of it, lest a Helm
/// release of the same name be meant as well. It must never change: a Deployment's selector can't.
pub fn selector(instance: &str) -> BTreeMap<String, String> {
    BTreeMap::from([
        (NAME.to_owned(), APP.to_owned()),
        (INSTANCE.to_owned(), instance.to_owned()),
        (MANAGED_BY.to_owned(), OPERATOR.to_owned()),
    ])
}

/// What every child and pod of a PushManager carries.
pub fn labels(instance: &str) -> BTreeMap<String, String> {
    selector(instance)
}

/// Labels as one line, e.g. `a=b,c=d`.
pub fn line(labels: &BTreeMap<String, String>) -> String {
    let pairs: Vec<String> = labels.iter().map(|(k, v)| format!("{k}={v}")).collect();
    pairs.join(",")
}
