//! How many instances run, and how many may be away.

use k8s_openapi::{
    api::autoscaling::v2::{HorizontalPodAutoscalerBehavior, MetricSpec},
    apimachinery::pkg::util::intstr::IntOrString,
};
use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Scaling by load.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("self.minReplicas <= self.maxReplicas").message("spec.autoscaling.minReplicas must not be more than maxReplicas")
)]
pub struct Autoscaling {
    /// The fewest instances.
    #[serde(default = "two")]
    #[schemars(range(min = 1, max = 1000))]
    pub min_replicas: i32,
    /// The most instances.
    #[schemars(range(min = 1, max = 1000))]
    pub max_replicas: i32,
    /// How busy an instance should be, in percent of the CPU it requests.
    #[serde(
        default,
        rename = "targetCPUUtilization",
        skip_serializing_if = "Option::is_none"
    )]
    #[schemars(range(min = 1, max = 1000))]
    pub target_cpu_utilization: Option<i32>,
    /// What else to scale by, as a HorizontalPodAutoscaler takes it. With neither this nor
    /// `targetCPUUtilization`: a CPU utilization of 70 %.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    pub metrics: Vec<MetricSpec>,
    /// How fast to scale, as a HorizontalPodAutoscaler takes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub behavior: Option<HorizontalPodAutoscalerBehavior>,
}

/// What evictions leave running.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Disruption {
    /// How many instances, or which share of them such as `25%`, may be evicted at once. With 0,
    /// no host that runs an instance can be drained.
    pub max_unavailable: IntOrString,
}

const fn two() -> i32 {
    2
}
