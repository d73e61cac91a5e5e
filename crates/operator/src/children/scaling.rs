//! How many instances run, and how many may be away on purpose.

use serde_json::{Value, json};

use super::{Child, Kind, Wanted, without_blanks};
use crate::{api::Autoscaling, names};

/// How busy an instance should be when the user does not say, in percent of the requested CPU.
const USUAL_CPU: i32 = 70;

const BUDGET: Kind = Kind::known(
    "policy",
    "v1",
    "PodDisruptionBudget",
    "poddisruptionbudgets",
);
pub(crate) const AUTOSCALER: Kind = Kind::known(
    "autoscaling",
    "v2",
    "HorizontalPodAutoscaler",
    "horizontalpodautoscalers",
);

pub(super) const CHILDREN: &[Child] = &[
    Child {
        kind: BUDGET,
        suffix: "",
        needed: false,
        build: budget,
    },
    Child {
        kind: AUTOSCALER,
        suffix: "",
        needed: false,
        build: autoscaler,
    },
];

/// At most so many away, rather than at least so many there: one replica can be drained. Pods
/// that are not ready never stand in a drain's way.
fn budget(wanted: &Wanted<'_>) -> Option<Value> {
    let given = wanted.spec.disruption.as_ref();
    let away = given.map_or_else(|| json!(1), |given| json!(given.max_unavailable));
    Some(json!({
        "spec": {
            "maxUnavailable": away,
            "unhealthyPodEvictionPolicy": "AlwaysAllow",
            "selector": {"matchLabels": names::selector(wanted.name)},
        },
    }))
}

fn autoscaler(wanted: &Wanted<'_>) -> Option<Value> {
    let given = wanted.spec.autoscaling.as_ref()?;
    Some(json!({
        "spec": without_blanks(json!({
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": wanted.name},
            "minReplicas": given.min_replicas,
            "maxReplicas": given.max_replicas,
            "metrics": metrics(given),
            "behavior": given.behavior,
        })),
    }))
}

fn metrics(given: &Autoscaling) -> Vec<Value> {
    let usual = given.metrics.is_empty().then_some(USUAL_CPU);
    let cpu = given.target_cpu_utilization.or(usual).map(|percent| {
        json!({
            "type": "Resource",
            "resource": {
                "name": "cpu",
                "target": {"type": "Utilization", "averageUtilization": percent},
            },
        })
    });
    let others = given.metrics.iter().map(|metric| json!(metric));
    cpu.into_iter().chain(others).collect()
}
