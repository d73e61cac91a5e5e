//! The API server's own schemas, as kubeconform reads them.

use std::path::Path;

use serde_json::{Map, Value, json};

const DEFINITIONS: &str = "definitions.json";
/// Where kubeconform finds a kind's schema: `deployment-apps-v1.json`.
pub(crate) const LOCATION: &str = "{{ .ResourceKind }}{{ .KindSuffix }}.json";

/// Writes a schema for every kind of an OpenAPI v2 document, and for those that definitions of
/// resources define.
pub(crate) fn write(openapi: &Value, definitions_of: &[Value], folder: &Path) {
    let mut definitions = openapi["definitions"].as_object().unwrap().clone();
    let mut kinds = Map::new();
    for (name, schema) in &mut definitions {
        for kind in schema["x-kubernetes-group-version-kind"]
            .as_array()
            .into_iter()
            .flatten()
        {
            let file = file(kind["group"].as_str(), &kind["version"], &kind["kind"]);
            kinds.insert(
                file,
                json!({"$ref": format!("{DEFINITIONS}#/definitions/{name}")}),
            );
        }
        if name.ends_with("api.resource.Quantity") || name.ends_with("util.intstr.IntOrString") {
            *schema = json!({"type": ["string", "number"]});
        }
        strict(schema);
    }
    for crd in definitions_of {
        let (spec, version) = (&crd["spec"], &crd["spec"]["versions"][0]);
        let mut schema = version["schema"]["openAPIV3Schema"].clone();
        for common in ["apiVersion", "kind", "metadata"] {
            schema["properties"][common] = json!({});
        }
        strict(&mut schema);
        let file = file(
            spec["group"].as_str(),
            &version["name"],
            &spec["names"]["kind"],
        );
        kinds.insert(file, schema);
    }
    let all = json!({"definitions": definitions});
    for (file, schema) in kinds.iter().chain([(&DEFINITIONS.to_owned(), &all)]) {
        std::fs::write(folder.join(file), schema.to_string()).unwrap();
    }
}

fn file(group: Option<&str>, version: &Value, kind: &Value) -> String {
    let group = group
        .unwrap_or_default()
        .split('.')
        .next()
        .unwrap_or_default();
    let dash = if group.is_empty() { "" } else { "-" };
    let (version, kind) = (version.as_str().unwrap(), kind.as_str().unwrap());
    format!("{kind}{dash}{group}-{version}.json").to_lowercase()
}

/// What has fields has no others.
fn strict(schema: &mut Value) {
    match schema {
        Value::Object(fields) => {
            let named = fields.get("properties").is_some_and(Value::is_object);
            if named && !fields.contains_key("x-kubernetes-preserve-unknown-fields") {
                fields
                    .entry("additionalProperties")
                    .or_insert_with(|| false.into());
            }
            fields.values_mut().for_each(strict);
        }
        Value::Array(entries) => entries.iter_mut().for_each(strict),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
