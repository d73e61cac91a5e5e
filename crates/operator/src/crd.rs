//! The CustomResourceDefinition: the types of `api.rs`, with the server's knobs put in and what
//! the API server wants otherwise than the schema generator writes it.

mod knob;
mod strict;
mod tidy;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::CustomResourceExt;
use serde_json::{Value, json};

pub(crate) use knob::{DURATION, description as knob_description, schema as knob_schema};

use crate::{
    api::{GROUP, PushManager, VERSION},
    knobs,
};

/// The definition as JSON.
pub fn definition() -> Value {
    let crd: CustomResourceDefinition = PushManager::crd();
    let mut crd = serde_json::to_value(crd).unwrap_or_default();
    if let Some(schema) = crd.pointer_mut("/spec/versions/0/schema/openAPIV3Schema") {
        tidy::schema(schema);
        describe(schema);
        if let Some(spec) = schema.pointer_mut("/properties/spec") {
            put_knobs(spec);
        }
    }
    crd
}

/// What is wrong with a PushManager's form, a line each.
pub fn form_problems(object: &Value) -> Vec<String> {
    let crd = definition();
    let schema = &crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"];
    let mut problems = Vec::new();
    let expected = format!("{GROUP}/{VERSION}");
    if object["apiVersion"] != expected {
        let given = &object["apiVersion"];
        problems.push(format!("apiVersion: got {given}, expected {expected}"));
    }
    let top = object.as_object().into_iter().flatten();
    let beside = top
        .map(|(key, _)| key.as_str())
        .filter(|key| !["apiVersion", "kind", "metadata", "spec", "status"].contains(key))
        .map(|key| format!("{key}: unknown field"));
    problems.extend(beside);
    let empty = json!({});
    let spec = object.get("spec").unwrap_or(&empty);
    problems.extend(strict::problems(
        &schema["properties"]["spec"],
        spec,
        "spec",
    ));
    problems
}

fn describe(schema: &mut Value) {
    schema["description"] = "PushManager runs Push-Manager: equal instances that take pushes from \
        business servers and fan them out to Connect-Nodes."
        .into();
}

/// Each knob into the object that its field is in.
fn put_knobs(spec: &mut Value) {
    for (field, knob) in knobs::fields() {
        let section = &mut spec["properties"][field.section];
        section["properties"][&field.name] = knob::schema(knob);
    }
    // What the types can't say: an instance is no use without these.
    spec["properties"]["controller"]["required"] = json!(["address"]);
    // Kubernetes takes no such list with an entry twice.
    spec["properties"]["imagePullSecrets"]["x-kubernetes-list-type"] = "set".into();
    let spread = &mut spec["properties"]["topologySpread"];
    spread["x-kubernetes-list-type"] = "map".into();
    spread["x-kubernetes-list-map-keys"] = json!(["topologyKey", "whenUnsatisfiable"]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_knob_is_in_an_object_that_the_types_have() {
        let crd = serde_json::to_value(PushManager::crd()).unwrap();
        let spec = &crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"];
        for (field, knob) in knobs::fields() {
            let section = &spec["properties"][field.section];
            assert_eq!(section["type"], "object", "{} needs a field", knob.key);
        }
    }
}
