//! A whole valid spec by lot.

mod pods;

use proptest::{collection::btree_map, option, prelude::*, sample::select};
use push_manager_operator::knobs;
use serde_json::{Map, Value, json};

use crate::knob_values;

/// A PushManager's name and spec, as users write them.
pub(crate) fn push_manager() -> impl Strategy<Value = (String, Value)> {
    let parts = (
        knob_sections(),
        pods::pods(),
        around(),
        scaling(),
        network(),
        monitoring(),
    );
    ("[a-z]([-a-z0-9]{0,48}[a-z0-9])?", parts).prop_map(|(name, parts)| {
        let (knobs, pods, around, scaling, network, monitoring) = parts;
        let mut spec = knobs;
        for more in [pods, around, scaling, network, monitoring] {
            merge(&mut spec, more);
        }
        (name, spec)
    })
}

/// Fields that are given; what is null is not.
#[allow(clippy::needless_pass_by_value, reason = "reads better with json!")]
fn merge(into: &mut Value, more: Value) {
    for (key, value) in more.as_object().unwrap() {
        match into.get_mut(key) {
            _ if value.is_null() => {}
            Some(there) if there.is_object() => merge(there, value.clone()),
            _ => into[key] = value.clone(),
        }
    }
}

/// Any few knobs, with what must go with them.
fn knob_sections() -> impl Strategy<Value = Value> {
    let all: Vec<_> = knobs::fields().collect();
    let values: Vec<_> = all
        .iter()
        .map(|(_, knob)| option::weighted(0.3, knob_values::valid(knob)))
        .collect();
    (values, any::<bool>()).prop_map(move |(values, by_name)| {
        let mut spec = json!({});
        for ((field, _), value) in all.iter().zip(values) {
            if let Some(value) = value {
                spec[field.section][&field.name] = value;
            }
        }
        complete(&mut spec, by_name);
        spec
    })
}

/// What no PushManager goes without, and what two knobs demand of each other.
fn complete(spec: &mut Value, by_name: bool) {
    let given = |spec: &Value, section: &str, name: &str| !spec[section][name].is_null();
    let mut set = |section: &str, name: &str, value: Value| spec[section][name] = value;
    set("controller", "address", json!("controller:50051"));
    if by_name {
        set("discovery", "kind", json!("static"));
        set("discovery", "nodes", json!(["node-1=10.0.0.7:50052"]));
    } else {
        set("etcd", "endpoints", json!(["etcd-0:2379"]));
    }
    settle_pairs(spec, given);
}

/// Bounds between knobs, by giving the other of each pair a value that fits any.
pub(crate) fn settle_pairs(spec: &mut Value, given: impl Fn(&Value, &str, &str) -> bool) {
    if given(spec, "limits", "maxData") {
        spec["limits"]["maxMessage"] = json!("1Gi");
        spec["fanout"]["queueBytes"] = json!("4Gi");
    } else if given(spec, "limits", "maxMessage") || given(spec, "fanout", "queueBytes") {
        spec["limits"]["maxData"] = json!(1);
    }
    let waits = [("fanout", "deadline"), ("controller", "timeout")];
    if waits
        .iter()
        .any(|(section, name)| given(spec, section, name))
    {
        spec["limits"]["requestTimeout"] = json!("1h");
    } else if given(spec, "limits", "requestTimeout") {
        for (section, name) in waits {
            spec[section][name] = json!("10ms");
        }
    }
    if given(spec, "etcd", "progressInterval") {
        spec["etcd"]["receiveDeadline"] = json!("15m");
    } else if given(spec, "etcd", "receiveDeadline") {
        spec["etcd"]["progressInterval"] = json!("10ms");
        if spec["etcd"]["receiveDeadline"] == "10ms" {
            spec["etcd"]["receiveDeadline"] = json!("11ms");
        }
    }
}

/// One of these, or nothing.
fn perhaps(values: Vec<Value>) -> impl Strategy<Value = Value> {
    option::of(select(values)).prop_map(Option::unwrap_or_default)
}

fn labels() -> impl Strategy<Value = Value> {
    let key = "(example[.]com/)?[a-z]([-a-zA-Z0-9_.]{0,20}[a-z0-9])?";
    btree_map(
        key,
        "([A-Za-z0-9]([-A-Za-z0-9_.]{0,20}[A-Za-z0-9])?)?",
        0..4,
    )
    .prop_map(|map| json!(map))
}

fn annotations() -> impl Strategy<Value = Value> {
    btree_map(
        "(example[.]com/)?[a-z]([-a-zA-Z0-9_.]{0,20}[a-z0-9])?",
        "\\PC{0,30}",
        0..4,
    )
    .prop_map(|map| json!(map))
}

fn around() -> impl Strategy<Value = Value> {
    let image = prop_oneof![
        Just(json!({})),
        Just(json!({"version": "1.2.3_x-y"})),
        Just(
            json!({"image": "registry.example:5000/a/push@sha256:0000000000000000000000000000000000000000000000000000000000000000"})
        ),
    ];
    let policy = perhaps(vec![json!("Always"), json!("IfNotPresent"), json!("Never")]);
    let secrets = perhaps(vec![json!([]), json!(["a"]), json!(["b", "a"])]);
    let account = perhaps(vec![
        json!({}),
        json!({"name": "given"}),
        json!({"annotations": {"a/b": "c"}}),
    ]);
    let login = perhaps(vec![
        json!({"name": "etcd"}),
        json!({"name": "etcd", "usernameKey": "u", "passwordKey": "p"}),
    ]);
    let spread = perhaps(vec![
        json!([]),
        json!([{"topologyKey": "zone"}]),
        json!([{"topologyKey": "zone", "maxSkew": 5, "whenUnsatisfiable": "DoNotSchedule"}, {"topologyKey": "zone"}]),
    ]);
    let away = prop_oneof![
        Just(Value::Null),
        (0..5_i32).prop_map(|count| json!({"maxUnavailable": count})),
        (0..=100_u8).prop_map(|share| json!({"maxUnavailable": format!("{share}%")})),
    ];
    let grace = option::of(4300..=7200_i64);
    let rest = (0..=1000_i32, any::<bool>(), grace);
    (image, policy, secrets, account, login, spread, away, rest).prop_map(
        |(image, policy, secrets, account, login, spread, away, (replicas, paused, grace))| {
            let mut spec = image;
            merge(&mut spec, json!({
                "replicas": replicas, "paused": paused, "terminationGracePeriodSeconds": grace,
                "imagePullPolicy": policy, "imagePullSecrets": secrets, "serviceAccount": account,
                "topologySpread": spread, "disruption": away,
            }));
            if !login.is_null() {
                spec["etcd"] = json!({"authSecretRef": login});
            }
            spec
        },
    )
}

fn scaling() -> impl Strategy<Value = Value> {
    let metrics = perhaps(vec![
        json!([]),
        json!([{"type": "Resource", "resource": {"name": "memory", "target": {"type": "AverageValue", "averageValue": "1024Mi"}}}]),
        json!([{"type": "ContainerResource", "containerResource": {"name": "cpu", "container": "push-manager", "target": {"type": "Utilization", "averageUtilization": 50}}}]),
        json!([
            {"type": "Pods", "pods": {"metric": {"name": "pushes", "selector": {}}, "target": {"type": "AverageValue", "averageValue": 1500}}},
            {"type": "External", "external": {"metric": {"name": "queue", "selector": {"matchLabels": {"a": "b"}}}, "target": {"type": "Value", "value": "1000m"}}},
        ]),
        json!([{"type": "Object", "object": {"describedObject": {"kind": "Service", "name": "a", "apiVersion": "v1"}, "metric": {"name": "m"}, "target": {"type": "Value", "value": "2k"}}}]),
    ]);
    let behavior = perhaps(vec![
        json!({}),
        json!({"scaleDown": {"stabilizationWindowSeconds": 0}}),
        json!({"scaleUp": {"policies": [{"type": "Pods", "value": 4, "periodSeconds": 60}, {"type": "Percent", "value": 10, "periodSeconds": 60}], "selectPolicy": "Min"}}),
        json!({"scaleDown": {"selectPolicy": "Disabled"}}),
        json!({"scaleUp": {"tolerance": "0.1"}}),
    ]);
    let bounds = (1..=500_i32, 500..=1000_i32, option::of(1..=1000_i32));
    option::of((bounds, metrics, behavior)).prop_map(|given| {
        let Some(((min, max, cpu), metrics, behavior)) = given else {
            return json!({});
        };
        let mut scaling = json!({});
        merge(
            &mut scaling,
            json!({
                "minReplicas": min, "maxReplicas": max, "targetCPUUtilization": cpu,
                "metrics": metrics, "behavior": behavior,
            }),
        );
        json!({"autoscaling": scaling})
    })
}

fn network() -> impl Strategy<Value = Value> {
    let peers = || {
        perhaps(vec![
            json!([]),
            json!([{"podSelector": {}}]),
            json!([{"namespaceSelector": {}, "podSelector": {"matchLabels": {"a": "b"}}}, {"ipBlock": {"cidr": "10.0.0.0/8", "except": ["10.1.0.0/16"]}}]),
            json!([{"ipBlock": {"cidr": "2001:db8::/32"}}]),
        ])
    };
    let kind = select(vec!["ClusterIP", "NodePort", "LoadBalancer"]);
    let service = (kind, annotations(), any::<bool>()).prop_map(|(kind, annotations, close)| {
        let mut service = json!({"type": kind, "annotations": annotations});
        if close {
            service["trafficDistribution"] = json!("PreferClose");
        }
        service
    });
    let policy = (any::<bool>(), peers(), peers()).prop_map(|(enabled, clients, monitoring)| {
        let mut policy = json!({"enabled": enabled});
        merge(
            &mut policy,
            json!({"clients": clients, "monitoring": monitoring}),
        );
        policy
    });
    (option::of(service), option::of(policy))
        .prop_map(|(service, policy)| json!({"service": service, "networkPolicy": policy}))
}

fn monitoring() -> impl Strategy<Value = Value> {
    let on = || {
        (any::<bool>(), labels())
            .prop_map(|(enabled, labels)| json!({"enabled": enabled, "labels": labels}))
    };
    (option::of(on()), option::of(on()), option::of(on())).prop_map(
        |(monitor, alerts, dashboard)| {
            let mut given = Map::new();
            for (name, part) in [
                ("serviceMonitor", monitor),
                ("alerts", alerts),
                ("grafanaDashboard", dashboard),
            ] {
                if let Some(part) = part {
                    given.insert(name.to_owned(), part);
                }
            }
            if given.is_empty() {
                json!({})
            } else {
                json!({"observability": given})
            }
        },
    )
}
