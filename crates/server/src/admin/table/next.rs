//! The state after another one, while it is found out.

use std::{
    collections::{HashSet, VecDeque},
    sync::Arc,
};

use push_manager_proto::admin::{NodeRemoved, RemovedReason};

use super::{Gone, MOST_REMOVED, Row, State, Who};
use crate::admin::rows::Wire;

/// Takes one row after another in, the nodes' first. A row that is as before is
/// shared with the state before.
#[derive(Debug)]
pub(in crate::admin) struct Next {
    before: Arc<State>,
    seq: u64,
    nodes: Vec<Arc<Row>>,
    /// How many nodes of the state before were looked at.
    passed: usize,
    left: Vec<Arc<Row>>,
    changed: bool,
}

impl Next {
    /// Begins.
    pub(in crate::admin) fn after(before: Arc<State>) -> Self {
        Self {
            seq: before.seq + 1,
            nodes: Vec::with_capacity(before.nodes.len()),
            passed: 0,
            left: Vec::new(),
            changed: before.seq == 0,
            before,
        }
    }

    /// Takes a node in; keys ascend. `who` tells what stays the same about it.
    pub(in crate::admin) fn node(&mut self, key: u64, wire: &[u8], who: impl FnOnce() -> Who) {
        self.pass_those_before(key);
        let known = self.before.nodes.get(self.passed);
        let known = known.filter(|row| row.key == key);
        self.passed += usize::from(known.is_some());
        let row = match known {
            Some(row) if row.wire.bytes() == wire => row.clone(),
            known => {
                self.changed = true;
                Arc::new(Row {
                    key,
                    born: known.map_or(self.seq, |row| row.born),
                    changed: self.seq,
                    who: known.map_or_else(|| Arc::new(who()), |row| row.who.clone()),
                    wire: wire.into(),
                })
            }
        };
        self.nodes.push(row);
    }

    fn pass_those_before(&mut self, key: u64) {
        let before = &self.before.nodes;
        while let Some(row) = before.get(self.passed).filter(|row| row.key < key) {
            self.left.push(row.clone());
            self.passed += 1;
        }
    }

    /// Takes the rest in. Where nothing is other than before, this is the state before.
    pub(in crate::admin) fn finish(
        mut self,
        apis: Vec<Wire>,
        replica: Wire,
        event_seq: u64,
    ) -> Arc<State> {
        self.pass_those_before(u64::MAX);
        let (seq, before) = (self.seq, &self.before);
        let since = |known: Option<&(u64, Wire)>, wire: Wire| match known {
            Some((since, known)) if *known == wire => (*since, wire),
            _ => (seq, wire),
        };
        let apis = apis.into_iter().enumerate();
        let apis: Vec<_> = apis
            .map(|(at, api)| since(before.apis.get(at), api))
            .collect();
        let replica = since(
            Some(&before.replica).filter(|(since, _)| *since > 0),
            replica,
        );
        let changed = self.changed
            || !self.left.is_empty()
            || before.event_seq != event_seq
            || replica.0 == seq
            || apis.iter().any(|(since, _)| *since == seq);
        if !changed {
            return self.before;
        }
        let (gone, forgotten) = self.gone();
        Arc::new(State {
            seq,
            nodes: self.nodes,
            gone,
            forgotten,
            apis,
            replica,
            event_seq,
        })
    }

    /// Those that left, now and before, and up to which state some may be missing.
    fn gone(&self) -> (Arc<VecDeque<Gone>>, u64) {
        let mut forgotten = self.before.forgotten;
        if self.left.is_empty() {
            return (self.before.gone.clone(), forgotten);
        }
        let ids: HashSet<&str> = self.nodes.iter().map(|row| row.who.names.id()).collect();
        let mut gone = VecDeque::clone(&self.before.gone);
        for row in &self.left {
            let reason = if ids.contains(row.who.names.id()) {
                RemovedReason::Replaced
            } else {
                RemovedReason::Unregistered
            };
            gone.push_back(Gone {
                seq: self.seq,
                who: row.who.clone(),
                wire: Wire::removed(NodeRemoved {
                    key: row.key,
                    reason: reason.into(),
                }),
            });
        }
        while gone.len() > MOST_REMOVED {
            forgotten = gone.pop_front().map_or(forgotten, |gone| gone.seq);
        }
        (Arc::new(gone), forgotten)
    }
}
