//! Who is where, as the Controller-Manager tells it.
//!
//! User locations are cached for a short time; room members are asked for each
//! push, since a stale list would leave out who just joined. What to do with
//! the answers is decided in [`crate::routing`].

mod controller;
mod flight;

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use futures::future::join_all;
use moka::future::Cache;
use push_manager_proto::pubsub::{GetUserNodeResponse, UserInfo};
use tokio::time::Instant;
use tracing::{Instrument, Span};

pub use self::controller::{Controller, ControllerSettings, LocateError};
use self::flight::Flights;
use crate::{
    ids::{NodeId, RoomId, UserId},
    metrics::Metrics,
    trace::TraceContext,
};

/// Most id → address pairs learnt from the Controller's answers.
const LEARNT_ENTRIES: u64 = 100_000;

/// How long such a pair is believed: addresses change hands.
const LEARNT_FOR: Duration = Duration::from_mins(1);
/// How long a node whose address no answer told is not asked for again.
const ASK_AGAIN_AFTER: Duration = Duration::from_secs(30);
/// Most look-ups that one push makes to learn addresses.
const MOST_STRANGERS: usize = 64;

/// One place where a user can be reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Location {
    /// The node, as the Controller names it.
    pub node: NodeId,
    /// A room that the user is in there, when known: some nodes look users up by room.
    pub room: Option<RoomId>,
}

/// A user's presence in a room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// The user.
    pub user: UserId,
    /// The node that holds the user.
    pub node: NodeId,
}

type Locations = Arc<[Location]>;
type Members = Arc<[Member]>;

/// Looks users and rooms up.
#[derive(Debug)]
pub struct Locator {
    controller: Arc<Controller>,
    users: Cache<UserId, Locations>,
    asking: Flights<UserId, Result<Locations, LocateError>>,
    rooms: Flights<RoomId, Result<Members, LocateError>>,
    learnt: Cache<NodeId, Arc<str>>,
    asked_in_vain: Cache<NodeId, ()>,
    /// Holds its one entry while the Controller is known not to offer GetRoomNodes.
    no_room_nodes: Cache<(), ()>,
    metrics: Arc<Metrics>,
}

impl Locator {
    /// Asks `controller`; user locations are kept for `ttl`, at most `entries` of them.
    pub fn new(controller: Controller, ttl: Duration, entries: u64, metrics: Arc<Metrics>) -> Self {
        Self {
            controller: Arc::new(controller),
            // A cache without time to live would never forget.
            users: Cache::builder()
                .max_capacity(if ttl.is_zero() { 0 } else { entries })
                .time_to_live(ttl.max(Duration::from_millis(1)))
                .build(),
            asking: Flights::default(),
            rooms: Flights::default(),
            learnt: Cache::builder()
                .max_capacity(LEARNT_ENTRIES)
                .time_to_live(LEARNT_FOR)
                .build(),
            asked_in_vain: Cache::builder()
                .max_capacity(LEARNT_ENTRIES)
                .time_to_live(ASK_AGAIN_AFTER)
                .build(),
            no_room_nodes: Cache::builder()
                .max_capacity(1)
                .time_to_live(ASK_AGAIN_AFTER)
                .build(),
            metrics,
        }
    }

    /// Where a user is; empty when nowhere. Calls at the same time share
    /// questions, and an answer serves for the cache's time.
    pub async fn user(
        &self,
        user: &UserId,
        trace: &TraceContext,
        deadline: Instant,
    ) -> Result<Locations, LocateError> {
        if let Some(known) = self.users.get(user).await {
            self.metrics.controller_cache_hits.inc();
            return Ok(known);
        }
        self.user_now(user, trace, deadline).await
    }

    /// Where a user is now, whatever the cache says.
    pub async fn user_afresh(
        &self,
        user: &UserId,
        trace: &TraceContext,
        deadline: Instant,
    ) -> Result<Locations, LocateError> {
        self.users.invalidate(user).await;
        self.user_now(user, trace, deadline).await
    }

    async fn user_now(
        &self,
        user: &UserId,
        trace: &TraceContext,
        deadline: Instant,
    ) -> Result<Locations, LocateError> {
        let began = Instant::now();
        let question = Question {
            controller: self.controller.clone(),
            users: self.users.clone(),
            learnt: self.learnt.clone(),
            user: user.clone(),
            trace: trace.clone(),
        };
        let span = Span::current();
        let ask = || question.ask().instrument(span);
        let asking = self.asking.ask(user.clone(), ask);
        let found = tokio::time::timeout_at(deadline, asking).await;
        found.map_err(|_| self.controller.late(began))?.0
    }

    /// Forgets what was learnt about an id: its address may have changed hands.
    pub async fn unlearn(&self, node: &NodeId) {
        self.learnt.invalidate(node).await;
    }

    /// Who is in a room now, one entry for each user and node; empty when unknown.
    pub async fn room(
        &self,
        room: &RoomId,
        trace: &TraceContext,
        deadline: Instant,
    ) -> Result<Members, LocateError> {
        let began = Instant::now();
        let (controller, span) = (self.controller.clone(), Span::current());
        let (asked, trace) = (room.clone(), trace.clone());
        let ask = || {
            async move { controller.room_info(&asked, &trace).await.map(members) }.instrument(span)
        };
        let asking = self.rooms.ask(room.clone(), ask);
        let answer = tokio::time::timeout_at(deadline, asking).await;
        let (members, shared) = answer.map_err(|_| self.controller.late(began))?;
        if shared {
            self.metrics.controller_shared.inc();
        }
        members
    }

    /// The nodes that hold a room; `None` when this Controller doesn't tell.
    pub async fn room_nodes(
        &self,
        room: &RoomId,
        trace: &TraceContext,
        deadline: Instant,
    ) -> Result<Option<Vec<NodeId>>, LocateError> {
        if self.no_room_nodes.contains_key(&()) {
            return Ok(None);
        }
        let began = Instant::now();
        let asking = self.controller.room_nodes(room, trace);
        let answer = tokio::time::timeout_at(deadline, asking).await;
        let nodes = answer.map_err(|_| self.controller.late(began))??;
        if nodes.is_none() {
            self.no_room_nodes.insert((), ()).await;
        }
        Ok(nodes.map(|ids| ids.into_iter().map(NodeId::new).collect()))
    }

    /// Tries to learn the addresses of nodes that no registration names, by
    /// asking where one user of each is. Without it a room push would have to
    /// name those users to every node. Failing is no harm: that is what follows.
    pub async fn learn(
        &self,
        strangers: Vec<(NodeId, UserId)>,
        trace: &TraceContext,
        deadline: Instant,
    ) {
        let asking = strangers
            .into_iter()
            .take(MOST_STRANGERS)
            .map(async |(node, user)| {
                if self.learnt.contains_key(&node) || self.asked_in_vain.contains_key(&node) {
                    return;
                }
                // Not from the cache, which keeps places without their addresses.
                let answer = self.user_now(&user, trace, deadline).await;
                let named = answer.is_ok_and(|places| places.iter().any(|at| at.node == node));
                if named && !self.learnt.contains_key(&node) {
                    self.asked_in_vain.insert(node, ()).await;
                }
            });
        join_all(asking).await;
    }

    /// The addresses that answers taught for these ids, where any did.
    pub async fn learnt(&self, ids: &HashSet<NodeId>) -> HashMap<NodeId, Arc<str>> {
        let mut known = HashMap::new();
        for id in ids {
            if let Some(address) = self.learnt.get(id).await {
                known.insert(id.clone(), address);
            }
        }
        known
    }
}

/// One question about a user, with what its answer is kept in.
struct Question {
    controller: Arc<Controller>,
    users: Cache<UserId, Locations>,
    learnt: Cache<NodeId, Arc<str>>,
    user: UserId,
    trace: TraceContext,
}

impl Question {
    /// One look-up at a time for each user, so the cache keeps the latest answer.
    async fn ask(self) -> Result<Locations, LocateError> {
        let answer = self.controller.user_node(&self.user, &self.trace).await?;
        let found = locations(answer);
        for (location, address) in &found {
            if let Some(address) = address {
                let node = location.node.clone();
                self.learnt.insert(node, address.clone()).await;
            }
        }
        let places: Locations = found.into_iter().map(|(location, _)| location).collect();
        if places.is_empty() {
            // Never remembered, so that a user who connects is found at once.
            self.users.invalidate(&self.user).await;
        } else {
            self.users.insert(self.user, places.clone()).await;
        }
        Ok(places)
    }
}

/// The places in an answer, each with the address that it teaches for its node.
fn locations(answer: GetUserNodeResponse) -> Vec<(Location, Option<Arc<str>>)> {
    let GetUserNodeResponse {
        node_id,
        node_address,
        found,
        room_id,
        locations,
    } = answer;
    let several = locations
        .into_iter()
        .map(|at| (at.node_id, at.node_address, at.room_id));
    let first = found.then_some((node_id, node_address, room_id));
    let mut places: Vec<(Location, Option<Arc<str>>)> = Vec::new();
    for (id, address, room) in several.chain(first) {
        let id = if id.is_empty() { address.clone() } else { id };
        if id.is_empty() || places.iter().any(|(known, _)| known.node.as_str() == id) {
            continue;
        }
        // Some Controllers repeat the id where they know no address.
        let teaches = (!address.is_empty() && address != id).then(|| address.into());
        let room = (!room.is_empty()).then(|| RoomId::new(room));
        places.push((
            Location {
                node: NodeId::new(id),
                room,
            },
            teaches,
        ));
    }
    places
}

/// Nodes are few where members are many, so their ids are shared.
fn members(users: Vec<UserInfo>) -> Members {
    let mut nodes: HashMap<String, NodeId> = HashMap::new();
    let named = users.into_iter().filter(|info| !info.user_id.is_empty());
    named
        .map(|info| {
            let known = nodes.get(&info.node_id).cloned();
            let node = known.unwrap_or_else(|| {
                let node = NodeId::new(info.node_id.as_str());
                nodes.insert(info.node_id, node.clone());
                node
            });
            let user = UserId::new(info.user_id);
            Member { user, node }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use push_manager_proto::pubsub::UserLocation;

    use super::*;

    fn answer(id: &str, address: &str) -> GetUserNodeResponse {
        GetUserNodeResponse {
            node_id: id.into(),
            node_address: address.into(),
            found: true,
            room_id: "r".into(),
            locations: Vec::new(),
        }
    }

    #[test]
    fn an_address_that_repeats_the_id_teaches_nothing() {
        assert_eq!(locations(answer("node-1", "node-1"))[0].1, None);
        assert_eq!(
            locations(answer("node-1", "10.0.0.1:1"))[0].1.as_deref(),
            Some("10.0.0.1:1")
        );
    }

    #[test]
    fn each_node_is_one_place_and_not_found_is_none() {
        let mut several = answer("node-1", "");
        several.locations = vec![
            UserLocation {
                node_id: "node-2".into(),
                ..UserLocation::default()
            },
            UserLocation {
                node_id: "node-1".into(),
                ..UserLocation::default()
            },
        ];
        assert_eq!(locations(several).len(), 2);
        let nowhere = GetUserNodeResponse {
            found: false,
            ..answer("node-1", "")
        };
        assert!(locations(nowhere).is_empty());
    }
}
