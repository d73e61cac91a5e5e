//! Whether an object is as it should be, told without asking the API server. Pure.
//!
//! Three things make a difference: a field of ours that has another value, a field that we set once
//! and want no longer, and a field of ours that another has written since. What others added to the
//! object is theirs.

mod owned;

use serde_json::Value;

use crate::quantity;

pub use owned::{owned_beyond, owner_of_replicas, taken};

/// Lists whose entries have keys: others may add entries of their own. All other lists are whole.
const KEYED: [&str; 8] = [
    "containers",
    "env",
    "volumeMounts",
    "volumes",
    "topologySpreadConstraints",
    "ownerReferences",
    "imagePullSecrets",
    "ports",
];

/// The first field in which a live object is not as wanted, e.g. `spec.replicas`.
pub fn difference(live: &Value, wanted: &Value) -> Option<String> {
    values(live, wanted)
        .or_else(|| owned_beyond(live, wanted))
        .or_else(|| taken(live, wanted))
}

/// The first field whose value is not as wanted.
fn values(live: &Value, wanted: &Value) -> Option<String> {
    let ours = owned::ours(live);
    // The entries of a list don't repeat what they are.
    let fields = wanted.as_object().into_iter().flatten();
    for (key, wanted) in fields.filter(|(key, _)| *key != "apiVersion" && *key != "kind") {
        let mut path = vec![key.as_str()];
        let owned = ours.and_then(|ours| owned::of_field(ours, key));
        if field_differs(key, live.get(key), wanted, owned, &mut path) {
            return Some(path.join("."));
        }
    }
    None
}

fn field_differs<'a>(
    key: &str,
    live: Option<&Value>,
    wanted: &'a Value,
    owned: Option<&Value>,
    path: &mut Vec<&'a str>,
) -> bool {
    match (live, owned) {
        (Some(live), owned) => differs(live, wanted, owned, path),
        (None, Some(owned)) => owned.is_null() && !wanted.is_null(),
        (None, None) => !is_left_out(key, wanted),
    }
}

/// Leaves the path of the first difference in `path`. A field that is not there although we are
/// noted as its owner is one that the API server dropped: who takes a field out takes the note
/// along. `owned` is nothing where that is not known.
fn differs<'a>(
    live: &Value,
    wanted: &'a Value,
    owned: Option<&Value>,
    path: &mut Vec<&'a str>,
) -> bool {
    match (live, wanted) {
        (Value::Object(live), Value::Object(wanted)) => wanted.iter().any(|(key, wanted)| {
            path.push(key);
            let owned = owned.and_then(|owned| owned::of_field(owned, key));
            let differs = field_differs(key, live.get(key), wanted, owned, path);
            if !differs {
                path.pop();
            }
            differs
        }),
        // The API server fills in what it likes where nothing is given.
        (Value::Array(_), Value::Array(wanted)) if wanted.is_empty() => false,
        (Value::Array(live), Value::Array(wanted)) if is_keyed(wanted, path) => {
            let found = |wanted: &'a Value| {
                let owned = owned.and_then(|owned| owned::of_entry(owned, wanted));
                let mut below = path.clone();
                live.iter()
                    .any(|live| !differs(live, wanted, owned, &mut below))
            };
            !wanted.iter().all(found)
        }
        (Value::Array(live), Value::Array(wanted)) => {
            live.len() != wanted.len()
                || live
                    .iter()
                    .zip(wanted)
                    .any(|(live, wanted)| differs(live, wanted, None, path))
        }
        (live, wanted) => live != wanted && !same_quantity(live, wanted, path),
    }
}

/// What the API server may have left out when it stored an object. A flag or a number it keeps,
/// and an empty selector, which selects everything.
fn is_left_out(key: &str, value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(_) | Value::Number(_) => false,
        Value::String(text) => text.is_empty(),
        Value::Array(entries) => entries.is_empty(),
        Value::Object(fields) => {
            let selects = key == "selector" || key.ends_with("Selector");
            !selects && fields.iter().all(|(key, value)| is_left_out(key, value))
        }
    }
}

fn is_keyed(wanted: &[Value], path: &[&str]) -> bool {
    match path.last() {
        // A NetworkPolicy's ports have no key: one more of them lets someone in.
        Some(&"ports") => wanted
            .iter()
            .all(|port| port.get("containerPort").is_some() || port.get("targetPort").is_some()),
        Some(name) => KEYED.contains(name),
        None => false,
    }
}

fn same_quantity(live: &Value, wanted: &Value, path: &[&str]) -> bool {
    // Of what a container asks for, thousandths are the finest that the API server keeps.
    let finest = match path {
        [.., "limits" | "requests", _] => 1_000_000,
        [.., "target", "averageValue" | "value"]
        | [.., "resourceFieldRef", "divisor"]
        | [.., "scaleUp" | "scaleDown", "tolerance"] => 1,
        _ => return false,
    };
    let amount = |value: &Value| {
        let amount = match value {
            Value::String(text) => quantity::parse(text),
            Value::Number(number) => quantity::parse(&number.to_string()),
            _ => None,
        };
        amount.map(|amount| amount.div_euclid(finest) + i128::from(amount.rem_euclid(finest) > 0))
    };
    amount(live).is_some() && amount(live) == amount(wanted)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[allow(clippy::needless_pass_by_value, reason = "reads better in tests")]
    fn at(live: Value, wanted: Value) -> Option<String> {
        values(&json!({"spec": live}), &json!({"spec": wanted}))
    }

    #[test]
    fn what_others_added_makes_no_difference() {
        let live =
            json!({"a": 1, "defaulted": 2, "containers": [{"name": "x"}, {"name": "sidecar"}]});
        assert_eq!(
            at(live, json!({"a": 1, "containers": [{"name": "x"}]})),
            None
        );
    }

    #[test]
    fn an_entry_of_a_list_need_not_say_what_it_is() {
        let wanted = json!({"apiVersion": "v1", "kind": "ConfigMap", "data": {"a": "b"}});
        assert_eq!(values(&json!({"data": {"a": "b"}}), &wanted), None);
    }

    #[test]
    fn a_changed_or_missing_field_is_named() {
        let live = json!({"a": {"b": 1}});
        assert_eq!(
            at(live.clone(), json!({"a": {"b": 2}})).unwrap(),
            "spec.a.b"
        );
        assert_eq!(at(live, json!({"a": {"c": 2}})).unwrap(), "spec.a.c");
    }

    #[test]
    fn an_entry_more_counts_in_a_list_without_keys() {
        let wanted = json!({"ingress": [{"ports": [{"port": "grpc"}]}]});
        let wider = json!({"ingress": [{"ports": [{"port": "grpc"}, {"port": 22}]}]});
        assert_eq!(at(wider, wanted.clone()).unwrap(), "spec.ingress.ports");
        let another = json!({"ingress": [{"ports": [{"port": "grpc"}]}, {}]});
        assert_eq!(at(another, wanted).unwrap(), "spec.ingress");
    }

    #[test]
    fn an_entry_more_is_anothers_in_a_list_with_keys() {
        let wanted = json!({"ports": [{"port": 1, "targetPort": "a"}]});
        let live = json!({"ports": [{"port": 1, "targetPort": "a", "nodePort": 9}, {"port": 2}]});
        assert_eq!(at(live, wanted.clone()), None);
        assert!(at(json!({"ports": [{"port": 1, "targetPort": "b"}]}), wanted).is_some());
    }

    #[test]
    fn amounts_are_compared_as_amounts_only_where_they_are() {
        let amounts = |cpu| json!({"resources": {"requests": {"cpu": cpu}}});
        assert_eq!(at(amounts("1"), amounts("1000m")), None);
        assert!(at(amounts("2"), amounts("1000m")).is_some());
        let env = |value| json!({"env": [{"name": "A", "value": value}]});
        assert!(at(env("1"), env("1000m")).is_some());
    }

    #[test]
    fn what_the_api_server_leaves_out_is_no_difference() {
        let live = json!({"env": [{"name": "A"}]});
        let wanted = json!({"env": [{"name": "A", "value": ""}], "labels": {}});
        assert_eq!(at(live, wanted), None);
    }

    #[test]
    fn a_flag_or_number_or_selector_that_was_taken_out_is_missed() {
        for wanted in [
            json!({"automountServiceAccountToken": false}),
            json!({"maxUnavailable": 0}),
            json!({"from": {"namespaceSelector": {}, "podSelector": {"matchLabels": {"a": "b"}}}}),
        ] {
            let live = json!({"from": {"podSelector": {"matchLabels": {"a": "b"}}}});
            assert!(at(live, wanted.clone()).is_some(), "{wanted}");
        }
    }

    #[test]
    fn what_is_ours_and_not_there_was_dropped_by_the_api_server() {
        let scaling = |up| json!({"spec": {"behavior": {"up": up}}});
        let wanted = scaling(json!({"tolerance": "0.1"}));
        let mut live = scaling(json!({"window": 0}));
        assert!(difference(&live, &wanted).is_some());
        let fields = json!({"f:spec": {"f:behavior": {"f:up": {"f:tolerance": {}}}}});
        live["metadata"]["managedFields"] = json!([
            {"manager": crate::names::OPERATOR, "operation": "Apply", "fieldsV1": fields},
        ]);
        assert_eq!(difference(&live, &wanted), None);
    }

    #[test]
    fn amounts_that_the_api_server_writes_otherwise_are_equal() {
        let requests = |cpu| json!({"resources": {"requests": {"cpu": cpu}}});
        assert_eq!(at(requests("1m"), requests("100u")), None);
        assert!(at(requests("2m"), requests("100u")).is_some());
        let source = |divisor| json!({"resourceFieldRef": {"divisor": divisor}});
        assert_eq!(at(source("1"), source("1000m")), None);
    }
}
