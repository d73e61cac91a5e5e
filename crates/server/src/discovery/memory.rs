//! Nodes put in by code: the embedded mode and tests.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::mpsc::Sender;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::{Address, Event, Registration, deliver};
use crate::ids::NodeId;

type Nodes = Arc<BTreeMap<String, Registration>>;

/// A handle to a set of nodes; its clones share the set.
#[derive(Clone, Debug)]
pub struct MemoryNodes {
    state: watch::Sender<State>,
}

#[derive(Clone, Debug, Default)]
struct State {
    revision: i64,
    nodes: Nodes,
}

impl Default for MemoryNodes {
    fn default() -> Self {
        Self::new()
    }
}

impl MemoryNodes {
    /// An empty set.
    pub fn new() -> Self {
        let (state, _) = watch::channel(State::default());
        Self { state }
    }

    /// Adds a node, or moves it: the id is the key.
    pub fn put(&self, id: NodeId, address: Address, instance: Option<String>) {
        self.state.send_modify(|state| {
            state.revision += 1;
            let key = format!("memory/{id}");
            let created = state
                .nodes
                .get(&key)
                .map_or(state.revision, |old| old.created);
            let registration = Registration {
                segment: id.as_str().to_owned(),
                key: key.clone(),
                address,
                node_id: Some(id),
                instance,
                created,
                revision: state.revision,
            };
            Arc::make_mut(&mut state.nodes).insert(key, registration);
        });
    }

    /// Takes a node out; false if it wasn't there.
    pub fn remove(&self, id: &NodeId) -> bool {
        self.state.send_if_modified(|state| {
            let removed = Arc::make_mut(&mut state.nodes).remove(&format!("memory/{id}"));
            state.revision += i64::from(removed.is_some());
            removed.is_some()
        })
    }
}

/// Sends the set, then its changes, until told to stop.
///
/// Changes in quick succession may be seen as one; the last state always is.
pub async fn run(nodes: MemoryNodes, events: Sender<Event>, stop: CancellationToken) {
    let mut states = nodes.state.subscribe();
    let mut sent = states.borrow_and_update().clone();
    let listed = Event::Listed {
        revision: sent.revision,
        registrations: sent.nodes.values().cloned().collect(),
    };
    if !deliver(&events, &stop, listed).await {
        return;
    }
    // The handle is held here, so `changed` can't fail before the loop ends.
    while let Some(Ok(())) = stop.run_until_cancelled(states.changed()).await {
        let state = states.borrow_and_update().clone();
        for event in difference(&sent, &state) {
            if !deliver(&events, &stop, event).await {
                return;
            }
        }
        sent = state;
    }
}

fn difference(old: &State, new: &State) -> Vec<Event> {
    let removed = old.nodes.keys().filter(|key| !new.nodes.contains_key(*key));
    let put = new
        .nodes
        .iter()
        .filter(|(key, node)| old.nodes.get(*key) != Some(node));
    let removed = removed.map(|key| Event::Removed {
        key: key.clone(),
        revision: new.revision,
    });
    let put = put.map(|(_, node)| Event::Put {
        registration: node.clone(),
    });
    removed.chain(put).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::sync::mpsc;

    fn address(port: u16) -> Address {
        format!("127.0.0.1:{port}").parse().unwrap()
    }

    #[tokio::test]
    async fn nodes_put_before_and_after_the_start_are_seen_and_so_is_their_leaving() {
        let nodes = MemoryNodes::new();
        let (id, other) = (NodeId::new("node-1"), NodeId::new("node:2"));
        nodes.put(id.clone(), address(1), None);
        let (events, mut seen) = mpsc::channel(8);
        let stop = CancellationToken::new();
        let source = run(nodes.clone(), events, stop.clone());
        let script = async {
            let Some(Event::Listed { registrations, .. }) = seen.recv().await else {
                panic!("expected the set first");
            };
            assert_eq!(registrations.len(), 1);
            nodes.put(other.clone(), address(2), Some("i".into()));
            let Some(Event::Put { registration }) = seen.recv().await else {
                panic!("expected a put");
            };
            assert_eq!(registration.node_id, Some(other));
            assert!(nodes.remove(&id) && !nodes.remove(&id));
            assert_eq!(
                seen.recv().await,
                Some(Event::Removed {
                    key: "memory/node-1".into(),
                    revision: 3
                })
            );
            stop.cancel();
        };
        tokio::join!(source, script);
    }
}
