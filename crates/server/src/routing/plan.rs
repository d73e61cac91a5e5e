//! Plans as values: which node gets which call.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::Arc,
};

use super::{Place, scatter};
use crate::{
    ids::{NodeId, RoomId},
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
    /// The node that an id means, and how that is known.
    fn resolve(&self, id: &NodeId) -> Option<(&'a Arc<Node>, Via)> {
        if let Some(node) = self.snapshot.resolve(id, None) {
            return Some((node, Via::Registered));
        }
        let node = self
            .snapshot
            .resolve(id, self.learnt.get(id).map(|at| &**at))?;
        Some((node, Via::Learnt(id.clone())))
    }

    /// How many of these places are at nodes that nothing names.
    pub fn nameless(&self, places: &[Place]) -> usize {
        let unknown = self.unknown(places);
        places
            .iter()
            .filter(|place| unknown.contains(&place.node))
            .count()
    }

    /// Parts the places at nodes that something names from the others.
    pub fn part_nameless(&self, places: Vec<Place>) -> (Vec<Place>, Vec<Place>) {
        let unknown = self.unknown(&places);
        places
            .into_iter()
            .partition(|place| !unknown.contains(&place.node))
    }

    fn unknown(&self, places: &[Place]) -> HashSet<NodeId> {
        let mut ids = super::members::nodes_of(places);
        ids.retain(|id| self.resolve(id).is_none());
        ids
    }
}

/// How it is known that a call's users are at its node. Only a registration
/// makes the node's "not here" a word about the user.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Via {
    /// A registration names the node so.
    Registered,
    /// An answer of the Controller taught this id's address, which may have changed hands.
    Learnt(NodeId),
    /// It isn't: the id names no node, so all nodes are asked.
    Guess,
}

/// Whom a call addresses at its node. Numbers count the targets of the push.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum To {
    /// These users; calls to several nodes may share the list.
    Named(Arc<[usize]>),
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
    /// Why there.
    pub via: Via,
}

/// The calls of a plan, and the targets that no node can be asked for.
#[derive(Debug, Default)]
pub struct Planned {
    /// What to send.
    pub calls: Vec<PlannedCall>,
    /// Targets whose node goes by an unknown id while no node is left to ask.
    pub unresolved: Vec<usize>,
}

impl Planned {
    /// How often a target is named.
    pub fn targets(&self) -> u64 {
        let named = self.calls.iter().map(|call| match &call.to {
            To::Named(targets) => targets.len() as u64,
            To::Room | To::Everyone => 0,
        });
        named.sum()
    }
}

/// Whether a node (by serial) already had its say about a target.
pub type Asked<'a> = dyn Fn(usize, u64) -> bool + 'a;

/// Groups users by node and room, at most `chunk` a call, none twice at a node.
/// Places come by ascending target. `asked` is absent in the first round, when
/// nobody had a say yet.
pub fn place(
    known: Known<'_>,
    places: &[Place],
    asked: Option<&Asked<'_>>,
    chunk: usize,
) -> Planned {
    let mut resolved: HashMap<&NodeId, Option<(&Arc<Node>, Via)>> = HashMap::new();
    let mut groups: Groups = BTreeMap::new();
    let mut planned: HashSet<(usize, u64)> = HashSet::new();
    let mut strays = scatter::Strays::default();
    for of_one in places.chunk_by(|a, b| a.target == b.target) {
        let alone = of_one.len() == 1;
        let mut stray = false;
        for Place { target, node, room } in of_one {
            let found = resolved.entry(node).or_insert_with(|| known.resolve(node));
            let Some((node, via)) = found else {
                if !stray {
                    strays.add(room.as_ref(), *target, alone && asked.is_none());
                }
                stray = true;
                continue;
            };
            let had_a_say = asked.is_some_and(|asked| asked(*target, node.serial()));
            if had_a_say || (!alone && !planned.insert((*target, node.serial()))) {
                continue;
            }
            let key = (node.serial(), room.clone(), via.clone());
            groups
                .entry(key)
                .or_insert_with(|| (node, Vec::new()))
                .1
                .push(*target);
        }
    }
    let calls = groups
        .into_iter()
        .flat_map(|((_, room, via), (node, targets))| {
            let call = move |part: &[usize]| PlannedCall {
                node: node.clone(),
                room: room.clone(),
                to: To::Named(part.into()),
                via: via.clone(),
            };
            targets.chunks(chunk.max(1)).map(call).collect::<Vec<_>>()
        });
    let mut plan = Planned {
        calls: calls.collect(),
        unresolved: Vec::new(),
    };
    let free = |target, serial| {
        !planned.contains(&(target, serial)) && !asked.is_some_and(|asked| asked(target, serial))
    };
    strays.scatter(known.snapshot, free, chunk.max(1), &mut plan);
    plan
}

type Groups<'a> = BTreeMap<(u64, Option<RoomId>, Via), (&'a Arc<Node>, Vec<usize>)>;

/// The room form at the nodes that hold the room; at all nodes when one of the
/// ids names none.
pub fn room_form<'n>(
    known: Known<'_>,
    room: &RoomId,
    nodes: impl IntoIterator<Item = &'n NodeId>,
) -> Vec<PlannedCall> {
    let found: Option<BTreeMap<u64, &Arc<Node>>> = nodes
        .into_iter()
        .map(|id| known.resolve(id).map(|(node, _)| (node.serial(), node)))
        .collect();
    let chosen: Vec<&Arc<Node>> = match found {
        Some(found) => found.into_values().collect(),
        None => known.snapshot.nodes().iter().collect(),
    };
    let call = |node: &Arc<Node>| PlannedCall {
        node: node.clone(),
        room: Some(room.clone()),
        to: To::Room,
        via: Via::Registered,
    };
    chosen.into_iter().map(call).collect()
}

/// Everyone at every node.
pub fn everyone(snapshot: &Snapshot) -> Vec<PlannedCall> {
    let call = |node: &Arc<Node>| PlannedCall {
        node: node.clone(),
        room: None,
        to: To::Everyone,
        via: Via::Registered,
    };
    snapshot.nodes().iter().map(call).collect()
}

#[cfg(test)]
mod tests;
