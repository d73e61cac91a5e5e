//! Fields that the definition does not know: kubectl refuses them, the API server drops them.

use serde_json::Value;

/// The paths of an object's fields that a schema does not know, e.g. `spec.fanot`.
pub(super) fn unknown(schema: &Value, object: &Value) -> Vec<String> {
    let mut paths = Vec::new();
    walk(schema, object, &mut String::new(), &mut paths);
    paths
}

fn walk(schema: &Value, value: &Value, path: &mut String, paths: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            let properties = &schema["properties"];
            for (key, value) in fields {
                let known = match properties.get(key) {
                    Some(known) => known,
                    None => match schema.get("additionalProperties") {
                        Some(any) => any,
                        // A map of no known shape takes everything.
                        None if !properties.is_object() => continue,
                        None => {
                            paths.push(format!("{path}{key}: unknown field"));
                            continue;
                        }
                    },
                };
                let length = path.len();
                path.push_str(key);
                path.push('.');
                walk(known, value, path, paths);
                path.truncate(length);
            }
        }
        Value::Array(entries) => {
            for entry in entries {
                walk(&schema["items"], entry, path, paths);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
