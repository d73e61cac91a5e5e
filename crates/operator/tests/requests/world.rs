//! One PushManager, the operator's context, and the mock that it asks.

use std::{pin::pin, sync::Arc};

use http::{Request, Response};
use kube::{
    Client,
    client::Body,
    core::{DeserializeGuard, error_boundary::InvalidObject},
    runtime::controller::Action,
};
use push_manager_operator::{
    api::PushManager,
    backoff::Backoffs,
    children::{self, Kind},
    contest::Contests,
    events::Events,
    kinds::KnownKinds,
    live::{Live, LiveObjects},
    metrics::Metrics,
    pods::Complaints,
    reconcile::{Context, Failure, Options, reconcile},
    told::Told,
};
use serde_json::{Value, json};
use tower_test::mock::{self, Handle};

use crate::api::Api;

/// The operator and its API server.
pub(crate) struct World {
    pub(crate) context: Arc<Context>,
    pub(crate) api: Api,
    handle: Handle<Request<Body>, Response<Body>>,
}

/// The smallest PushManager, with more beside it.
#[allow(clippy::needless_pass_by_value, reason = "reads better in tests")]
pub(crate) fn push_manager(more: Value) -> PushManager {
    let mut object = json!({
        "apiVersion": "pushmanager.io/v1alpha1",
        "kind": "PushManager",
        "metadata": {
            "name": "push", "namespace": "shop", "uid": "pm-1", "generation": 1,
            "resourceVersion": "1",
        },
        "spec": {"etcd": {"endpoints": ["etcd:2379"]}, "controller": {"address": "controller:50051"}},
    });
    for (key, value) in more.as_object().unwrap() {
        object["spec"][key] = value.clone();
    }
    serde_json::from_value(object).unwrap()
}

/// The kind of this name.
pub(crate) fn kind(name: &str) -> Kind {
    let kind = children::kinds().into_iter().find(|kind| kind.kind == name);
    kind.unwrap()
}

impl World {
    /// Nothing is there.
    pub(crate) fn new() -> Self {
        let (service, handle) = mock::pair::<Request<Body>, Response<Body>>();
        let client = Client::new(service, "default");
        Self {
            context: Arc::new(context(client)),
            api: Api::default(),
            handle,
        }
    }

    /// All of a PushManager is there and told of.
    pub(crate) async fn settled(pm: &PushManager) -> Self {
        let mut world = Self::new();
        world.reconcile(pm).await.unwrap();
        world.api.take();
        world
    }

    /// Runs one future, answering what it asks.
    pub(crate) async fn drive<F: Future>(&mut self, run: F) -> F::Output {
        let mut run = pin!(run);
        loop {
            tokio::select! {
                biased;
                outcome = &mut run => return outcome,
                Some((request, respond)) = self.handle.next_request() => {
                    self.api.answer(request, respond).await;
                }
            }
        }
    }

    /// Reconciles once.
    pub(crate) async fn reconcile(&mut self, pm: &PushManager) -> Result<Action, Failure> {
        let object = Arc::new(DeserializeGuard(Ok(pm.clone())));
        let context = self.context.clone();
        self.drive(Box::pin(reconcile(object, context))).await
    }

    /// Reconciles once what can't be read.
    pub(crate) async fn reconcile_unreadable(&mut self, error: &str) -> Result<Action, Failure> {
        let invalid = InvalidObject {
            error: error.to_owned(),
            metadata: push_manager(json!({})).metadata,
        };
        let metadata = serde_json::to_value(&invalid.metadata).unwrap();
        let told = self.api.objects.get("pushmanagers/push/status");
        let status = told.map(|told| told["status"].clone());
        let stored = json!({"metadata": metadata, "spec": {}, "status": status});
        self.api.put("pushmanagers/push", stored);
        let object = Arc::new(DeserializeGuard(Err(invalid)));
        let context = self.context.clone();
        self.drive(Box::pin(reconcile(object, context))).await
    }

    /// Changes a stored object as somebody else does, and lets the watch see it.
    pub(crate) fn edit(&mut self, kind_name: &str, key: &str, change: impl FnOnce(&mut Value)) {
        let mut object = self.api.objects[key].clone();
        change(&mut object);
        let mut managers = object["metadata"]["managedFields"].take();
        for entry in managers.as_array_mut().into_iter().flatten() {
            disown(&mut entry["fieldsV1"], &object);
        }
        object["metadata"]["managedFields"] = managers;
        let object = self.api.put(key, object);
        let (place, live) = Live::new(object).unwrap();
        self.context.live.see(kind(kind_name), place, live);
    }

    /// The operator starts anew: it knows what a list shows, and nothing of before.
    pub(crate) fn restart(&mut self) {
        let (service, handle) = mock::pair::<Request<Body>, Response<Body>>();
        let context = context(Client::new(service, "default"));
        for object in self.api.objects.values() {
            let of = |kind: &Kind| object["kind"] == kind.kind;
            if let Some(kind) = children::kinds().into_iter().find(of) {
                let (place, live) = Live::new(object.clone()).unwrap();
                context.live.see(kind, place, live);
            }
        }
        self.context = Arc::new(context);
        self.handle = handle;
    }

    /// The client that the mock answers.
    pub(crate) fn client(&self) -> Client {
        self.context.client.clone()
    }

    /// What the status said last about a condition: its status, reason and message.
    pub(crate) fn condition(&self, kind: &str) -> (String, String, String) {
        let status = &self.api.objects["pushmanagers/push/status"]["status"];
        let conditions = status["conditions"].as_array().unwrap();
        let found = conditions.iter().find(|c| c["type"] == kind).unwrap();
        let text = |key: &str| found[key].as_str().unwrap_or_default().to_owned();
        (text("status"), text("reason"), text("message"))
    }
}

/// Nobody owns a field that is not there any more.
fn disown(owned: &mut Value, object: &Value) {
    let Some(fields) = owned.as_object_mut() else {
        return;
    };
    fields.retain(|key, _| object.get(&key[2..]).is_some());
    for (key, below) in fields {
        disown(below, &object[&key[2..]]);
    }
}

fn context(client: Client) -> Context {
    Context {
        events: Events::new(client.clone(), "operator-1"),
        client,
        options: Options {
            image_repository: "push-manager".to_owned(),
        },
        live: Arc::new(LiveObjects::default()),
        pods: Arc::new(Complaints::default()),
        kinds: Arc::new(KnownKinds::default()),
        metrics: Arc::new(Metrics::new().unwrap()),
        contests: Contests::default(),
        at_work: Arc::new(tokio::sync::Semaphore::new(1)),
        backoffs: Backoffs::default(),
        told: Told::default(),
    }
}
