//! Single knobs, around their bounds: what the definition and the operator make of them.

use kube::api::{DynamicObject, PostParams};
use push_manager_config::{Knob, Shape};
use push_manager_operator::{
    api::PushManager,
    knobs::{self, Field},
    settings::settle,
};
use serde_json::{Value, json};

use crate::{cluster, knob_values, strategy};

/// The smallest spec with one field beside.
pub(crate) fn spec_with(field: &Field, value: &Value) -> Value {
    let mut spec = json!({
        "etcd": {"endpoints": ["etcd:2379"]}, "controller": {"address": "controller:50051"},
    });
    spec[field.section][&field.name] = value.clone();
    spec
}

/// Gives the other knobs values that go with any value of this one.
pub(crate) fn fit(spec: &mut Value, field: &Field) {
    strategy::settle_pairs(spec, |_, section, name| {
        field.section == section && field.name == name
    });
    if spec["discovery"]["kind"] == "static" {
        spec["discovery"]["nodes"] = json!(["a:1"]);
    }
}

/// Whether the schema can say all that the server demands of this knob.
fn is_whole(knob: &Knob) -> bool {
    match knob.shape() {
        Shape::Flag
        | Shape::Count { .. }
        | Shape::Port
        | Shape::Bytes { .. }
        | Shape::Ratio
        | Shape::Duration { .. } => true,
        // One of the server's words is for development alone.
        Shape::Choice(_) => knob.key != "discovery.kind",
        Shape::List { .. } | Shape::Text { .. } => false,
    }
}

/// Whether the value is of the type that the schema asks for: the server reads text alone.
fn is_typed(knob: &Knob, value: &Value) -> bool {
    match knob.shape() {
        Shape::Flag => value.is_boolean(),
        Shape::Count { .. } | Shape::Port => value.is_i64() || value.is_u64(),
        Shape::Ratio => value.is_number(),
        Shape::Bytes { .. } => value.is_number() || value.is_string(),
        Shape::Duration { .. } | Shape::Text { .. } | Shape::Choice(_) => value.is_string(),
        Shape::List { .. } => value.is_array(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_definition_takes_of_each_knob_what_the_server_takes() {
    let (client, namespace) = cluster::namespace("knobs").await;
    let api = cluster::objects(client, &namespace);
    let dry = PostParams {
        dry_run: true,
        ..PostParams::default()
    };
    let mut problems = Vec::new();
    for (field, knob) in knobs::fields() {
        for value in knob_values::probes(knob) {
            let mut spec = spec_with(&field, &value);
            fit(&mut spec, &field);
            let object = json!({
                "apiVersion": "pushmanager.io/v1alpha1", "kind": "PushManager",
                "metadata": {"name": "push"}, "spec": spec,
            });
            let given: DynamicObject = serde_json::from_value(object.clone()).unwrap();
            let answer = api.create(&dry, &given).await;
            let settled = serde_json::from_value::<PushManager>(object)
                .map_err(|error| error.to_string())
                .and_then(|pm| settle("push", &pm.spec, "push-manager").map_err(|e| e.to_string()));
            let said = format!("{}.{} = {value}", field.section, field.name);
            match (&answer, &settled) {
                (Ok(_), Err(problem)) if is_whole(knob) => {
                    problems.push(format!("{said}: taken, then invalid: {problem}"));
                }
                (Err(kube::Error::Api(status)), Ok(_)) if is_typed(knob, &value) => {
                    problems.push(format!("{said}: refused, yet valid: {}", status.message));
                }
                (Err(kube::Error::Api(status)), _) => {
                    assert_eq!(status.code, 422, "{said}: {}", status.message);
                }
                (Err(error), _) => panic!("{said}: {error}"),
                (Ok(_), _) => {}
            }
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}
