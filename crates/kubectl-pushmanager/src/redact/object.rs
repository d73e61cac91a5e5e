//! Objects of Kubernetes, and any other JSON.

use serde_json::{Map, Value};

use super::{MASK, names, text};

/// Repeats the whole object, as somebody applied it.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";
/// Repeats its fields.
const MANAGED_FIELDS: &str = "managedFields";
/// Bytes that nobody can read, and so nobody can look through.
const BINARY: &str = "binaryData";

/// Where a map stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Its keys are fields.
    Fields,
    /// Its keys are names that somebody made up.
    MadeUp,
    /// It points at a secret.
    Reference,
    /// It is none of Kubernetes, and no field of it is known: a line of a log.
    Unknown,
}

/// Leaves the secrets of an object out, and what would repeat them.
pub fn object(value: &mut Value) {
    walk(value, Place::Fields);
}

/// Leaves the secrets of any other JSON out: no field of it is known to be harmless.
pub(super) fn unknown(value: &mut Value) {
    walk(value, Place::Unknown);
}

fn walk(value: &mut Value, place: Place) {
    match value {
        Value::Object(map) => walk_map(map, place),
        Value::Array(items) => walk_list(items, place),
        Value::String(said) if place == Place::Reference => MASK.clone_into(said),
        Value::String(said) => *said = text(said),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn walk_map(map: &mut Map<String, Value>, place: Place) {
    map.remove(LAST_APPLIED);
    map.remove(MANAGED_FIELDS);
    mask_named_value(map);
    let is_kubernetes = matches!(place, Place::Fields | Place::Reference);
    let plain_key = is_kubernetes && is_a_label_name(map);
    let inner = if place == Place::Unknown {
        Place::Unknown
    } else {
        Place::Fields
    };
    for (field, value) in map.iter_mut() {
        let is_nested = value.is_object() || value.is_array();
        if place == Place::Reference {
            walk_reference(field, value);
        } else if field == BINARY {
            mask(value);
        } else if place == Place::Fields && names::is_reference(field) && is_nested {
            walk(value, Place::Reference);
        } else if plain_key && is_plain(field) {
            walk(value, inner);
        } else if names::is_secret(field) {
            mask(value);
        } else if place == Place::Fields && names::is_made_up(field) {
            walk(value, Place::MadeUp);
        } else {
            walk(value, inner);
        }
    }
}

fn walk_reference(field: &str, value: &mut Value) {
    match value {
        _ if !names::is_part_of_a_reference(field) => mask(value),
        Value::String(said) => *said = text(said),
        nested => walk(nested, Place::Reference),
    }
}

/// `{"name": "PASSWORD", "value": "…"}`, as variables and headers are written.
fn mask_named_value(map: &mut Map<String, Value>) {
    let named = ["name", "key"].iter().any(|field| {
        let name = map.get(*field).and_then(Value::as_str);
        name.is_some_and(names::is_secret)
    });
    if let Some(value) = map.get_mut("value").filter(|_| named) {
        mask(value);
    }
}

/// Whether the map's `key` is the name of a label or of a file: tolerations, selectors, spreads,
/// items of a volume.
fn is_a_label_name(map: &Map<String, Value>) -> bool {
    ["operator", "effect", "topologyKey", "path"]
        .iter()
        .any(|field| map.contains_key(*field))
}

fn is_plain(field: &str) -> bool {
    matches!(field, "key" | "topologyKey" | "matchLabelKeys")
}

/// The argument after `--token` is the token.
fn walk_list(items: &mut [Value], place: Place) {
    let mut after_flag = false;
    for item in items {
        let flag = item.as_str().is_some_and(is_open_flag);
        if after_flag {
            mask(item);
        } else {
            walk(item, place);
        }
        after_flag = flag;
    }
}

/// A flag that wants its value from the next argument.
fn is_open_flag(argument: &str) -> bool {
    argument.starts_with('-') && !argument.contains(['=', ':', ' ']) && names::is_secret(argument)
}

/// Masks everything in it.
fn mask(value: &mut Value) {
    match value {
        Value::Object(map) => map.values_mut().for_each(mask),
        Value::Array(items) => items.iter_mut().for_each(mask),
        Value::String(_) | Value::Number(_) => *value = Value::String(MASK.to_owned()),
        Value::Null | Value::Bool(_) => {}
    }
}
