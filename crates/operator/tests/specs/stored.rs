//! What is drawn is taken by a real API server, and stored so that nothing is left to change.
//!
//! `SPECS` says how many are drawn, `SPECS_SEED` which: each fails alike for the same seed.

use kube::{
    Api, Client,
    api::{DynamicObject, Patch, PatchParams, PostParams},
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

use crate::{cluster, leaves, strategy};

const USUAL_COUNT: usize = 48;
/// Of so many one is edited, in so many places of each child.
const EDITED: usize = 12;
const EDITS: usize = 20;

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
        let whose = format!("SPECS_SEED={seed}, number {index}: {spec}");
        let objects = made(&client, &namespace, index, &name, &spec).await;
        for (child, object) in objects.unwrap_or_else(|problem| panic!("{problem}\n{whose}")) {
            let stored = Stored::new(&client, &namespace, child, &object);
            if let Err(problem) = stored.apply_twice().await {
                panic!("{} {}: {problem}\n{whose}", child.kind.kind, stored.name);
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_somebody_takes_out_is_missed_and_comes_back() {
    let (client, namespace) = cluster::namespace("edited").await;
    let (seed, specs) = drawn();
    let mut taken = 0;
    for (index, (name, spec)) in specs.into_iter().enumerate().step_by(EDITED) {
        let whose = format!("SPECS_SEED={seed}, number {index}: {spec}");
        let objects = made(&client, &namespace, index, &name, &spec).await;
        for (child, object) in objects.unwrap_or_else(|problem| panic!("{problem}\n{whose}")) {
            let stored = Stored::new(&client, &namespace, child, &object);
            match stored.take_out().await {
                Ok(count) => taken += count,
                Err(problem) => panic!("{} {}: {problem}\n{whose}", child.kind.kind, stored.name),
            }
        }
    }
    assert!(taken > 20, "{taken} fields were taken out");
}

/// Creates a PushManager as it was drawn; returns what it becomes.
async fn made(
    client: &Client,
    namespace: &str,
    index: usize,
    drawn: &str,
    spec: &Value,
) -> Result<Vec<(&'static Child, Value)>, String> {
    // Names must differ; the one drawn stays as far as there is room.
    let name: String = format!("p{index}{drawn}").chars().take(50).collect();
    let name = name.trim_end_matches('-');
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
    Ok(children::all()
        .filter_map(|child| Some((child, child.object(&wanted)?)))
        .collect())
}

/// One child of one PushManager, on the API server.
struct Stored<'a> {
    api: Api<DynamicObject>,
    name: String,
    wanted: &'a Value,
}

impl<'a> Stored<'a> {
    fn new(client: &Client, namespace: &str, child: &Child, wanted: &'a Value) -> Self {
        let resource = cluster::resource(child.kind);
        Self {
            api: Api::namespaced_with(client.clone(), namespace, &resource),
            name: wanted["metadata"]["name"].as_str().unwrap().to_owned(),
            wanted,
        }
    }

    async fn apply(&self) -> Result<Value, String> {
        let params = PatchParams::apply("push-manager-operator")
            .force()
            .validation_strict();
        let patch = Patch::Apply(self.wanted);
        let stored = self.api.patch(&self.name, &params, &patch).await;
        let stored = stored.map_err(|error| format!("refused: {error}"))?;
        Ok(serde_json::to_value(stored).unwrap())
    }

    async fn apply_twice(&self) -> Result<(), String> {
        let stored = self.apply().await?;
        let wanted = self.wanted;
        if let Some(field) = difference(&stored, wanted) {
            return Err(format!("{field} differs\nstored {stored}\nwanted {wanted}"));
        }
        let again = self.apply().await?;
        if again["metadata"]["resourceVersion"] != stored["metadata"]["resourceVersion"] {
            return Err("a second apply changes it".to_owned());
        }
        Ok(())
    }

    /// Somebody takes fields out, one after the other; each is missed and comes back.
    async fn take_out(&self) -> Result<usize, String> {
        let mut taken = 0;
        for path in leaves::some(self.wanted, EDITS) {
            let stored = self.apply().await?;
            let mut edited = stored.clone();
            let (parent, key) = path.rsplit_once('/').unwrap();
            let Some(Value::Object(fields)) = edited.pointer_mut(parent) else {
                continue;
            };
            fields.remove(&key.replace("~1", "/").replace("~0", "~"));
            edited["metadata"]["managedFields"] = Value::Null;
            let params = PostParams {
                field_manager: Some("somebody".to_owned()),
                ..PostParams::default()
            };
            let edited: DynamicObject = serde_json::from_value(edited).unwrap();
            // What can't be taken out need not be missed.
            let Ok(left) = self.api.replace(&self.name, &params, &edited).await else {
                continue;
            };
            let left = serde_json::to_value(left).unwrap();
            if left.pointer(&path) == stored.pointer(&path) {
                continue;
            }
            taken += 1;
            if difference(&left, self.wanted).is_none() {
                return Err(format!(
                    "{path} was taken out, and that is not seen\nleft {left}"
                ));
            }
            let back = self.apply().await?;
            if back.pointer(&path) != stored.pointer(&path) {
                return Err(format!("{path} does not come back"));
            }
        }
        Ok(taken)
    }
}
