//! The pod of an instance. Whatever is written here decides when instances restart: a change of
//! it rolls every Deployment when the operator is upgraded.

mod container;

use serde_json::{Value, json};

use crate::{
    api::TopologySpread,
    children::{
        Wanted,
        configuration::{self, account_name},
        without_blanks,
    },
    names,
};

/// Nobody's user id: that of images without a shell.
const USER: i64 = 65_532;

pub(super) fn template(wanted: &Wanted<'_>) -> Value {
    let given = wanted.spec.pod_template.clone().unwrap_or_default();
    let mut labels = given.labels;
    labels.extend(names::labels(wanted.name));
    let mut annotations = given.annotations;
    annotations.insert(names::config_hash(), wanted.settings.hash.clone());
    json!({
        "metadata": {"labels": labels, "annotations": annotations},
        "spec": without_blanks(json!({
            "serviceAccountName": account_name(wanted),
            "automountServiceAccountToken": false,
            // A Service named grpc would otherwise set GRPC_PORT.
            "enableServiceLinks": false,
            "terminationGracePeriodSeconds": wanted.settings.grace,
            "securityContext": {
                "runAsNonRoot": true,
                "runAsUser": USER,
                "runAsGroup": USER,
                "seccompProfile": {"type": "RuntimeDefault"},
            },
            "imagePullSecrets": pull_secrets(wanted),
            "nodeSelector": given.node_selector,
            "tolerations": given.tolerations,
            "affinity": affinity(wanted, given.affinity.map(|given| json!(given))),
            "priorityClassName": given.priority_class_name,
            "runtimeClassName": given.runtime_class_name,
            "topologySpreadConstraints": spread(wanted),
            "containers": [container::container(wanted)],
            "volumes": [{
                "name": "config",
                "configMap": {"name": format!("{}{}", wanted.name, configuration::SUFFIX)},
            }],
        })),
    })
}

fn pull_secrets(wanted: &Wanted<'_>) -> Vec<Value> {
    let names = wanted.spec.image_pull_secrets.iter();
    names.map(|name| json!({"name": name})).collect()
}

/// In other zones than each other where there are zones, unless the user says otherwise. No
/// constraint of `spread`: where a host lacks the label of one, the scheduler scores it by none, and
/// then hosts would not count either.
fn affinity(wanted: &Wanted<'_>, given: Option<Value>) -> Option<Value> {
    let nowhere = wanted
        .spec
        .topology_spread
        .as_ref()
        .is_some_and(Vec::is_empty);
    if given.is_some() || nowhere {
        return given;
    }
    Some(
        json!({"podAntiAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [{
            "weight": 100,
            "podAffinityTerm": {
                "topologyKey": "topology.kubernetes.io/zone",
                "labelSelector": {"matchLabels": names::selector(wanted.name)},
            },
        }]}}),
    )
}

/// Over hosts, unless the user says otherwise.
fn spread(wanted: &Wanted<'_>) -> Vec<Value> {
    let hosts = || TopologySpread {
        topology_key: "kubernetes.io/hostname".to_owned(),
        max_skew: 1,
        when_unsatisfiable: crate::api::Unsatisfiable::ScheduleAnyway,
    };
    let given = wanted.spec.topology_spread.clone();
    let given = given.unwrap_or_else(|| vec![hosts()]);
    let constraint = |spread: &TopologySpread| {
        json!({
            "topologyKey": spread.topology_key,
            "maxSkew": spread.max_skew,
            "whenUnsatisfiable": spread.when_unsatisfiable.as_str(),
            "labelSelector": {"matchLabels": names::selector(wanted.name)},
            // While a rollout goes on, those that leave don't count.
            "matchLabelKeys": ["pod-template-hash"],
        })
    };
    given.iter().map(constraint).collect()
}
