//! Plans as values: which node gets which call.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use crate::{
    ids::{NodeId, RoomId, UserId},
    locate::{Location, Member},
    pool::{Node, Snapshot},
};

/// What is known of the nodes: the snapshot, and addresses learnt for ids that
/// no registration names.
#[derive(Clone, Copy, Debug)]
pub struct Known<'a> {
    /// The nodes in use.
    pub snapshot: &'a Snapshot,
    /// Addresses learnt from the Controller's answers.
    pub learnt: &'a HashMap<NodeId, Arc<str>>,
}

impl<'a> Known<'a> {
    fn resolve(&self, id: &NodeId) -> Option<&'a Arc<Node>> {
        self.snapshot
            .resolve(id, self.learnt.get(id).map(|address| &**address))
    }
}

/// Whom a call addresses at its node. Numbers count the targets of the push.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum To {
    /// These users.
    Named(Vec<usize>),
    /// All that the node has of the room.
    Room,
    /// All that the node has.
    Everyone,
}

/// One call to one node.
#[derive(Clone, Debug)]
pub struct PlannedCall {
    /// The node.
    pub node: Arc<Node>,
    /// The room, when known.
    pub room: Option<RoomId>,
    /// Whom.
    pub to: To,
    /// The users' node could not be told from its id, so all nodes are asked.
    pub scattered: bool,
}

/// The calls of a plan, and the targets that no node can be asked for.
#[derive(Debug, Default)]
pub struct Planned {
    /// What to send.
    pub calls: Vec<PlannedCall>,
    /// Targets whose node goes by an unknown id while no node is left to ask.
    pub unresolved: Vec<usize>,
}

/// Distinct users of a member list, in the list's order, with the nodes of each.
pub fn members(list: &[Member]) -> Vec<(UserId, Vec<NodeId>)> {
    let mut at: HashMap<&UserId, usize> = HashMap::with_capacity(list.len());
    let mut users: Vec<(UserId, Vec<NodeId>)> = Vec::with_capacity(list.len());
    for member in list {
        let place = *at.entry(&member.user).or_insert_with(|| {
            users.push((member.user.clone(), Vec::with_capacity(1)));
            users.len() - 1
        });
        let nodes = &mut users[place].1;
        if !nodes.contains(&member.node) {
            nodes.push(member.node.clone());
        }
    }
    users
}

/// Groups users by node and room, at most `chunk` a call. Targets come in
/// ascending order. `asked` tells the nodes (by serial) that already had their
/// say about a target.
pub fn place<'u>(
    known: Known<'_>,
    users: impl IntoIterator<Item = (usize, &'u [Location])>,
    asked: impl Fn(usize, u64) -> bool,
    chunk: usize,
) -> Planned {
    let mut groups: Groups = BTreeMap::new();
    let mut nameless: BTreeMap<Option<RoomId>, Vec<usize>> = BTreeMap::new();
    for (target, locations) in users {
        for location in locations {
            match known.resolve(&location.node) {
                Some(node) if asked(target, node.serial()) => {}
                Some(node) => put(&mut groups, node, location.room.clone(), false, target),
                None => {
                    let same_room = nameless.entry(location.room.clone()).or_default();
                    if same_room.last() != Some(&target) {
                        same_room.push(target);
                    }
                }
            }
        }
    }
    let mut unresolved = Vec::new();
    for (room, targets) in nameless {
        for target in targets {
            let already = |node: &Arc<Node>| {
                asked(target, node.serial())
                    || groups
                        .get(&(node.serial(), room.clone(), false))
                        .is_some_and(|(_, targets)| targets.binary_search(&target).is_ok())
            };
            let open: Vec<_> = known
                .snapshot
                .nodes()
                .iter()
                .filter(|node| !already(node))
                .cloned()
                .collect();
            if open.is_empty() {
                unresolved.push(target);
            }
            for node in &open {
                put(&mut groups, node, room.clone(), true, target);
            }
        }
    }
    Planned {
        calls: chunked(groups, chunk),
        unresolved,
    }
}

type Groups = BTreeMap<(u64, Option<RoomId>, bool), (Arc<Node>, Vec<usize>)>;

fn put(
    groups: &mut Groups,
    node: &Arc<Node>,
    room: Option<RoomId>,
    scattered: bool,
    target: usize,
) {
    let key = (node.serial(), room, scattered);
    let (_, targets) = groups
        .entry(key)
        .or_insert_with(|| (node.clone(), Vec::new()));
    if targets.last() != Some(&target) {
        targets.push(target);
    }
}

fn chunked(groups: Groups, chunk: usize) -> Vec<PlannedCall> {
    let mut calls = Vec::with_capacity(groups.len());
    for ((_, room, scattered), (node, targets)) in groups {
        for part in targets.chunks(chunk.max(1)) {
            let to = To::Named(part.to_vec());
            calls.push(PlannedCall {
                node: node.clone(),
                room: room.clone(),
                to,
                scattered,
            });
        }
    }
    calls
}

/// The room form at the nodes that hold the room; at all nodes when one of the
/// ids names none.
pub fn room_form(known: Known<'_>, room: &RoomId, nodes: &[NodeId]) -> Vec<PlannedCall> {
    let found: Option<BTreeMap<u64, &Arc<Node>>> = nodes
        .iter()
        .map(|id| known.resolve(id).map(|node| (node.serial(), node)))
        .collect();
    let chosen: Vec<&Arc<Node>> = match found {
        Some(found) => found.into_values().collect(),
        None => known.snapshot.nodes().iter().collect(),
    };
    let call = |node: &Arc<Node>| PlannedCall {
        node: node.clone(),
        room: Some(room.clone()),
        to: To::Room,
        scattered: false,
    };
    chosen.into_iter().map(call).collect()
}

/// Everyone at every node.
pub fn everyone(snapshot: &Snapshot) -> Vec<PlannedCall> {
    let call = |node: &Arc<Node>| PlannedCall {
        node: node.clone(),
        room: None,
        to: To::Everyone,
        scattered: false,
    };
    snapshot.nodes().iter().map(call).collect()
}

#[cfg(test)]
mod tests;
