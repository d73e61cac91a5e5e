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
            "affinity": given.affinity,
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

/// Over hosts and zones, unless the user says otherwise.
fn spread(wanted: &Wanted<'_>) -> Vec<Value> {
    let usual = |key: &str| TopologySpread {
        topology_key: key.to_owned(),
        max_skew: 1,
        when_unsatisfiable: crate::api::Unsatisfiable::ScheduleAnyway,
    };
    let given = wanted.spec.topology_spread.clone().unwrap_or_else(|| {
        vec![
            usual("kubernetes.io/hostname"),
            usual("topology.kubernetes.io/zone"),
        ]
    });
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
