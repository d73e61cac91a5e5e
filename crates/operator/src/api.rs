//! The resource `PushManager`, as users write it and as its status is told.
//!
//! The server's own knobs are no fields here: `knobs.rs` puts them into the schema from
//! `crates/config`, and [`Knobs`] carries what a user gave for them.

#![allow(
    unreachable_pub,
    reason = "the schema derive writes functions around the types"
)]

mod monitoring;
mod network;
mod pod;
mod scaling;
mod status;

use std::collections::BTreeMap;

use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use self::{
    monitoring::{Alerts, GrafanaDashboard, Observability, ServiceMonitor},
    network::{NetworkPolicy, Service, ServiceType, TrafficDistribution},
    pod::{EnvVar, PodTemplate, PullPolicy, ServiceAccount, TopologySpread, Unsatisfiable},
    scaling::{Autoscaling, Disruption},
    status::{Condition, PushManagerStatus},
};

/// The group of the resource and of every label and annotation of ours.
pub const GROUP: &str = "pushmanager.io";
/// The resource's version.
pub const VERSION: &str = "v1alpha1";
/// The resource's kind.
pub const KIND: &str = "PushManager";

/// What a user gave for the knobs of one section, by their names in the resource.
pub type Knobs = BTreeMap<String, Value>;

/// A Push-Manager: a set of equal instances that fan pushes out to Connect-Nodes.
#[derive(Clone, Debug, PartialEq, CustomResource, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[kube(
    group = "pushmanager.io",
    version = "v1alpha1",
    kind = "PushManager",
    plural = "pushmanagers",
    shortname = "pm",
    category = "all",
    namespaced,
    status = "PushManagerStatus",
    derive = "PartialEq",
    validation = Rule::new("self.metadata.name.size() <= 50 && self.metadata.name.matches('^[a-z]([-a-z0-9]*[a-z0-9])?$')").message("metadata.name must begin with a letter, hold only lower-case letters, digits and dashes, and have at most 50 characters: Services and pods are named after it"),
    scale(
        spec_replicas_path = ".spec.replicas",
        status_replicas_path = ".status.replicas",
        label_selector_path = ".status.selector"
    ),
    printcolumn(name = "Desired", type_ = "integer", json_path = ".status.desiredReplicas", description = "Instances that are wanted."),
    printcolumn(name = "Ready", type_ = "integer", json_path = ".status.readyReplicas", description = "Instances that take pushes."),
    printcolumn(name = "Available", type_ = "string", json_path = ".status.conditions[?(@.type=='Available')].status", description = "Whether pushes are taken."),
    printcolumn(name = "Reason", type_ = "string", json_path = ".status.conditions[?(@.type=='Degraded')].reason", description = "What is wrong, in a word."),
    printcolumn(name = "Version", type_ = "string", json_path = ".spec.version", priority = 1, description = "The version that is asked for."),
    printcolumn(name = "Endpoint", type_ = "string", json_path = ".status.endpoints[0]", priority = 1, description = "Where callers reach the push API."),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp", description = "How long ago it was created.")
)]
#[x_kube(
    validation = Rule::new("(has(self.etcd) && has(self.etcd.endpoints)) || (has(self.discovery) && has(self.discovery.kind) && self.discovery.kind != 'etcd')").message("spec.etcd.endpoints is required, e.g. [\"etcd:2379\"], unless spec.discovery.kind is static"),
    validation = Rule::new("!(has(self.etcd) && has(self.etcd.prefix) && has(self.discovery) && has(self.discovery.prefixes))").message("spec.etcd.prefix and spec.discovery.prefixes mean the same: set one of them")
)]
pub struct PushManagerSpec {
    /// How many instances run. While `autoscaling` is set, the autoscaler decides instead.
    #[serde(default = "one")]
    #[schemars(range(min = 0, max = 1000))]
    pub replicas: i32,
    /// Which version of Push-Manager runs: a tag of the operator's image repository. The
    /// default is written into the object when it is created, so that a new operator moves
    /// nobody.
    #[serde(default = "release")]
    #[schemars(regex(pattern = r"^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$"))]
    pub version: String,
    /// The whole image, by tag or digest, instead of `version`: e.g.
    /// `registry.example/push-manager@sha256:…`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 512))]
    pub image: Option<String>,
    /// When the image is pulled. Kubernetes' own default applies when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image_pull_policy: Option<PullPolicy>,
    /// Names of Secrets with credentials for the image's registry.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16), inner(length(min = 1, max = 253)))]
    pub image_pull_secrets: Vec<String>,
    /// CPU and memory of an instance. Absent: requests of 250m and 256Mi, no limits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resources: Option<k8s_openapi::api::core::v1::ResourceRequirements>,
    /// What else pods carry, and where they may run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pod_template: Option<PodTemplate>,
    /// The ServiceAccount of the pods. No token of it is mounted: instances need none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service_account: Option<ServiceAccount>,
    /// Where etcd is, which knows the Connect-Nodes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub etcd: Option<Etcd>,
    /// The Controller-Manager, which knows who is in which room and where.
    #[schemars(with = "Placeholder")]
    pub controller: Knobs,
    /// Where the set of Connect-Nodes comes from.
    #[serde(default, skip_serializing_if = "Knobs::is_empty")]
    #[schemars(with = "Placeholder")]
    pub discovery: Knobs,
    /// The instances' own entries in etcd.
    #[serde(default, skip_serializing_if = "Knobs::is_empty")]
    #[schemars(with = "Placeholder")]
    pub registration: Knobs,
    /// Connections to Connect-Nodes.
    #[serde(default, skip_serializing_if = "Knobs::is_empty")]
    #[schemars(with = "Placeholder")]
    pub pool: Knobs,
    /// How a push is handed to the nodes.
    #[serde(default, skip_serializing_if = "Knobs::is_empty")]
    #[schemars(with = "Placeholder")]
    pub fanout: Knobs,
    /// How the targets of a push are found.
    #[serde(default, skip_serializing_if = "Knobs::is_empty")]
    #[schemars(with = "Placeholder")]
    pub routing: Knobs,
    /// What a caller may ask for.
    #[serde(default, skip_serializing_if = "Knobs::is_empty")]
    #[schemars(with = "Placeholder")]
    pub limits: Knobs,
    /// Shutting down without losing a push.
    #[serde(default, skip_serializing_if = "Knobs::is_empty")]
    #[schemars(with = "Placeholder")]
    pub drain: Knobs,
    /// The admin API, which `kubectl pushmanager` and pushtop reach through a port-forward.
    #[serde(default, skip_serializing_if = "Knobs::is_empty")]
    #[schemars(with = "Placeholder")]
    pub admin: Knobs,
    /// Scales the instances by their load, through a HorizontalPodAutoscaler.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub autoscaling: Option<Autoscaling>,
    /// Logs, traces, metrics, alerts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observability: Option<Observability>,
    /// Restricts who reaches the instances. Absent: no NetworkPolicy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network_policy: Option<NetworkPolicy>,
    /// The Service that callers use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<Service>,
    /// How many instances may be away at once on purpose: a node's drain, say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disruption: Option<Disruption>,
    /// How instances are spread. Absent: over hosts, where that is possible. Zones are preferred that
    /// have none yet, unless podTemplate.affinity says otherwise. Hosts that lack the label of one entry
    /// are scored by none.
    /// An empty list: not at all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 8))]
    pub topology_spread: Option<Vec<TopologySpread>>,
    /// How long a pod may take to end, in seconds. Absent: `drain.notice` and `drain.timeout`
    /// with room to spare; less than those is refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 7200))]
    pub termination_grace_period_seconds: Option<i64>,
    /// Whether the operator leaves everything as it is, until this is false again.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub paused: bool,
}

/// Where etcd is, and how to sign in; the knobs of the connection are beside it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Etcd {
    /// The etcd prefix that Connect-Nodes register under, e.g. `connect-node/`. For several, use
    /// `discovery.prefixes`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 1024), regex(pattern = "/$"))]
    pub prefix: Option<String>,
    /// A Secret of this namespace with etcd's user and password. The operator never reads it:
    /// the kubelet hands it to the pods, which start once it is there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth_secret_ref: Option<AuthSecretRef>,
    /// The knobs.
    #[serde(flatten)]
    #[schemars(skip)]
    pub knobs: Knobs,
}

/// A Secret with a user and a password.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AuthSecretRef {
    /// The Secret's name.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
    /// The key that holds the user.
    #[serde(default = "username")]
    #[schemars(length(min = 1, max = 253))]
    pub username_key: String,
    /// The key that holds the password.
    #[serde(default = "password")]
    #[schemars(length(min = 1, max = 253))]
    pub password_key: String,
}

/// Stands in the schema for the knobs of a section, until `crd.rs` puts them there.
#[derive(JsonSchema)]
#[allow(dead_code, reason = "only its schema is used")]
struct Placeholder {}

const fn one() -> i32 {
    1
}

fn release() -> String {
    env!("CARGO_PKG_VERSION").to_owned()
}

fn username() -> String {
    "username".to_owned()
}

fn password() -> String {
    "password".to_owned()
}
