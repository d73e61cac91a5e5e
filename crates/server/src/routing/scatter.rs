//! Targets whose node nothing names: they are named to all nodes, each of which
//! pushes to those it has.

use std::{collections::BTreeMap, sync::Arc};

use super::plan::{Planned, PlannedCall, To, Via};
use crate::{
    ids::RoomId,
    pool::{Node, Snapshot},
};

/// Such targets, by room.
#[derive(Default)]
pub(super) struct Strays<'a>(BTreeMap<Option<&'a RoomId>, Targets>);

#[derive(Default)]
struct Targets {
    /// No node has been or is being asked about them: all nodes get the same lists.
    untouched: Vec<usize>,
    /// Some node has: each node is looked at.
    touched: Vec<usize>,
}

impl<'a> Strays<'a> {
    /// Adds a target, each once.
    pub(super) fn add(&mut self, room: Option<&'a RoomId>, target: usize, untouched: bool) {
        let targets = self.0.entry(room).or_default();
        let list = if untouched {
            &mut targets.untouched
        } else {
            &mut targets.touched
        };
        list.push(target);
    }

    /// Adds the calls to a plan. `free` tells whether a node may still be asked
    /// about a target.
    pub(super) fn scatter(
        self,
        nodes: &Snapshot,
        free: impl Fn(usize, u64) -> bool,
        chunk: usize,
        plan: &mut Planned,
    ) {
        for (room, Targets { untouched, touched }) in self.0 {
            let call = |node: &Arc<Node>, targets: Arc<[usize]>| PlannedCall {
                node: node.clone(),
                room: room.cloned(),
                to: To::Named(targets),
                via: Via::Guess,
            };
            let shared: Vec<Arc<[usize]>> = untouched.chunks(chunk).map(Arc::from).collect();
            for node in nodes.nodes() {
                plan.calls
                    .extend(shared.iter().map(|targets| call(node, targets.clone())));
                let open = touched
                    .iter()
                    .copied()
                    .filter(|at| free(*at, node.serial()));
                let open: Vec<usize> = open.collect();
                plan.calls
                    .extend(open.chunks(chunk).map(|part| call(node, part.into())));
            }
            let nowhere = |target: &usize| {
                !nodes
                    .nodes()
                    .iter()
                    .any(|node| free(*target, node.serial()))
            };
            plan.unresolved.extend(touched.into_iter().filter(nowhere));
            if nodes.nodes().is_empty() {
                plan.unresolved.extend(untouched);
            }
        }
    }
}
