//! What the operator tells of a PushManager.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition as KubeCondition;
use kube::KubeSchema;
use serde::{Deserialize, Serialize};

/// One condition, as Kubernetes shapes them.
pub type Condition = KubeCondition;

/// What the operator saw last.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct PushManagerStatus {
    /// The generation of the spec that the rest of the status is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Instances that are wanted: by the spec, or by the autoscaler.
    #[serde(default)]
    pub desired_replicas: i32,
    /// Pods that exist.
    #[serde(default)]
    pub replicas: i32,
    /// Pods that take pushes.
    #[serde(default)]
    pub ready_replicas: i32,
    /// Pods of the newest template.
    #[serde(default)]
    pub updated_replicas: i32,
    /// The pods, as a label selector in one line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub selector: Option<String>,
    /// Where callers reach the push API within the cluster, as host:port. The second is one
    /// name for all pods, for callers that balance themselves.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub endpoints: Vec<String>,
    /// A hash of the instances' configuration; their pods carry it in the annotation
    /// `pushmanager.io/config-hash`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config_hash: Option<String>,
    /// Available, Progressing, Degraded and Paused.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["type".to_owned()]))]
    pub conditions: Vec<Condition>,
}
