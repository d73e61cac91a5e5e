//! What subscribers are told: the rows as they are, and since which state each
//! has been so. Pure: whoever samples brings the rows.
//!
//! A row's stamps don't move by themselves, so that an idle fleet has no changes.

mod select;

use std::collections::{BTreeMap, HashSet, VecDeque};

use push_manager_proto::admin::{
    ApiRow, NodeRemoved, NodeRow, NodeStatic, RemovedReason, ReplicaRow,
};

pub(super) use self::select::{BadSelection, Filter, Selection, Topics};

/// Removals remembered. Who resumes from before the oldest gets a snapshot.
pub(super) const MOST_REMOVED: usize = 4096;

/// Everything at one moment.
#[derive(Clone, Debug, Default)]
pub(super) struct Sample {
    /// Nodes, in any order.
    pub(super) nodes: Vec<NodeRow>,
    /// RPCs.
    pub(super) apis: Vec<ApiRow>,
    /// The replica.
    pub(super) replica: ReplicaRow,
    /// The number of the latest event.
    pub(super) event_seq: u64,
}

#[derive(Debug)]
struct Known {
    born: u64,
    changed: u64,
    fixed: NodeStatic,
    row: NodeRow,
}

#[derive(Debug)]
struct Gone {
    seq: u64,
    removed: NodeRemoved,
    fixed: NodeStatic,
}

/// The rows, each with the state that changed it last.
#[derive(Debug, Default)]
pub(super) struct Table {
    seq: u64,
    nodes: BTreeMap<u64, Known>,
    gone: VecDeque<Gone>,
    /// Removals up to this state may be forgotten.
    forgotten: u64,
    apis: BTreeMap<String, (u64, ApiRow)>,
    replica: (u64, ReplicaRow),
    event_seq: u64,
}

/// Rows for one receiver.
#[derive(Debug, Default)]
pub(super) struct Changes<'a> {
    /// The state that the receiver must be at; 0 = any, this is all there is.
    pub(super) base: u64,
    /// Nodes; those that the receiver doesn't know yet with what stays the same.
    pub(super) nodes: Vec<(Option<&'a NodeStatic>, &'a NodeRow)>,
    /// Nodes that left.
    pub(super) removed: Vec<NodeRemoved>,
    /// RPCs.
    pub(super) apis: Vec<&'a ApiRow>,
    /// The replica.
    pub(super) replica: Option<&'a ReplicaRow>,
}

impl Changes<'_> {
    /// Nothing to tell.
    pub(super) fn is_empty(&self) -> bool {
        let none = self.nodes.is_empty() && self.removed.is_empty();
        none && self.apis.is_empty() && self.replica.is_none()
    }
}

impl Table {
    /// The state's number; 0 before the first sample.
    pub(super) fn seq(&self) -> u64 {
        self.seq
    }

    /// The latest event that belongs to this state.
    pub(super) fn event_seq(&self) -> u64 {
        self.event_seq
    }

    /// Takes a sample in; true when anything is other than before. `fixed`
    /// tells what stays the same about the node at that place of the sample.
    pub(super) fn take_in(&mut self, sample: Sample, fixed: impl Fn(usize) -> NodeStatic) -> bool {
        let seq = self.seq + 1;
        let Sample {
            nodes,
            apis,
            replica,
            event_seq,
        } = sample;
        let mut changed = self.event_seq != event_seq || self.seq == 0;
        self.event_seq = event_seq;
        changed |= self.take_nodes(seq, nodes, fixed);
        for api in apis {
            let known = self.apis.get(&api.api);
            if known.is_none_or(|(_, row)| *row != api) {
                self.apis.insert(api.api.clone(), (seq, api));
                changed = true;
            }
        }
        if self.replica.0 == 0 || self.replica.1 != replica {
            self.replica = (seq, replica);
            changed = true;
        }
        if changed {
            self.seq = seq;
        }
        changed
    }

    fn take_nodes(
        &mut self,
        seq: u64,
        rows: Vec<NodeRow>,
        fixed: impl Fn(usize) -> NodeStatic,
    ) -> bool {
        let present: HashSet<u64> = rows.iter().map(|row| row.key).collect();
        let mut changed = false;
        for (place, row) in rows.into_iter().enumerate() {
            match self.nodes.get_mut(&row.key) {
                Some(known) if known.row == row => {}
                Some(known) => {
                    known.row = row;
                    known.changed = seq;
                    changed = true;
                }
                None => {
                    let known = Known {
                        born: seq,
                        changed: seq,
                        fixed: fixed(place),
                        row,
                    };
                    self.nodes.insert(known.row.key, known);
                    changed = true;
                }
            }
        }
        self.take_out(seq, &present) || changed
    }

    fn take_out(&mut self, seq: u64, present: &HashSet<u64>) -> bool {
        if present.len() == self.nodes.len() {
            return false;
        }
        let left = self.nodes.extract_if(.., |key, _| !present.contains(key));
        let left: Vec<Known> = left.map(|(_, known)| known).collect();
        let ids: HashSet<&str> = self.nodes.values().map(|k| k.fixed.id.as_str()).collect();
        for Known { fixed, row, .. } in left {
            let reason = if ids.contains(fixed.id.as_str()) {
                RemovedReason::Replaced
            } else {
                RemovedReason::Unregistered
            };
            let removed = NodeRemoved {
                key: row.key,
                reason: reason.into(),
            };
            self.gone.push_back(Gone {
                seq,
                removed,
                fixed,
            });
        }
        while self.gone.len() > MOST_REMOVED {
            let oldest = self.gone.pop_front();
            self.forgotten = oldest.map_or(self.forgotten, |gone| gone.seq);
        }
        true
    }

    /// What a receiver at the state `base` lacks; all there is, where it is at
    /// none, or at one that is not known here.
    pub(super) fn changes(&self, selection: &Selection, base: Option<u64>) -> Changes<'_> {
        let known = |base: &u64| *base != 0 && *base <= self.seq && *base >= self.forgotten;
        let base = base.filter(known).unwrap_or(0);
        let Selection { filter, topics } = selection;
        let mut changes = Changes {
            base,
            ..Changes::default()
        };
        if topics.nodes() {
            let matching = self.nodes.values().filter(|known| known.changed > base);
            changes.nodes = matching
                .filter(|known| filter.takes(&known.fixed))
                .map(|known| ((known.born > base).then_some(&known.fixed), &known.row))
                .collect();
            // Also of those that came since and were never told: harmless, and rare.
            let gone = self.gone.iter().filter(|gone| base > 0 && gone.seq > base);
            let gone = gone.filter(|gone| filter.takes(&gone.fixed));
            changes.removed = gone.map(|gone| gone.removed).collect();
        }
        if topics.apis() {
            let apis = self.apis.values().filter(|(changed, _)| *changed > base);
            changes.apis = apis.map(|(_, row)| row).collect();
        }
        if topics.replica() && self.replica.0 > base {
            changes.replica = Some(&self.replica.1);
        }
        changes
    }
}

#[cfg(test)]
mod tests;
