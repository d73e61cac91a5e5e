//! Who set which field: what `metadata.managedFields` tells.

use serde_json::{Map, Value};

use crate::names::OPERATOR;

/// The first field that we set once and want no longer.
pub fn owned_beyond(live: &Value, wanted: &Value) -> Option<String> {
    let ours = |entry: &&Value| entry["manager"] == OPERATOR && entry["operation"] == "Apply";
    let entries = live["metadata"]["managedFields"].as_array()?.iter();
    // Our status is another's business.
    let mut entries = entries
        .filter(ours)
        .filter(|entry| entry.get("subresource").is_none());
    entries.find_map(|entry| {
        beyond(
            entry["fieldsV1"].as_object()?,
            wanted,
            "metadata.managedFields",
        )
    })
}

/// The first field of ours that is not ours any more, for another changed it or took it away. A
/// value that looks the same by its default, or a list that got one entry more, is found by this.
pub fn taken(live: &Value, wanted: &Value) -> Option<String> {
    let entries = live["metadata"]["managedFields"].as_array()?.iter();
    let ours = |entry: &&Value| entry["manager"] == OPERATOR && entry["operation"] == "Apply";
    let mut entries = entries
        .filter(ours)
        .filter(|entry| entry.get("subresource").is_none());
    let Some(owned) = entries
        .next()
        .and_then(|entry| entry["fieldsV1"].as_object())
    else {
        return Some("metadata.managedFields".to_owned());
    };
    let fields = wanted.as_object()?.iter();
    let mut fields =
        fields.filter(|(key, _)| !["apiVersion", "kind", "metadata"].contains(&key.as_str()));
    let metadata = ["labels", "annotations", "ownerReferences"]
        .into_iter()
        .find_map(|key| {
            let wanted = wanted["metadata"].get(key)?;
            let owned = owned
                .get("f:metadata")
                .and_then(|owned| owned.get(format!("f:{key}")));
            lost(owned, wanted, &format!("metadata.{key}"))
        });
    metadata.or_else(|| {
        fields.find_map(|(key, wanted)| lost(owned.get(&format!("f:{key}")), wanted, key))
    })
}

fn lost(owned: Option<&Value>, wanted: &Value, path: &str) -> Option<String> {
    if wanted.is_null() {
        return None;
    }
    let Some(owned) = owned.and_then(Value::as_object) else {
        return Some(path.to_owned());
    };
    match wanted {
        // Owned as a whole.
        _ if owned.keys().all(|key| key == ".") => None,
        Value::Object(fields) => fields.iter().find_map(|(key, wanted)| {
            lost(
                owned.get(&format!("f:{key}")),
                wanted,
                &format!("{path}.{key}"),
            )
        }),
        Value::Array(entries) if owned.keys().any(|key| key.starts_with("k:")) => {
            entries.iter().find_map(|wanted| {
                let ours = owned.iter().find(|(keys, _)| is_entry(wanted, keys));
                lost(ours.map(|(_, owned)| owned), wanted, path)
            })
        }
        _ => None,
    }
}

fn is_entry(entry: &Value, keys: &str) -> bool {
    let keys = keys
        .strip_prefix("k:")
        .map(serde_json::from_str::<Map<String, Value>>);
    let Some(Ok(keys)) = keys else {
        return false;
    };
    keys.iter()
        .all(|(key, value)| entry.get(key) == Some(value))
}

/// Who but us set `spec.replicas`, by scaling it, say.
pub fn owner_of_replicas(live: &Value) -> Option<String> {
    let entries = live["metadata"]["managedFields"].as_array()?.iter();
    let mut others = entries.filter(|entry| entry["manager"] != OPERATOR);
    let owner = others.find(|entry| entry["fieldsV1"]["f:spec"].get("f:replicas").is_some())?;
    owner["manager"].as_str().map(str::to_owned)
}

fn beyond(owned: &Map<String, Value>, wanted: &Value, path: &str) -> Option<String> {
    owned.iter().find_map(|(key, below)| {
        let (kind, name) = key.split_once(':')?;
        let path = format!("{path}.{name}");
        let found = match kind {
            "f" => wanted.get(name),
            "k" => entry(wanted, name),
            // A value of a set, or the thing itself: as there as what it is in.
            _ => return None,
        };
        match (found, below.as_object()) {
            (None, _) => Some(path),
            (Some(wanted), Some(below)) => beyond(below, wanted, &path),
            (Some(_), None) => None,
        }
    })
}

/// The entry of a list that has these keys.
fn entry<'a>(list: &'a Value, keys: &str) -> Option<&'a Value> {
    let keys: Map<String, Value> = serde_json::from_str(keys).ok()?;
    let has = |entry: &&Value| {
        keys.iter()
            .all(|(key, value)| entry.get(key) == Some(value))
    };
    list.as_array()?.iter().find(has)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[allow(clippy::needless_pass_by_value, reason = "reads better in tests")]
    fn live(manager: &str, fields: Value) -> Value {
        json!({"metadata": {"managedFields": [
            {"manager": manager, "operation": "Apply", "fieldsV1": fields},
        ]}})
    }

    #[test]
    fn a_field_that_is_wanted_no_longer_is_found() {
        let fields = json!({"f:spec": {
            "f:a": {},
            "f:ports": {r#"k:{"port":1}"#: {".": {}, "f:port": {}, "f:name": {}}},
        }});
        let wanted = json!({"spec": {"a": 1, "ports": [{"port": 1, "name": "x"}]}});
        assert_eq!(owned_beyond(&live(OPERATOR, fields.clone()), &wanted), None);
        let less = json!({"spec": {"a": 1, "ports": [{"port": 1}]}});
        let found = owned_beyond(&live(OPERATOR, fields.clone()), &less).unwrap();
        assert!(found.ends_with("name"), "{found}");
        assert_eq!(owned_beyond(&live("kubectl", fields), &less), None);
    }

    #[test]
    fn a_field_that_another_changed_or_removed_is_ours_no_more() {
        let wanted = json!({"spec": {"flag": false, "ports": [{"port": 1, "name": "x"}]}});
        let whole = json!({"f:spec": {
            "f:flag": {},
            "f:ports": {r#"k:{"port":1}"#: {".": {}, "f:port": {}, "f:name": {}}},
        }});
        assert_eq!(taken(&live(OPERATOR, whole), &wanted), None);
        let less = json!({"f:spec": {"f:ports": {r#"k:{"port":1}"#: {".": {}, "f:port": {}, "f:name": {}}}}});
        assert_eq!(
            taken(&live(OPERATOR, less), &wanted).as_deref(),
            Some("spec.flag")
        );
        let entry = json!({"f:spec": {"f:flag": {}, "f:ports": {r#"k:{"port":1}"#: {".": {}, "f:port": {}}}}});
        assert_eq!(
            taken(&live(OPERATOR, entry), &wanted).as_deref(),
            Some("spec.ports.name")
        );
        assert!(taken(&live("kubectl", json!({})), &wanted).is_some());
    }

    #[test]
    fn replicas_that_another_set_have_an_owner() {
        let fields = json!({"f:spec": {"f:replicas": {}}});
        assert_eq!(owner_of_replicas(&live(OPERATOR, fields.clone())), None);
        let owner = owner_of_replicas(&live("kube-controller-manager", fields));
        assert_eq!(owner.as_deref(), Some("kube-controller-manager"));
    }
}
