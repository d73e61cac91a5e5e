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
    // The entries of a list don't repeat what they are.
    let fields = wanted.as_object().into_iter().flatten();
    for (key, wanted) in fields.filter(|(key, _)| *key != "apiVersion" && *key != "kind") {
        let mut path = vec![key.as_str()];
        let differs = match live.get(key) {
            Some(live) => differs(live, wanted, &mut path),
            None => !is_blank(wanted),
        };
        if differs {
            return Some(path.join("."));
        }
    }
    None
}

/// Leaves the path of the first difference in `path`.
fn differs<'a>(live: &Value, wanted: &'a Value, path: &mut Vec<&'a str>) -> bool {
    match (live, wanted) {
        (Value::Object(live), Value::Object(wanted)) => wanted.iter().any(|(key, wanted)| {
            path.push(key);
            let differs = match live.get(key) {
                Some(live) => differs(live, wanted, path),
                None => !is_blank(wanted),
            };
            if !differs {
                path.pop();
            }
            differs
        }),
        (Value::Array(live), Value::Array(wanted)) if is_keyed(wanted, path) => {
            let found = |wanted: &'a Value| {
                let mut below = path.clone();
                live.iter().any(|live| !differs(live, wanted, &mut below))
            };
            !wanted.iter().all(found)
        }
        (Value::Array(live), Value::Array(wanted)) => {
            live.len() != wanted.len()
                || live
                    .iter()
                    .zip(wanted)
                    .any(|(live, wanted)| differs(live, wanted, path))
        }
        (live, wanted) => live != wanted && !same_quantity(live, wanted, path),
    }
}

/// What the API server leaves out when it stores an object.
fn is_blank(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(flag) => !flag,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::String(text) => text.is_empty(),
        Value::Array(entries) => entries.is_empty(),
        Value::Object(fields) => fields.values().all(is_blank),
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
    let amounts = match path {
        [.., "target", key] => ["averageValue", "value"].contains(key),
        [.., "limits" | "requests", _]
        | [.., "resourceFieldRef", "divisor"]
        | [.., "scaleUp" | "scaleDown", "tolerance"] => true,
        _ => false,
    };
    let amount = |value: &Value| match value {
        Value::String(text) => quantity::parse(text),
        Value::Number(number) => quantity::parse(&number.to_string()),
        _ => None,
    };
    amounts && amount(live).is_some() && amount(live) == amount(wanted)
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
        let wanted = json!({"env": [{"name": "A", "value": ""}], "labels": {}, "flag": false});
        assert_eq!(at(live, wanted), None);
    }
}
