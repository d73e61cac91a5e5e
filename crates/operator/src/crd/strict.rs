//! Whether an object has the form that the definition asks for, told without an API server: names,
//! types, bounds, words, what is required. Patterns and rules are the API server's; what they say
//! of a spec, `settings` says too.

use serde_json::Value;

/// What is wrong with an object's form, a line each that begins with the field's path.
pub(super) fn problems(schema: &Value, object: &Value, path: &str) -> Vec<String> {
    let mut problems = Vec::new();
    walk(schema, object, path, &mut problems);
    problems
}

fn walk(schema: &Value, value: &Value, path: &str, problems: &mut Vec<String>) {
    if value.is_null() {
        return;
    }
    if let Some(wrong) = wrong(schema, value) {
        problems.push(format!("{path}: {wrong}"));
        return;
    }
    match value {
        Value::Object(fields) => object(schema, fields, path, problems),
        Value::Array(entries) => {
            for (index, entry) in entries.iter().enumerate() {
                walk(
                    &schema["items"],
                    entry,
                    &format!("{path}[{index}]"),
                    problems,
                );
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn object(
    schema: &Value,
    fields: &serde_json::Map<String, Value>,
    path: &str,
    problems: &mut Vec<String>,
) {
    for required in schema["required"].as_array().into_iter().flatten() {
        let name = required.as_str().unwrap_or_default();
        if fields.get(name).is_none_or(Value::is_null) {
            problems.push(format!("{path}.{name}: is required"));
        }
    }
    for (key, value) in fields {
        let below = format!("{path}.{key}");
        match (
            schema["properties"].get(key),
            schema.get("additionalProperties"),
        ) {
            (Some(known), _) | (None, Some(known)) => walk(known, value, &below, problems),
            // A map of no known shape takes everything.
            (None, None) if !schema["properties"].is_object() => {}
            (None, None) => problems.push(format!("{below}: unknown field")),
        }
    }
}

/// What is wrong with a value by itself.
fn wrong(schema: &Value, value: &Value) -> Option<String> {
    let is = |kind: &str| match kind {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        _ => true,
    };
    if schema["x-kubernetes-int-or-string"] == true {
        let fits = is("integer") || is("string");
        return (!fits)
            .then(|| format!("got {value}, expected a whole number or a text in quotes"));
    }
    if let Some(kind) = schema["type"].as_str().filter(|kind| !is(kind)) {
        return Some(format!("got {value}, expected {} {kind}", article(kind)));
    }
    if let Some(words) = schema["enum"]
        .as_array()
        .filter(|words| !words.contains(value))
    {
        let words: Vec<String> = words.iter().map(ToString::to_string).collect();
        return Some(format!("got {value}, expected one of {}", words.join(", ")));
    }
    bounds(schema, value)
}

fn bounds(schema: &Value, value: &Value) -> Option<String> {
    let size = match value {
        Value::String(text) => Some(("characters", "minLength", "maxLength", text.chars().count())),
        Value::Array(entries) => Some(("entries", "minItems", "maxItems", entries.len())),
        Value::Object(fields) => Some(("entries", "minProperties", "maxProperties", fields.len())),
        Value::Null | Value::Bool(_) | Value::Number(_) => None,
    };
    if let Some((what, min, max, size)) = size {
        let bound = |key: &str| schema[key].as_u64().and_then(|n| usize::try_from(n).ok());
        let fits = bound(min).is_none_or(|n| size >= n) && bound(max).is_none_or(|n| size <= n);
        let allowed = (bound(min).unwrap_or(0), bound(max).unwrap_or(usize::MAX));
        return (!fits)
            .then(|| format!("has {size} {what}, expected {} to {}", allowed.0, allowed.1));
    }
    let number = value.as_f64()?;
    let (min, max) = (schema["minimum"].as_f64(), schema["maximum"].as_f64());
    if min.is_some_and(|min| number < min) {
        return Some(format!(
            "got {value}, expected at least {}",
            schema["minimum"]
        ));
    }
    max.filter(|max| number > *max)
        .map(|_| format!("got {value}, expected at most {}", schema["maximum"]))
}

fn article(kind: &str) -> &'static str {
    if kind.starts_with(['a', 'i', 'o']) {
        "an"
    } else {
        "a"
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    #[allow(clippy::needless_pass_by_value, reason = "reads better in tests")]
    fn told(spec: serde_json::Value) -> Vec<String> {
        let object = json!({
            "apiVersion": "pushmanager.io/v1alpha1", "kind": "PushManager",
            "metadata": {"name": "push"}, "spec": spec,
        });
        crate::crd::form_problems(&object)
    }

    #[test]
    fn what_is_wrong_names_its_field() {
        let controller = json!({"address": "c:1"});
        for (spec, words) in [
            (
                json!({"controller": controller, "fanot": {}}),
                "spec.fanot: unknown field",
            ),
            (json!({}), "spec.controller: is required"),
            (
                json!({"controller": {}}),
                "spec.controller.address: is required",
            ),
            (
                json!({"controller": controller, "replicas": "3"}),
                "spec.replicas: got \"3\"",
            ),
            (
                json!({"controller": controller, "replicas": 2000}),
                "at most 1000",
            ),
            (
                json!({"controller": controller, "podTemplate": {"labels": {"a": true}}}),
                "spec.podTemplate.labels.a",
            ),
            (
                json!({"controller": controller, "resources": {"requests": {"cpu": 0.5}}}),
                "a text in quotes",
            ),
            (
                json!({"controller": controller, "discovery": {"kind": "memory"}}),
                "spec.discovery.kind",
            ),
        ] {
            let told = told(spec.clone()).join("; ");
            assert!(told.contains(words), "{spec}: {told}");
        }
        assert!(
            told(json!({"controller": controller, "resources": {"requests": {"cpu": 1}}}))
                .is_empty()
        );
    }
}
