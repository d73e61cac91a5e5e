//! PushManagers and what becomes of them, as tests ask for them.

use std::time::Duration;

use k8s_openapi::api::apps::v1::Deployment;
use kube::api::{DynamicObject, Patch, PatchParams};
use kube::core::{ApiResource, GroupVersionKind};
use kube::{Api, Client};
use push_manager_envtest::{Cluster, Seen};
use push_manager_operator::api::{Condition, PushManager};
use serde_json::{Value, json};

use crate::operator::SOON;

/// A PushManager with the least that it needs, and more.
pub fn manifest(name: &str, more: Value) -> Value {
    let mut spec = json!({
        "etcd": {"endpoints": ["etcd:2379"]},
        "controller": {"address": "controller:50051"},
    });
    merge(&mut spec, more);
    json!({
        "apiVersion": "pushmanager.io/v1alpha1",
        "kind": "PushManager",
        "metadata": {"name": name},
        "spec": spec,
    })
}

fn merge(into: &mut Value, more: Value) {
    match (into, more) {
        (Value::Object(into), Value::Object(more)) => {
            for (key, value) in more {
                merge(into.entry(key).or_insert(Value::Null), value);
            }
        }
        (into, more) => *into = more,
    }
}

/// One test's namespace, and what it does there.
#[derive(Debug)]
pub struct Room {
    pub cluster: &'static Cluster,
    pub namespace: String,
}

impl Room {
    pub async fn open(cluster: &'static Cluster, prefix: &str) -> Self {
        let namespace = cluster.namespace(prefix).await;
        Self { cluster, namespace }
    }

    pub async fn client(&self) -> Client {
        self.cluster.client().await
    }

    /// `kubectl` in this namespace; what it printed.
    pub async fn kubectl(&self, args: &[&str]) -> String {
        let output = self.cluster.kubectl(&self.within(args)).await;
        assert!(output.success, "kubectl {args:?}: {}", output.stderr);
        output.stdout
    }

    /// `kubectl` in this namespace that must fail; why.
    pub async fn refused(&self, args: &[&str]) -> String {
        let output = self.cluster.kubectl(&self.within(args)).await;
        assert!(!output.success, "kubectl {args:?}: {}", output.stdout);
        output.stderr
    }

    fn within<'a>(&'a self, args: &[&'a str]) -> Vec<&'a str> {
        [&["-n", &self.namespace], args].concat()
    }

    /// Applies a PushManager; fails if it is refused.
    pub async fn apply(&self, name: &str, more: Value) {
        if let Err(why) = self.try_apply(&manifest(name, more)).await {
            panic!("{why}");
        }
    }

    /// Applies an object as `kubectl apply` does; why not, if it is refused.
    pub async fn try_apply(&self, object: &Value) -> Result<(), String> {
        let args = self.within(&["apply", "-f", "-"]);
        let output = self.cluster.kubectl_with(&args, &object.to_string()).await;
        if output.success {
            Ok(())
        } else {
            Err(output.stderr)
        }
    }

    /// A merge patch, as `kubectl patch` does it.
    pub async fn patch(&self, what: &str, patch: Value) {
        let patch = patch.to_string();
        self.kubectl(&["patch", what, "--type", "merge", "-p", &patch])
            .await;
    }

    pub async fn push_manager(&self, name: &str) -> PushManager {
        let api: Api<PushManager> = Api::namespaced(self.client().await, &self.namespace);
        api.get(name).await.unwrap()
    }

    pub async fn deployment(&self, name: &str) -> Option<Deployment> {
        let api: Api<Deployment> = Api::namespaced(self.client().await, &self.namespace);
        api.get_opt(name).await.unwrap()
    }

    /// An object of any kind, e.g. `("policy", "v1", "PodDisruptionBudget")`.
    pub async fn object(&self, kind: (&str, &str, &str), name: &str) -> Option<Value> {
        let object = self.any(kind).await.get_opt(name).await.unwrap();
        object.map(|object| serde_json::to_value(object).unwrap())
    }

    pub async fn any(&self, (group, version, kind): (&str, &str, &str)) -> Api<DynamicObject> {
        let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, kind));
        Api::namespaced_with(self.client().await, &self.namespace, &resource)
    }

    /// Sets the replicas of a Deployment as an autoscaler does: through its scale.
    pub async fn autoscale(&self, name: &str, replicas: i32) {
        let api: Api<Deployment> = Api::namespaced(self.client().await, &self.namespace);
        let params = PatchParams {
            field_manager: Some("kube-controller-manager".to_owned()),
            ..PatchParams::default()
        };
        let patch = Patch::Merge(json!({"spec": {"replicas": replicas}}));
        api.patch_scale(name, &params, &patch).await.unwrap();
    }

    /// Waits until looking succeeds; fails with all that is known of the namespace.
    pub async fn eventually<T>(&self, what: &str, look: impl AsyncFnMut() -> Seen<T>) -> T {
        self.cluster
            .eventually(&self.namespace, SOON, what, look)
            .await
    }

    /// Waits longer.
    pub async fn within_time<T>(
        &self,
        time: Duration,
        what: &str,
        look: impl AsyncFnMut() -> Seen<T>,
    ) -> T {
        self.cluster
            .eventually(&self.namespace, time, what, look)
            .await
    }

    /// Waits for a condition of a PushManager, and returns it.
    pub async fn condition(&self, name: &str, kind: &str, status: &str, reason: &str) -> Condition {
        let what = format!("{name} is {kind}={status} ({reason})");
        self.eventually(&what, async || {
            let pm = self.push_manager(name).await;
            let condition = condition(&pm, kind).ok_or("no such condition yet")?;
            let fresh = condition.observed_generation == pm.metadata.generation;
            if fresh && condition.status == status && condition.reason == reason {
                Ok(condition)
            } else {
                Err(format!("{condition:?}").into())
            }
        })
        .await
    }

    /// Waits until the operator has seen the newest spec and settled: nothing in its way.
    pub async fn settled(&self, name: &str) -> PushManager {
        self.eventually(&format!("{name} is settled"), async || {
            let pm = self.push_manager(name).await;
            let status = pm.status.clone().unwrap_or_default();
            let seen = status.observed_generation == pm.metadata.generation;
            let deployment = self.deployment(name).await.ok_or("no Deployment yet")?;
            let told = deployment
                .status
                .clone()
                .unwrap_or_default()
                .observed_generation;
            if seen && told == deployment.metadata.generation {
                Ok(pm)
            } else {
                Err(format!("{status:?}").into())
            }
        })
        .await
    }

    /// The reasons of the events of a PushManager.
    pub async fn events(&self, name: &str) -> Vec<String> {
        let of = format!("regarding.name={name}");
        let args = [
            "get",
            "events.events.k8s.io",
            "--field-selector",
            &of,
            "-o",
            "json",
        ];
        let events: Value = serde_json::from_str(&self.kubectl(&args).await).unwrap();
        let events = events["items"].as_array().unwrap().iter();
        events
            .map(|e| format!("{} {}: {}", e["type"], e["reason"], e["note"]).replace('"', ""))
            .collect()
    }
}

pub fn condition(pm: &PushManager, kind: &str) -> Option<Condition> {
    let status = pm.status.as_ref()?;
    status.conditions.iter().find(|c| c.type_ == kind).cloned()
}

/// An object's identity and version.
pub fn version(object: &Value) -> (String, String) {
    let text = |key: &str| object["metadata"][key].as_str().unwrap().to_owned();
    (text("uid"), text("resourceVersion"))
}
