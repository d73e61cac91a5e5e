//! What subscribers are told: the rows as bytes, and since which state each has
//! been so. Pure: whoever samples brings the rows.
//!
//! A state does not change. Whoever samples builds the next one beside it, which
//! shares the rows that are as before; so whoever tells of one needs no lock. A
//! row's stamps don't move by themselves, so that an idle fleet has no changes.

mod next;
mod select;

use std::{collections::VecDeque, sync::Arc};

use push_manager_proto::admin::NodeStatic;

pub(super) use self::{
    next::Next,
    select::{BadSelection, Filter, Names, Selection, Topics},
};
use super::rows::Wire;

/// Removals remembered. Who resumes from before the oldest gets a snapshot.
pub(super) const MOST_REMOVED: usize = 4096;

/// What stays the same about a node.
#[derive(Debug)]
pub(super) struct Who {
    names: Names,
    wire: Wire,
}

impl Who {
    /// As it is told, and as filters look at it.
    pub(super) fn new(node: NodeStatic) -> Self {
        Self {
            names: Names::of(&node),
            wire: Wire::node_static(node),
        }
    }
}

/// A node, from one change to the next.
#[derive(Debug)]
struct Row {
    key: u64,
    born: u64,
    changed: u64,
    who: Arc<Who>,
    wire: Wire,
}

#[derive(Clone, Debug)]
struct Gone {
    seq: u64,
    who: Arc<Who>,
    wire: Wire,
}

/// The rows at one moment, each with the state that changed it last.
#[derive(Clone, Debug, Default)]
pub(super) struct State {
    seq: u64,
    /// By ascending key.
    nodes: Vec<Arc<Row>>,
    gone: Arc<VecDeque<Gone>>,
    /// Removals up to this state may be forgotten.
    forgotten: u64,
    /// One for each RPC, in the same order all the time.
    apis: Vec<(u64, Wire)>,
    replica: (u64, Wire),
    event_seq: u64,
}

/// Rows for one receiver.
#[derive(Debug, Default)]
pub(super) struct Changes<'a> {
    /// The state that the receiver must be at; 0 = any, this is all there is.
    pub(super) base: u64,
    /// Each is a `RowsPart` by itself. Two go together: a node that the receiver
    /// doesn't know yet, and its row; the first of them may be empty.
    pub(super) rows: Vec<[&'a [u8]; 2]>,
}

impl<'a> Changes<'a> {
    /// One more row.
    pub(super) fn add(&mut self, row: &'a [u8]) {
        self.rows.push([&[], row]);
    }
}

impl State {
    /// The state's number; 0 before the first sample.
    pub(super) fn seq(&self) -> u64 {
        self.seq
    }

    /// The latest event that belongs to this state.
    pub(super) fn event_seq(&self) -> u64 {
        self.event_seq
    }

    /// What a receiver at the state `base` lacks; all there is, where it is at
    /// none, or at one that is not known here.
    pub(super) fn changes(&self, selection: &Selection, base: Option<u64>) -> Changes<'_> {
        let known = |base: &u64| *base != 0 && *base <= self.seq && *base >= self.forgotten;
        let base = base.filter(known).unwrap_or(0);
        let mut changes = Changes {
            base,
            rows: Vec::new(),
        };
        let Selection { filter, topics } = selection;
        if topics.nodes() {
            self.changed_nodes(filter, &mut changes);
        }
        if topics.apis() {
            let apis = self.apis.iter().filter(|(changed, _)| *changed > base);
            apis.for_each(|(_, wire)| changes.add(wire.bytes()));
        }
        if topics.replica() && self.replica.0 > base {
            changes.add(self.replica.1.bytes());
        }
        changes
    }

    fn changed_nodes<'a>(&'a self, filter: &Filter, changes: &mut Changes<'a>) {
        let base = changes.base;
        // Also of those that came since and were never told: harmless, and rare.
        let gone = self.gone.iter().filter(|gone| base > 0 && gone.seq > base);
        for gone in gone.filter(|gone| filter.takes(&gone.who.names)) {
            changes.add(gone.wire.bytes());
        }
        let changed = self.nodes.iter().filter(|row| row.changed > base);
        let taken = changed.filter(|row| filter.takes(&row.who.names));
        changes.rows.extend(taken.map(|row| {
            let who = (row.born > base).then(|| row.who.wire.bytes());
            [who.unwrap_or_default(), row.wire.bytes()]
        }));
    }
}

#[cfg(test)]
mod tests;
