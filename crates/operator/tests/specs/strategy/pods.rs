//! What pods carry, and where they may run.

use proptest::{collection::btree_map, option, prelude::*, sample::select};
use serde_json::{Value, json};

use super::{annotations, labels, merge, perhaps};

fn resources() -> impl Strategy<Value = Value> {
    let cpu = perhaps(vec![
        json!("1"),
        json!(2),
        json!("1000m"),
        json!("0.1"),
        json!("1e0"),
        json!("100u"),
        json!("1.5"),
    ]);
    let memory = perhaps(vec![
        json!("128Mi"),
        json!("1.5Gi"),
        json!("1000000k"),
        json!(268_435_456),
        json!("1e9"),
        json!("0.5Gi"),
    ]);
    let limits = perhaps(vec![
        json!({}),
        json!({"cpu": "64", "memory": "64Gi"}),
        json!({"cpu": 64_000, "memory": "65536Mi"}),
    ]);
    (cpu, memory, limits).prop_map(|(cpu, memory, limits)| {
        let mut resources = json!({});
        merge(&mut resources, json!({"requests": {}, "limits": limits}));
        merge(
            &mut resources["requests"],
            json!({"cpu": cpu, "memory": memory}),
        );
        resources
    })
}

fn env() -> impl Strategy<Value = Value> {
    let source = select(vec![
        json!({"fieldRef": {"fieldPath": "spec.nodeName"}}),
        json!({"fieldRef": {"fieldPath": "metadata.labels['team']", "apiVersion": "v1"}}),
        json!({"resourceFieldRef": {"resource": "requests.cpu", "divisor": "1m"}}),
        json!({"resourceFieldRef": {"resource": "limits.memory", "divisor": "1Mi"}}),
        json!({"resourceFieldRef": {"resource": "limits.cpu"}}),
        json!({"resourceFieldRef": {"resource": "limits.cpu", "divisor": "1000m"}}),
        json!({"configMapKeyRef": {"name": "settings", "key": "a", "optional": false}}),
        json!({"secretKeyRef": {"name": "keys", "key": "a", "optional": true}}),
    ]);
    let value = prop_oneof![
        "\\PC{0,30}".prop_map(|value| json!({"value": value})),
        source.prop_map(|source| json!({"valueFrom": source})),
        Just(json!({})),
    ];
    btree_map("X_[A-Za-z0-9_]{0,8}", value, 0..5).prop_map(|variables| {
        let entry = |(name, mut value): (String, Value)| {
            value["name"] = json!(name);
            value
        };
        Value::Array(variables.into_iter().map(entry).collect())
    })
}

fn tolerations() -> impl Strategy<Value = Value> {
    perhaps(vec![
        json!([]),
        json!([{"operator": "Exists"}]),
        json!([{"key": "a", "value": "b", "effect": "NoSchedule"}]),
        json!([{"key": "a", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 0}]),
    ])
}

fn affinity() -> impl Strategy<Value = Value> {
    let term = json!({"topologyKey": "zone", "labelSelector": {}, "namespaceSelector": {}, "namespaces": ["a"]});
    perhaps(vec![
        json!({}),
        json!({"nodeAffinity": {}}),
        json!({"podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}),
        json!({"podAntiAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [
            {"weight": 1, "podAffinityTerm": {"topologyKey": "host", "labelSelector": {
                "matchExpressions": [{"key": "a", "operator": "NotIn", "values": ["b"]}, {"key": "c", "operator": "Exists"}],
            }}},
        ]}}),
        json!({"nodeAffinity": {
            "requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [
                {"matchExpressions": [{"key": "arch", "operator": "In", "values": ["amd64"]}]},
                {"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["n"]}]},
            ]},
            "preferredDuringSchedulingIgnoredDuringExecution": [
                {"weight": 100, "preference": {"matchExpressions": [{"key": "a", "operator": "Gt", "values": ["1"]}]}},
            ],
        }}),
    ])
}

pub(super) fn pods() -> impl Strategy<Value = Value> {
    let template = (
        labels(),
        annotations(),
        labels(),
        tolerations(),
        affinity(),
        env(),
    );
    let classes = (perhaps(vec![json!("high")]), perhaps(vec![json!("gvisor")]));
    (template, classes, option::of(resources())).prop_map(|(template, classes, resources)| {
        let (labels, annotations, hosts, tolerations, affinity, env) = template;
        let mut given = json!({});
        merge(
            &mut given,
            json!({
                "labels": labels, "annotations": annotations, "nodeSelector": hosts, "env": env,
                "tolerations": tolerations, "affinity": affinity,
                "priorityClassName": classes.0, "runtimeClassName": classes.1,
            }),
        );
        json!({"podTemplate": given, "resources": resources})
    })
}
