//! A room's member list as distinct users and the places where each is.

use std::collections::{HashMap, HashSet};

use crate::{
    ids::{NodeId, RoomId, UserId},
    locate::Member,
};

/// One place where a target can be reached. Targets are numbered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Whose.
    pub target: usize,
    /// The node, as the Controller names it.
    pub node: NodeId,
    /// A room that the user is in there, when known: some nodes look users up by room.
    pub room: Option<RoomId>,
}

/// Distinct users in the list's order, and their places by ascending target.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Members {
    /// The users; a user's target is the index.
    pub users: Vec<UserId>,
    /// Where they are, each node once a user.
    pub places: Vec<Place>,
}

impl Members {
    /// Sorts a list out.
    pub fn of(room: &RoomId, list: &[Member]) -> Self {
        let mut numbers: HashMap<&UserId, usize> = HashMap::with_capacity(list.len());
        let mut users = Vec::with_capacity(list.len());
        let mut places = Vec::with_capacity(list.len());
        for member in list {
            let target = *numbers.entry(&member.user).or_insert_with(|| {
                users.push(member.user.clone());
                users.len() - 1
            });
            let node = member.node.clone();
            places.push(Place {
                target,
                node,
                room: Some(room.clone()),
            });
        }
        if users.len() < places.len() {
            places.sort_by(|a, b| (a.target, &a.node).cmp(&(b.target, &b.node)));
            places.dedup();
        }
        Self { users, places }
    }

    /// The nodes named, each once.
    pub fn nodes(&self) -> HashSet<NodeId> {
        nodes_of(&self.places)
    }
}

/// The nodes named in places, each once.
pub(super) fn nodes_of(places: &[Place]) -> HashSet<NodeId> {
    let mut nodes = HashSet::new();
    for place in places {
        if !nodes.contains(&place.node) {
            nodes.insert(place.node.clone());
        }
    }
    nodes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(user: &str, node: &str) -> Member {
        Member {
            user: UserId::new(user),
            node: NodeId::new(node),
        }
    }

    #[test]
    fn a_member_listed_twice_is_one_user_with_both_nodes() {
        let list = [("u", "b"), ("v", "a"), ("u", "a"), ("u", "b")];
        let list = list.map(|(user, node)| member(user, node));
        let Members { users, places } = Members::of(&RoomId::new("r"), &list);
        assert_eq!(users, [UserId::new("u"), UserId::new("v")]);
        let places: Vec<_> = places
            .iter()
            .map(|place| (place.target, place.node.as_str()))
            .collect();
        assert_eq!(places, [(0, "a"), (0, "b"), (1, "a")]);
    }
}
