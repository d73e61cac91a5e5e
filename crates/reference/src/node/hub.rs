//! Who is connected to this node and in which rooms; delivers frames into their queues.
//!
//! Knows nothing of sockets. What changes for the Controller is noted under the same lock, so
//! that notes come in the order in which things happened.

use std::{
    collections::{HashMap, HashSet},
    sync::{
        Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard,
        atomic::{AtomicU64, Ordering},
    },
};

use axum::extract::ws::Utf8Bytes;
use tokio::sync::oneshot;

use super::{client::Client, ledger::Key, presence::Presence};
use crate::LOBBY;

/// Whom a push is for.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Target<'a> {
    /// These users, on all their connections here.
    Users(&'a [String]),
    /// Every connection that is in this room.
    Room(&'a str),
    /// Every connection.
    Everyone,
}

/// Who got a push; counts users, not connections.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Delivery {
    pub(crate) delivered: usize,
    pub(crate) failed: Vec<String>,
}

/// Running totals of a node.
#[derive(Debug, Default)]
pub(crate) struct Totals {
    pub(crate) delivered: AtomicU64,
    pub(crate) dropped: AtomicU64,
    pub(crate) cut: AtomicU64,
}

/// How many are here right now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Present {
    pub(crate) connections: usize,
    pub(crate) users: usize,
    pub(crate) rooms: usize,
}

type Connections = Vec<Arc<Client>>;

#[derive(Debug, Default)]
struct State {
    connections: usize,
    users: HashMap<Arc<str>, Connections>,
    rooms: HashMap<Arc<str>, HashMap<Arc<str>, Connections>>,
}

/// All connections of a node.
#[derive(Debug)]
pub(crate) struct Hub {
    state: RwLock<State>,
    presence: Option<Arc<Presence>>,
    pub(crate) totals: Totals,
    max_connections: usize,
}

impl Hub {
    pub(crate) fn new(presence: Option<Arc<Presence>>, max_connections: usize) -> Self {
        Self {
            state: RwLock::default(),
            presence,
            totals: Totals::default(),
            max_connections,
        }
    }

    /// Lets a client in; false when the node is full.
    pub(crate) fn enter(&self, client: &Arc<Client>) -> bool {
        let mut state = self.write();
        if state.connections >= self.max_connections {
            return false;
        }
        state.connections += 1;
        let connections = state.users.entry(client.user.clone()).or_default();
        connections.push(client.clone());
        true
    }

    /// Puts a client into a room; the receiver hears when the Controller knows, at once (as an
    /// error) when there is nothing to wait for.
    pub(crate) fn join(&self, client: &Arc<Client>, room: &Arc<str>) -> oneshot::Receiver<()> {
        let mut state = self.write();
        let members = state.rooms.entry(room.clone()).or_default();
        let connections = members.entry(client.user.clone()).or_default();
        if !connections.iter().any(|other| other.id == client.id) {
            connections.push(client.clone());
        }
        match &self.presence {
            Some(presence) => presence.join(key(room, client), &client.name),
            None => oneshot::channel().1,
        }
    }

    /// Takes a client out of a room; the Controller hears of it when it was the user's last
    /// connection there.
    pub(crate) fn leave(&self, client: &Client, room: &Arc<str>) {
        self.leave_locked(&mut self.write(), client, room);
    }

    /// Forgets a client and takes it out of `rooms`.
    pub(crate) fn exit<'a>(&self, client: &Client, rooms: impl Iterator<Item = &'a Arc<str>>) {
        let mut state = self.write();
        for room in rooms {
            self.leave_locked(&mut state, client, room);
        }
        if remove(&mut state.users, client) {
            state.connections -= 1;
        }
    }

    /// Queues a frame for everyone it is for.
    pub(crate) fn deliver(&self, target: Target<'_>, frame: &Utf8Bytes) -> Delivery {
        let state = self.read();
        let mut delivery = Delivery::default();
        match target {
            Target::Users(users) => {
                let mut seen = HashSet::with_capacity(users.len());
                for user in users.iter().filter(|user| seen.insert(user.as_str())) {
                    let connections = state.users.get(user.as_str()).map_or(&[][..], |all| all);
                    self.offer(&mut delivery, user, connections, frame);
                }
            }
            Target::Room(room) => {
                for (user, connections) in state.rooms.get(room).into_iter().flatten() {
                    self.offer(&mut delivery, user, connections, frame);
                }
            }
            Target::Everyone => {
                for (user, connections) in &state.users {
                    self.offer(&mut delivery, user, connections, frame);
                }
            }
        }
        let delivered = u64::try_from(delivery.delivered).unwrap_or(u64::MAX);
        self.totals
            .delivered
            .fetch_add(delivered, Ordering::Relaxed);
        delivery
    }

    /// Counts who is here.
    pub(crate) fn present(&self) -> Present {
        let state = self.read();
        let lobby = usize::from(state.rooms.contains_key(LOBBY));
        Present {
            connections: state.connections,
            users: state.users.len(),
            rooms: state.rooms.len() - lobby,
        }
    }

    fn offer(
        &self,
        delivery: &mut Delivery,
        user: &str,
        connections: &[Arc<Client>],
        frame: &Utf8Bytes,
    ) {
        let mut taken = false;
        for client in connections {
            if client.offer(frame) {
                taken = true;
            } else {
                self.totals.dropped.fetch_add(1, Ordering::Relaxed);
            }
        }
        if taken {
            delivery.delivered += 1;
        } else {
            delivery.failed.push(user.to_owned());
        }
    }

    fn leave_locked(&self, state: &mut State, client: &Client, room: &Arc<str>) {
        let Some(members) = state.rooms.get_mut(room) else {
            return;
        };
        if !remove(members, client) {
            return;
        }
        let last = !members.contains_key(&client.user);
        if members.is_empty() {
            state.rooms.remove(room);
        }
        if let Some(presence) = self.presence.as_ref().filter(|_| last) {
            presence.leave(&key(room, client));
        }
    }

    fn read(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }
}

fn key(room: &Arc<str>, client: &Client) -> Key {
    Key {
        room: room.clone(),
        user: client.user.clone(),
    }
}

/// Removes a connection, and its user when it was the last; true when it was there.
fn remove(users: &mut HashMap<Arc<str>, Connections>, client: &Client) -> bool {
    let Some(connections) = users.get_mut(&client.user) else {
        return false;
    };
    let before = connections.len();
    connections.retain(|other| other.id != client.id);
    let removed = connections.len() < before;
    if connections.is_empty() {
        users.remove(&client.user);
    }
    removed
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::node::{
        client::{ClientId, Waiting},
        config::NodeLimits,
    };

    fn connect(hub: &Hub, id: u64, user: &str, rooms: &[&str]) -> (Arc<Client>, Waiting) {
        let limits = NodeLimits {
            queue_items: 2,
            ..NodeLimits::default()
        };
        let (client, waiting) = Client::new(ClientId(id), user, String::new(), &limits);
        assert!(hub.enter(&client));
        for room in rooms {
            let _told = hub.join(&client, &Arc::from(*room));
        }
        (client, waiting)
    }

    fn named(users: &[&str]) -> Vec<String> {
        users.iter().map(|&user| user.to_owned()).collect()
    }

    const FRAME: Utf8Bytes = Utf8Bytes::from_static("x");

    #[test]
    fn users_are_counted_not_connections() {
        let hub = Hub::new(None, 10);
        let _phone = connect(&hub, 1, "ann", &["r"]);
        let _desk = connect(&hub, 2, "ann", &["r", "s"]);
        let _bob = connect(&hub, 3, "bob", &["s"]);
        assert_eq!(hub.deliver(Target::Room("r"), &FRAME).delivered, 1);
        assert_eq!(hub.deliver(Target::Everyone, &FRAME).delivered, 2);
        let present = hub.present();
        assert_eq!(
            (present.connections, present.users, present.rooms),
            (3, 2, 2)
        );
    }

    #[test]
    fn named_users_who_are_not_here_are_listed_once() {
        let hub = Hub::new(None, 10);
        let _ann = connect(&hub, 1, "ann", &[]);
        let users = named(&["ann", "eve", "ann", "eve"]);
        let delivery = hub.deliver(Target::Users(&users), &FRAME);
        assert_eq!(delivery.delivered, 1);
        assert_eq!(delivery.failed, ["eve"]);
    }

    #[test]
    fn a_user_fails_only_when_every_queue_refuses() {
        let hub = Hub::new(None, 10);
        let _slow = connect(&hub, 1, "ann", &[]);
        for _ in 0..2 {
            hub.deliver(Target::Everyone, &FRAME);
        }
        let _quick = connect(&hub, 2, "ann", &[]);
        assert_eq!(hub.deliver(Target::Everyone, &FRAME).delivered, 1);
        assert_eq!(hub.totals.dropped.load(Ordering::Relaxed), 1);
    }

    #[test]
    fn nobody_is_left_behind_when_all_exit() {
        let hub = Hub::new(None, 1);
        let room: Arc<str> = "r".into();
        let (ann, _waiting) = connect(&hub, 1, "ann", &["r"]);
        let (bob, _other) = Client::new(ClientId(2), "bob", String::new(), &NodeLimits::default());
        assert!(!hub.enter(&bob), "the node is full");
        hub.exit(&ann, [&room].into_iter());
        hub.exit(&ann, [&room].into_iter());
        let present = hub.present();
        assert_eq!(
            (present.connections, present.users, present.rooms),
            (0, 0, 0)
        );
    }
}
