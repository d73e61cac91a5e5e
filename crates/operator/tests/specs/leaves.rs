//! The fields of an object that hold values.

use serde_json::Value;

/// So many of an object's leaves, from its start to its end, as JSON pointers.
pub(crate) fn some(object: &Value, count: usize) -> Vec<String> {
    let mut found = Vec::new();
    collect(object, "", &mut found);
    let step = found.len() / count + 1;
    found.into_iter().step_by(step).collect()
}

/// The path of each leaf.
fn collect(value: &Value, at: &str, found: &mut Vec<String>) {
    let escape = |key: &str| key.replace('~', "~0").replace('/', "~1");
    match value {
        Value::Object(fields) if !fields.is_empty() => {
            for (key, value) in fields {
                collect(value, &format!("{at}/{}", escape(key)), found);
            }
        }
        Value::Array(entries) if !entries.is_empty() => {
            for (index, value) in entries.iter().enumerate() {
                collect(value, &format!("{at}/{index}"), found);
            }
        }
        _ => found.push(at.to_owned()),
    }
}
