//! Who is where, in memory; pure. Where the knowledge comes from is left to the store.

use std::{
    collections::{HashMap, HashSet, hash_map},
    sync::Arc,
};

use push_manager_proto::pubsub::{
    GetRoomStatsResponse, GetUserNodeResponse, RoomInfo, RoomStats, UserInfo, UserLocation,
};
use tokio::time::Instant;

use crate::LOBBY;

/// Rooms named in one answer about all of them.
const MAX_ROOMS_LISTED: usize = 1_000;

/// A user in a room on a node.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Place {
    pub(crate) room: Arc<str>,
    pub(crate) user: Arc<str>,
    pub(crate) node: Arc<str>,
}

/// What is known of a user at a place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Member {
    pub(crate) name: String,
    pub(crate) address: String,
    /// Unix seconds.
    pub(crate) joined_at: i64,
    /// Larger is later; finer than seconds.
    pub(crate) order: u64,
    /// When it was last reported; nothing when something else decides how long it stays.
    pub(crate) seen: Option<Instant>,
    /// The etcd lease that it stays with; 0 without etcd.
    pub(crate) lease: i64,
}

#[derive(Debug, Default)]
struct Room {
    members: HashMap<(Arc<str>, Arc<str>), Member>,
    created_at: i64,
    updated_at: i64,
}

/// All rooms and all users.
#[derive(Debug, Default)]
pub(crate) struct Rooms {
    rooms: HashMap<Arc<str>, Room>,
    users: HashMap<Arc<str>, HashSet<Place>>,
}

impl Rooms {
    /// What is known of a place.
    pub(crate) fn get(&self, place: &Place) -> Option<&Member> {
        let members = &self.rooms.get(&place.room)?.members;
        members.get(&(place.user.clone(), place.node.clone()))
    }

    /// Puts a user in a place, or replaces what was known.
    pub(crate) fn put(&mut self, place: Place, member: Member, now: i64) {
        let joined_at = member.joined_at;
        let room = self
            .rooms
            .entry(place.room.clone())
            .or_insert_with(|| Room {
                created_at: joined_at,
                ..Room::default()
            });
        room.created_at = room.created_at.min(joined_at);
        let key = (place.user.clone(), place.node.clone());
        match room.members.entry(key) {
            hash_map::Entry::Occupied(mut known) => *known.get_mut() = member,
            hash_map::Entry::Vacant(free) => {
                free.insert(member);
                room.updated_at = now;
                let places = self.users.entry(place.user.clone()).or_default();
                places.insert(place);
            }
        }
    }

    /// Takes a user out of a place; true when it was there.
    pub(crate) fn remove(&mut self, place: &Place, now: i64) -> bool {
        let Some(room) = self.rooms.get_mut(&place.room) else {
            return false;
        };
        let key = (place.user.clone(), place.node.clone());
        if room.members.remove(&key).is_none() {
            return false;
        }
        room.updated_at = now;
        if room.members.is_empty() {
            self.rooms.remove(&place.room);
        }
        if let Some(places) = self.users.get_mut(&place.user) {
            places.remove(place);
            if places.is_empty() {
                self.users.remove(&place.user);
            }
        }
        true
    }

    /// Takes out everyone who was last confirmed before `limit`; says how many.
    pub(crate) fn expire(&mut self, limit: Instant, now: i64) -> usize {
        let stale: Vec<Place> = self
            .places()
            .filter(|(_, member)| member.seen.is_some_and(|seen| seen < limit))
            .map(|(place, _)| place)
            .collect();
        for place in &stale {
            self.remove(place, now);
        }
        stale.len()
    }

    /// Takes out every place that `keep` doesn't name.
    pub(crate) fn retain(&mut self, keep: &HashSet<Place>, now: i64) {
        let gone: Vec<Place> = self
            .places()
            .map(|(place, _)| place)
            .filter(|place| !keep.contains(place))
            .collect();
        for place in &gone {
            self.remove(place, now);
        }
    }

    /// A room with everyone in it; nothing when nobody is.
    pub(crate) fn info(&self, room_id: &str) -> Option<RoomInfo> {
        let room = self.rooms.get(room_id)?;
        let user = |((user, node), member): (&(Arc<str>, Arc<str>), &Member)| UserInfo {
            user_id: user.to_string(),
            user_name: member.name.clone(),
            node_id: node.to_string(),
            joined_at: member.joined_at,
        };
        Some(RoomInfo {
            room_id: room_id.to_owned(),
            users: room.members.iter().map(user).collect(),
            metadata: HashMap::new(),
            created_at: room.created_at,
            updated_at: room.updated_at,
        })
    }

    /// The nodes that hold members of a room, each once.
    pub(crate) fn nodes(&self, room_id: &str) -> Vec<String> {
        let room = self.rooms.get(room_id);
        let members = room.into_iter().flat_map(|room| room.members.keys());
        let nodes: HashSet<&Arc<str>> = members.map(|(_, node)| node).collect();
        nodes.into_iter().map(ToString::to_string).collect()
    }

    /// All nodes that hold a user, the one joined last first.
    pub(crate) fn locate(&self, user_id: &str) -> GetUserNodeResponse {
        // A node's order is that of the latest join there; its room is the latest but the lobby.
        let mut nodes: HashMap<&str, (u64, u64, UserLocation)> = HashMap::new();
        for place in self.users.get(user_id).into_iter().flatten() {
            let Some(member) = self.get(place) else {
                continue;
            };
            let (latest, latest_room, location) = nodes.entry(&place.node).or_default();
            if *latest <= member.order {
                *latest = member.order;
                location.node_id = place.node.to_string();
                location.node_address.clone_from(&member.address);
            }
            if *place.room != *LOBBY && *latest_room <= member.order {
                *latest_room = member.order;
                location.room_id = place.room.to_string();
            }
        }
        let mut nodes: Vec<_> = nodes.into_values().collect();
        nodes.sort_by_key(|(latest, _, _)| std::cmp::Reverse(*latest));
        let locations: Vec<_> = nodes.into_iter().map(|(_, _, place)| place).collect();
        let first = locations.first().cloned().unwrap_or_default();
        GetUserNodeResponse {
            found: !locations.is_empty(),
            node_id: first.node_id,
            node_address: first.node_address,
            room_id: first.room_id,
            locations,
        }
    }

    /// The size of one room, or of the largest ones when none is named, and the totals.
    pub(crate) fn stats(&self, room_id: &str) -> GetRoomStatsResponse {
        let mut rooms: Vec<RoomStats> = if room_id.is_empty() {
            let named = self.rooms.iter().filter(|(name, _)| ***name != *LOBBY);
            named.map(|(name, room)| size(name, room)).collect()
        } else {
            let one = self.rooms.get_key_value(room_id);
            one.map(|(name, room)| size(name, room))
                .into_iter()
                .collect()
        };
        rooms.sort_by(|one, other| {
            let by_size = other.users.cmp(&one.users);
            by_size.then_with(|| one.room_id.cmp(&other.room_id))
        });
        rooms.truncate(MAX_ROOMS_LISTED);
        GetRoomStatsResponse {
            rooms,
            total_rooms: count(self.room_count()),
            total_users: count(self.users.len()),
        }
    }

    /// Rooms that somebody is in.
    pub(crate) fn room_count(&self) -> usize {
        self.rooms.len() - usize::from(self.rooms.contains_key(LOBBY))
    }

    /// Distinct users.
    pub(crate) fn user_count(&self) -> usize {
        self.users.len()
    }

    fn places(&self) -> impl Iterator<Item = (Place, &Member)> {
        self.rooms.iter().flat_map(|(name, room)| {
            room.members.iter().map(|((user, node), member)| {
                let place = Place {
                    room: name.clone(),
                    user: user.clone(),
                    node: node.clone(),
                };
                (place, member)
            })
        })
    }
}

fn size(name: &str, room: &Room) -> RoomStats {
    let users: HashSet<_> = room.members.keys().map(|(user, _)| user).collect();
    let nodes: HashSet<_> = room.members.keys().map(|(_, node)| node).collect();
    RoomStats {
        room_id: name.to_owned(),
        users: count(users.len()),
        nodes: count(nodes.len()),
    }
}

fn count(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn place(room: &str, user: &str, node: &str) -> Place {
        Place {
            room: room.into(),
            user: user.into(),
            node: node.into(),
        }
    }

    fn put(rooms: &mut Rooms, at: Place, order: u64) {
        let member = Member {
            name: String::new(),
            address: format!("{}:1", at.node),
            joined_at: i64::try_from(order).unwrap(),
            order,
            seen: Some(Instant::now()),
            lease: 0,
        };
        rooms.put(at, member, 100);
    }

    #[tokio::test]
    async fn the_latest_node_comes_first_and_the_lobby_is_no_room() {
        let mut rooms = Rooms::default();
        put(&mut rooms, place("r", "ann", "n1"), 1);
        put(&mut rooms, place(LOBBY, "ann", "n2"), 2);
        let found = rooms.locate("ann");
        assert_eq!(
            (found.node_id.as_str(), found.node_address.as_str()),
            ("n2", "n2:1")
        );
        assert_eq!(found.room_id, "");
        let told: Vec<_> = found
            .locations
            .iter()
            .map(|at| at.room_id.as_str())
            .collect();
        assert_eq!(told, ["", "r"]);
        assert_eq!(rooms.room_count(), 1);
    }

    #[tokio::test]
    async fn leaving_one_node_leaves_the_other() {
        let mut rooms = Rooms::default();
        put(&mut rooms, place("r", "ann", "n1"), 1);
        put(&mut rooms, place("r", "ann", "n2"), 2);
        assert!(rooms.remove(&place("r", "ann", "n2"), 101));
        assert!(!rooms.remove(&place("r", "ann", "n2"), 101));
        assert_eq!(rooms.locate("ann").node_id, "n1");
        assert_eq!(rooms.info("r").unwrap().users.len(), 1);
        assert_eq!(rooms.nodes("r"), ["n1"]);
        assert!(rooms.remove(&place("r", "ann", "n1"), 102));
        assert_eq!(rooms.info("r"), None);
        assert_eq!(rooms.user_count(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn who_is_not_confirmed_expires() {
        let mut rooms = Rooms::default();
        put(&mut rooms, place("r", "old", "n1"), 1);
        tokio::time::advance(Duration::from_secs(10)).await;
        put(&mut rooms, place("r", "new", "n1"), 2);
        let limit = Instant::now().checked_sub(Duration::from_secs(5)).unwrap();
        assert_eq!(rooms.expire(limit, 100), 1);
        assert!(!rooms.locate("old").found && rooms.locate("new").found);
    }

    #[tokio::test]
    async fn stats_count_distinct_users_and_nodes_largest_room_first() {
        let mut rooms = Rooms::default();
        put(&mut rooms, place("small", "ann", "n1"), 1);
        for (user, node) in [("ann", "n1"), ("ann", "n2"), ("bob", "n1")] {
            put(&mut rooms, place("big", user, node), 2);
        }
        let stats = rooms.stats("");
        let first = &stats.rooms[0];
        assert_eq!(
            (first.room_id.as_str(), first.users, first.nodes),
            ("big", 2, 2)
        );
        assert_eq!((stats.total_rooms, stats.total_users), (2, 2));
        assert_eq!(rooms.stats("small").rooms.len(), 1);
        assert!(rooms.stats("nowhere").rooms.is_empty());
    }
}
