//! The server's chart renders what the operator builds of the equal PushManager.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use push_manager_config::{Config, File, Sources, load};
use push_manager_operator::yaml;
use serde_json::{Value, json};

use crate::run::{SERVER, chart, operator, root, strs, template, with_monitoring};

/// Labels that say who wrote an object: pods are selected by the first, too.
const MANAGED_BY: &str = "app.kubernetes.io/managed-by";
const CHART: &str = "helm.sh/chart";
const HASH: &str = "pushmanager.io/config-hash";

type Objects = BTreeMap<String, Value>;

/// Objects by kind and name, in a form that two writers can agree on.
fn plain(objects: Vec<Value>) -> Objects {
    let mut plain = Objects::new();
    for mut object in objects {
        // A chart's own test is no child.
        if object["metadata"]["annotations"]["helm.sh/hook"].is_string() {
            continue;
        }
        name_no_writer(&mut object);
        if let Some(annotations) = object.pointer_mut("/spec/template/metadata/annotations") {
            assert!(annotations[HASH].is_string(), "a change must roll pods");
            annotations[HASH] = "hash".into();
        }
        if let Some(text) = object["data"]["config.yaml"].as_str() {
            object["data"]["config.yaml"] = format!("{:#?}", read(text)).into();
        }
        let (kind, name) = (&object["kind"], &object["metadata"]["name"]);
        plain.insert(format!("{kind} {name}"), object);
    }
    plain
}

/// Who wrote it differs, but each must say so in the same places.
fn name_no_writer(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.remove(CHART);
            if let Some(writer) = fields.get_mut(MANAGED_BY) {
                *writer = "writer".into();
            }
            fields.values_mut().for_each(name_no_writer);
        }
        Value::Array(entries) => entries.iter_mut().for_each(name_no_writer),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// A configuration file as the server reads it, and which knobs it gives.
fn read(text: &str) -> (Config, Vec<&'static str>) {
    let file = File {
        name: "config.yaml".to_owned(),
        text: text.to_owned(),
    };
    let sources = Sources {
        file: Some(file),
        ..Sources::default()
    };
    let loaded = load(&sources).unwrap_or_else(|error| panic!("{error}:\n{text}"));
    let given = loaded.origins.keys().copied().collect();
    (loaded.config, given)
}

fn assert_equal(values: Option<PathBuf>, resource: &Path) {
    let resource = resource.to_str().unwrap().to_owned();
    let rendered = operator(&["render", "-f", &resource]);
    let wanted = plain(yaml::read(&rendered).unwrap());
    let any = wanted.values().next().unwrap();
    let namespace = any["metadata"]["namespace"].as_str().unwrap();
    let values = values.map(|file| file.to_str().unwrap().to_owned());
    let mut args = vec!["--namespace", namespace];
    args.extend(values.iter().flat_map(|file| ["--values", file]));
    let mut given = plain(template(SERVER, "push", &strs(&with_monitoring(&args))));
    if let Some(scaler) = wanted
        .values()
        .find(|o| o["kind"] == "HorizontalPodAutoscaler")
    {
        // The operator knows the live count; Helm leaves it to the autoscaler.
        let name = &scaler["spec"]["scaleTargetRef"]["name"];
        let deployment = given.get_mut(&format!("\"Deployment\" {name}")).unwrap();
        assert!(deployment["spec"]["replicas"].is_null());
        let replicas = &wanted[&format!("\"Deployment\" {name}")]["spec"]["replicas"];
        deployment["spec"]["replicas"] = replicas.clone();
    }
    let keys = |objects: &Objects| objects.keys().cloned().collect::<Vec<_>>();
    assert_eq!(keys(&given), keys(&wanted), "{resource}");
    for (key, wanted) in &wanted {
        assert_same(key, &given[key], wanted);
    }
}

/// Names the first place where two differ.
fn assert_same(path: &str, given: &Value, wanted: &Value) {
    match (given, wanted) {
        (Value::Object(a), Value::Object(b)) => {
            for key in a.keys().chain(b.keys()) {
                let null = json!(null);
                let (a, b) = (a.get(key).unwrap_or(&null), b.get(key).unwrap_or(&null));
                assert_same(&format!("{path}.{key}"), a, b);
            }
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            for (index, (a, b)) in a.iter().zip(b).enumerate() {
                assert_same(&format!("{path}[{index}]"), a, b);
            }
        }
        _ => assert_eq!(given, wanted, "{path}"),
    }
}

#[test]
fn the_servers_chart_is_what_the_operator_builds_by_default() {
    assert_equal(None, &root().join("examples/minimal.yaml"));
}

#[test]
fn the_servers_chart_is_what_the_operator_builds_of_all_that_can_be_said() {
    let values = |name: &str| Some(chart(SERVER).join("ci").join(name));
    let resources = root().join("crates/operator/tests/charts");
    assert_equal(
        values("production-values.yaml"),
        &root().join("examples/production.yaml"),
    );
    assert_equal(
        values("everything-values.yaml"),
        &resources.join("everything.yaml"),
    );
    assert_equal(values("static-values.yaml"), &resources.join("static.yaml"));
}
