//! What is drawn is taken by a real API server, and stored so that nothing is left to change.
//!
//! `SPECS` says how many are drawn, `SPECS_SEED` which: each fails alike for the same seed.

use kube::{
    Api, Client,
    api::{ApiResource, DynamicObject, GroupVersionKind, Patch, PatchParams},
};
use proptest::{
    strategy::{Strategy, ValueTree},
    test_runner::{Config, RngAlgorithm, TestRng, TestRunner},
};
use push_manager_operator::{
    api::PushManager,
    children::{self, Child, Wanted},
    diff::difference,
    settings::settle,
};
use serde_json::{Value, json};

use crate::{cluster, strategy};

const USUAL_COUNT: usize = 48;

/// Specs by lot, the same for the same seed.
fn drawn() -> (u64, Vec<(String, Value)>) {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse().ok());
    let seed: u64 = number("SPECS_SEED").unwrap_or(1);
    let count = number("SPECS").map_or(USUAL_COUNT, |count| usize::try_from(count).unwrap());
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let random = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    let mut runner = TestRunner::new_with_rng(Config::default(), random);
    let specs = strategy::push_manager();
    let draw = |_| specs.new_tree(&mut runner).unwrap().current();
    (seed, (0..count).map(draw).collect())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_valid_is_taken_and_a_second_apply_changes_nothing() {
    let (client, namespace) = cluster::namespace("drawn").await;
    let (seed, specs) = drawn();
    for (index, (name, spec)) in specs.into_iter().enumerate() {
        // Names must differ; the one drawn stays as far as there is room.
        let name: String = format!("p{index}{name}").chars().take(50).collect();
        let name = name.trim_end_matches('-').to_owned();
        let whose = format!("SPECS_SEED={seed}, number {index}: {spec}");
        if let Err(problem) = check(&client, &namespace, &name, &spec).await {
            panic!("{problem}\n{whose}");
        }
    }
}

async fn check(client: &Client, namespace: &str, name: &str, spec: &Value) -> Result<(), String> {
    let object = json!({
        "apiVersion": "pushmanager.io/v1alpha1", "kind": "PushManager",
        "metadata": {"name": name, "namespace": namespace}, "spec": spec,
    });
    let params = PatchParams::apply("somebody").validation_strict();
    let objects = cluster::objects(client.clone(), namespace);
    let stored = objects.patch(name, &params, &Patch::Apply(&object)).await;
    let stored = stored.map_err(|error| format!("the definition refuses it: {error}"))?;
    let stored = serde_json::to_value(stored).unwrap();
    let pm: PushManager =
        serde_json::from_value(stored).map_err(|error| format!("it can't be read: {error}"))?;
    let settings =
        settle(name, &pm.spec, "push-manager").map_err(|error| format!("invalid: {error}"))?;
    let wanted = Wanted {
        name,
        namespace,
        uid: pm.metadata.uid.as_deref(),
        spec: &pm.spec,
        settings: &settings,
        replicas: Some(pm.spec.replicas),
    };
    // The kinds that a cluster may lack are lacking.
    for child in children::all().filter(|child| !child.kind.optional) {
        if let Some(object) = child.object(&wanted) {
            let applied = apply_twice(client, namespace, child, &object).await;
            applied.map_err(|problem| {
                format!("{} {}: {problem}", child.kind.kind, child.name(name))
            })?;
        }
    }
    Ok(())
}

async fn apply_twice(
    client: &Client,
    namespace: &str,
    child: &Child,
    wanted: &Value,
) -> Result<(), String> {
    let kind = child.kind;
    let gvk = GroupVersionKind::gvk(kind.group, kind.version, kind.kind);
    let resource = ApiResource::from_gvk_with_plural(&gvk, kind.plural);
    let api: Api<DynamicObject> = Api::namespaced_with(client.clone(), namespace, &resource);
    let name = wanted["metadata"]["name"].as_str().unwrap();
    let params = PatchParams::apply("push-manager-operator")
        .force()
        .validation_strict();
    let apply = async || api.patch(name, &params, &Patch::Apply(wanted)).await;
    let stored = apply().await.map_err(|error| format!("refused: {error}"))?;
    let version = stored.metadata.resource_version.clone();
    let stored = serde_json::to_value(stored).unwrap();
    if let Some(field) = difference(&stored, wanted) {
        return Err(format!("{field} differs\nstored {stored}\nwanted {wanted}"));
    }
    let again = apply()
        .await
        .map_err(|error| format!("refused again: {error}"))?;
    if again.metadata.resource_version != version {
        return Err("a second apply changes it".to_owned());
    }
    Ok(())
}
