//! Follows children and pods, keeps what is known of them in step, and says whose they are.
//!
//! A watch that breaks begins anew with a whole list; what changed meanwhile is told then.

use std::{collections::HashSet, sync::Arc};

use futures::{StreamExt, TryStreamExt};
use kube::{
    Api, Client,
    api::DynamicObject,
    runtime::{WatchStreamExt, watcher},
};
use serde_json::Value;
use tokio::sync::{mpsc, watch as latest};

use crate::{
    children::Kind,
    kinds::KnownKinds,
    live::{Live, LiveObjects, Place},
    names::{INSTANCE, MANAGED_BY, OPERATOR},
    pods::Complaints,
    reconcile::resource,
};

/// Objects of one list at a time.
const PAGE: u32 = 200;

const POD: Kind = Kind {
    group: "",
    version: "v1",
    kind: "Pod",
    plural: "pods",
    optional: false,
};

/// What is followed, and where the news goes.
#[derive(Clone)]
pub struct Follower {
    /// Asks the API server.
    pub client: Client,
    /// One namespace, or all.
    pub namespace: Option<String>,
    /// Where children are kept.
    pub live: Arc<LiveObjects>,
    /// Where complaints of pods are kept.
    pub pods: Arc<Complaints>,
    /// Which kinds there are.
    pub kinds: Arc<KnownKinds>,
    /// Places of PushManagers that something happened to. A full queue makes the watch wait.
    pub news: mpsc::Sender<Place>,
}

impl std::fmt::Debug for Follower {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Follower")
            .field("namespace", &self.namespace)
            .finish_non_exhaustive()
    }
}

impl Follower {
    /// Follows children of one kind; `listed` turns true after the first whole list.
    pub async fn children(self, kind: Kind, listed: latest::Sender<bool>) {
        if kind.optional {
            let mut changes = self.kinds.changes();
            while !self.kinds.knows(kind) {
                // Nobody waits for what the cluster does not know.
                listed.send_replace(true);
                if changes.changed().await.is_err() {
                    return;
                }
            }
        }
        let mut seen = HashSet::new();
        let mut events = self.events(kind);
        while let Some(event) = events.next().await {
            let touched = match event {
                watcher::Event::Init => {
                    seen.clear();
                    Vec::new()
                }
                watcher::Event::InitApply(object) => self.put(kind, object, Some(&mut seen)),
                watcher::Event::InitDone => {
                    let within = self.namespace.as_deref();
                    let gone = self
                        .live
                        .keep_only(kind, within, |place| seen.contains(place));
                    seen = HashSet::new();
                    listed.send_replace(true);
                    gone.iter()
                        .filter_map(|live| owner(&live.value()))
                        .collect()
                }
                watcher::Event::Apply(object) => self.put(kind, object, None),
                watcher::Event::Delete(object) => self.remove(kind, object),
            };
            self.tell(touched).await;
        }
    }

    /// Follows pods.
    pub async fn pods(self, listed: latest::Sender<bool>) {
        let mut seen = HashSet::new();
        let mut events = self.events(POD);
        while let Some(event) = events.next().await {
            let touched = match event {
                watcher::Event::Init => {
                    seen.clear();
                    None
                }
                watcher::Event::InitApply(pod) => {
                    let name = pod.metadata.name.clone().unwrap_or_default();
                    seen.insert((pod.metadata.namespace.clone().unwrap_or_default(), name));
                    self.pods.see(&json(pod))
                }
                watcher::Event::InitDone => {
                    let listed_pod = |namespace: &str, name: &str| {
                        seen.contains(&(namespace.to_owned(), name.to_owned()))
                    };
                    let within = self.namespace.as_deref();
                    let relieved = self.pods.keep_only(within, listed_pod);
                    self.tell(relieved).await;
                    seen = HashSet::new();
                    listed.send_replace(true);
                    None
                }
                watcher::Event::Apply(pod) => self.pods.see(&json(pod)),
                watcher::Event::Delete(pod) => self.pods.forget(&json(pod)),
            };
            self.tell(touched).await;
        }
    }

    fn events(
        &self,
        kind: Kind,
    ) -> impl futures::Stream<Item = watcher::Event<DynamicObject>> + Unpin + use<> {
        let resource = resource(kind);
        let api: Api<DynamicObject> = match &self.namespace {
            Some(namespace) => Api::namespaced_with(self.client.clone(), namespace, &resource),
            None => Api::all_with(self.client.clone(), &resource),
        };
        let ours = watcher::Config::default()
            .labels(&format!("{MANAGED_BY}={OPERATOR}"))
            .page_size(PAGE);
        let events = watcher(api, ours).default_backoff();
        let logged = events.inspect_err(move |error| {
            tracing::warn!(%error, kind = kind.kind, "a watch begins anew");
        });
        Box::pin(logged.filter_map(async |event| event.ok()))
    }

    fn put(
        &self,
        kind: Kind,
        object: DynamicObject,
        seen: Option<&mut HashSet<Place>>,
    ) -> Vec<Place> {
        let value = json(object);
        let owner = owner(&value);
        let Some((place, live)) = Live::new(value) else {
            return Vec::new();
        };
        let listing = seen.is_some();
        if let Some(seen) = seen {
            seen.insert(place.clone());
        }
        let known = self.live.get(kind, &place.0, &place.1);
        let news = known.is_none_or(|known| known.version != live.version || known.uid != live.uid);
        self.live.see(kind, place, live);
        // A list tells what is known already; a change of what we wrote ourselves is news too,
        // for the status may be in it.
        owner.into_iter().filter(|_| news || !listing).collect()
    }

    fn remove(&self, kind: Kind, object: DynamicObject) -> Vec<Place> {
        let value = json(object);
        let owner = owner(&value);
        if let Some((place, live)) = Live::new(value) {
            self.live.remove(kind, &place, &live.uid, live.version);
        }
        owner.into_iter().collect()
    }

    async fn tell(&self, touched: impl IntoIterator<Item = Place>) {
        for place in touched {
            // Nobody listens any more at the end.
            drop(self.news.send(place).await);
        }
    }
}

fn json(object: DynamicObject) -> Value {
    serde_json::to_value(object).unwrap_or_default()
}

/// Whose an object is: what its owner or, without one, its label says.
fn owner(object: &Value) -> Option<Place> {
    let metadata = &object["metadata"];
    let namespace = metadata["namespace"].as_str()?.to_owned();
    let owners = metadata["ownerReferences"].as_array();
    let ours = |owner: &&Value| owner["controller"] == true && owner["kind"] == crate::api::KIND;
    let owner = owners.and_then(|owners| owners.iter().find(ours));
    let name = owner.map_or(&metadata["labels"][INSTANCE], |owner| &owner["name"]);
    Some((namespace, name.as_str()?.to_owned()))
}
