//! From the API server's schemas to those that Helm checks values with.

use serde_json::{Value, json};

/// The same schema without what only the API server knows, and without room for what it does not
/// name.
pub(super) fn strict(schema: &Value) -> Value {
    let mut schema = schema.clone();
    tighten(&mut schema);
    schema
}

fn tighten(schema: &mut Value) {
    let Some(fields) = schema.as_object_mut() else {
        return;
    };
    // Values have defaults of their own.
    fields
        .retain(|key, _| !key.starts_with("x-kubernetes-") && key != "default" && key != "format");
    if fields.contains_key("properties") {
        fields.insert("additionalProperties".to_owned(), false.into());
    } else if fields.get("type").is_some_and(|kind| kind == "object") {
        fields
            .entry("additionalProperties")
            .or_insert_with(|| true.into());
    }
    if let Some(properties) = fields.get_mut("properties").and_then(Value::as_object_mut) {
        properties.values_mut().for_each(tighten);
    }
    for below in ["items", "additionalProperties"] {
        if let Some(below) = fields.get_mut(below) {
            tighten(below);
        }
    }
}

/// Values that are there with nothing in them: an empty text, or 0.
pub(super) fn or_blank(mut schema: Value) -> Value {
    if let Some(words) = schema.get_mut("enum").and_then(Value::as_array_mut) {
        words.push("".into());
        return schema;
    }
    if schema["type"] == "integer" {
        schema["minimum"] = 0.into();
        return schema;
    }
    if let Some(pattern) = schema["pattern"].as_str() {
        let pattern = format!("^$|{pattern}");
        schema["pattern"] = pattern.into();
    }
    schema["minLength"] = json!(0);
    schema
}
