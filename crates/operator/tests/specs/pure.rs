//! What holds of any valid spec without a cluster.

use proptest::prelude::*;
use push_manager_config::{File, Override, Sources, load};
use push_manager_operator::{
    api::PushManagerSpec,
    children::{self, Wanted},
    crd,
    diff::difference,
    settings::{Settings, settle},
};
use serde_json::{Value, json};

use crate::{leaves, strategy::push_manager};

fn read(spec: &Value) -> PushManagerSpec {
    serde_json::from_value(spec.clone()).unwrap()
}

fn settled(name: &str, spec: &PushManagerSpec) -> Settings {
    settle(name, spec, "push-manager").unwrap_or_else(|invalid| panic!("{invalid}"))
}

fn rendered(name: &str, spec: &PushManagerSpec, settings: &Settings) -> Vec<Value> {
    let wanted = Wanted {
        name,
        namespace: "shop",
        uid: Some("uid"),
        spec,
        settings,
        replicas: Some(spec.replicas),
    };
    children::all()
        .filter_map(|child| child.object(&wanted))
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_valid_spec_settles_and_renders_alike_each_time((name, spec) in push_manager()) {
        let form = json!({"apiVersion": "pushmanager.io/v1alpha1", "spec": spec});
        let unknown = crd::form_problems(&form);
        prop_assert!(unknown.is_empty(), "{unknown:?}");
        let spec = read(&spec);
        let settings = settled(&name, &spec);
        let objects = rendered(&name, &spec, &settings);
        prop_assert_eq!(&objects, &rendered(&name, &spec, &settled(&name, &spec)));
        for object in &objects {
            prop_assert_eq!(difference(object, object), None);
        }
    }

    #[test]
    fn a_spec_reads_back_as_it_was_written((_, spec) in push_manager()) {
        let spec = read(&spec);
        let again = read(&serde_json::to_value(&spec).unwrap());
        prop_assert_eq!(spec, again);
    }

    #[test]
    fn the_file_loads_to_what_was_settled((name, spec) in push_manager()) {
        let settings = settled(&name, &read(&spec));
        let file = File { name: "config.yaml".to_owned(), text: settings.yaml.clone() };
        let loaded = load(&Sources { file: Some(file), ..Sources::default() });
        prop_assert_eq!(loaded.unwrap().config, settings.config);
    }

    #[test]
    fn whatever_field_of_a_child_is_edited_is_seen((name, spec) in push_manager()) {
        let spec = read(&spec);
        for object in rendered(&name, &spec, &settled(&name, &spec)) {
            for path in leaves::some(&object, 100) {
                if ["/apiVersion", "/kind"].contains(&path.as_str()) {
                    continue;
                }
                let mut live = object.clone();
                *live.pointer_mut(&path).unwrap() = json!("~changed~");
                prop_assert!(difference(&live, &object).is_some(), "{} {path}", object["kind"]);
            }
        }
    }

    #[test]
    fn whatever_field_of_a_child_is_taken_out_is_seen((name, spec) in push_manager()) {
        let spec = read(&spec);
        for object in rendered(&name, &spec, &settled(&name, &spec)) {
            for path in leaves::some(&object, 100) {
                if ["/apiVersion", "/kind"].contains(&path.as_str()) {
                    continue;
                }
                let mut live = object.clone();
                let (parent, key) = path.rsplit_once('/').unwrap();
                let Some(Value::Object(fields)) = live.pointer_mut(parent) else { continue };
                let Some(taken) = fields.remove(&key.replace("~1", "/").replace("~0", "~")) else { continue };
                // What says nothing, and the labels that a user gave no value.
                let selects = key.ends_with("elector");
                if taken == json!("") || taken == json!([]) || (taken == json!({}) && !selects) {
                    continue;
                }
                prop_assert!(difference(&live, &object).is_some(), "{} {path}", object["kind"]);
            }
        }
    }

    #[test]
    fn only_a_change_of_what_a_restart_brings_into_effect_changes_the_hash(
        (name, spec) in push_manager(),
        level in prop::sample::select(vec!["debug", "trace", "off"]),
    ) {
        let mut other = spec.clone();
        if other["observability"].is_null() {
            other["observability"] = json!({});
        }
        other["observability"]["logLevel"] = json!(level);
        other["limits"]["maxExcludes"] = json!(7);
        other["paused"] = json!(true);
        other["replicas"] = json!(3);
        let hash = |spec: &Value| settled(&name, &read(spec)).hash;
        prop_assert_eq!(hash(&spec), hash(&other));
        other["pool"]["connectionsPerNode"] = json!(63);
        let before = spec["pool"]["connectionsPerNode"] == 63;
        prop_assert_eq!(hash(&spec) == hash(&other), before);
    }
}

#[test]
fn the_servers_loader_and_the_operator_agree_about_each_knob() {
    for (field, knob) in push_manager_operator::knobs::fields() {
        for probe in crate::knob_values::probes(knob) {
            let mut spec = crate::refused::spec_with(&field, &probe);
            crate::refused::fit(&mut spec, &field);
            let Ok(read) = serde_json::from_value::<PushManagerSpec>(spec.clone()) else {
                continue;
            };
            let Ok(settings) = settle("push", &read, "push-manager") else {
                continue;
            };
            let file = File {
                name: "config.yaml".to_owned(),
                text: settings.yaml.clone(),
            };
            let sources = Sources {
                file: Some(file),
                overrides: vec![Override::named("test", "log.format", "json")],
                ..Sources::default()
            };
            assert!(
                load(&sources).is_ok(),
                "{} = {probe}: {}",
                knob.key,
                settings.yaml
            );
        }
    }
}
