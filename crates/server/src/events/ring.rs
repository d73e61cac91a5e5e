//! The events that are kept: the latest of each class, so that none is pushed
//! out by what happens more often. Pure.

use std::{collections::VecDeque, sync::Arc};

use super::{Entry, Kind, Level};
use crate::ids::NodeId;

/// Events kept, those of level audit aside.
pub const MOST_KEPT: usize = 4096;
/// What operators did, kept beside them.
pub const MOST_ACTS: usize = 512;
/// What was refused to operators and strangers, kept beside both: they can repeat it at will.
const MOST_REFUSALS: usize = 256;

/// A class's latest events, by ascending number.
#[derive(Debug)]
struct Lane {
    kept: VecDeque<Arc<Entry>>,
    most: usize,
}

impl Lane {
    fn of(most: usize) -> Self {
        Self {
            kept: VecDeque::new(),
            most,
        }
    }

    fn after(&self, seq: u64) -> impl Iterator<Item = &Arc<Entry>> {
        let known = self.kept.partition_point(|entry| entry.seq <= seq);
        self.kept.range(known..)
    }
}

#[derive(Debug)]
pub(super) struct Ring {
    usual: Lane,
    acts: Lane,
    refusals: Lane,
    /// The latest event that is kept no more.
    gone_to: u64,
}

impl Default for Ring {
    fn default() -> Self {
        Self {
            usual: Lane::of(MOST_KEPT),
            acts: Lane::of(MOST_ACTS),
            refusals: Lane::of(MOST_REFUSALS),
            gone_to: 0,
        }
    }
}

impl Ring {
    pub(super) fn push(&mut self, entry: Arc<Entry>) {
        let lane = match (entry.news.level, entry.news.kind) {
            (Level::Audit, Kind::ActionRefused) => &mut self.refusals,
            (Level::Audit, _) => &mut self.acts,
            (Level::Info | Level::Warn | Level::Error, _) => &mut self.usual,
        };
        if lane.kept.len() == lane.most
            && let Some(oldest) = lane.kept.pop_front()
        {
            self.gone_to = self.gone_to.max(oldest.seq);
        }
        lane.kept.push_back(entry);
    }

    /// The latest event that is kept no more; 0 while all are.
    pub(super) fn gone_to(&self) -> u64 {
        self.gone_to
    }

    /// At most `limit` events after the one with number `seq`, oldest first.
    pub(super) fn after(&self, seq: u64, limit: usize) -> Vec<Arc<Entry>> {
        let lanes = self.lanes().into_iter();
        let found = lanes.flat_map(|lane| lane.after(seq).take(limit));
        let mut found: Vec<_> = found.cloned().collect();
        found.sort_unstable_by_key(|entry| entry.seq);
        found.truncate(limit);
        found
    }

    /// The latest events about a node that came after number `seq`, oldest first.
    pub(super) fn about(&self, node: &NodeId, seq: u64, limit: usize) -> Vec<Arc<Entry>> {
        let mut found = Vec::new();
        for lane in self.lanes() {
            let later = lane.kept.iter().rev().take_while(|entry| entry.seq > seq);
            let about = later.filter(|entry| entry.news.node.as_ref() == Some(node));
            found.extend(about.take(limit).cloned());
        }
        found.sort_unstable_by_key(|entry| entry.seq);
        found.split_off(found.len().saturating_sub(limit))
    }

    fn lanes(&self) -> [&Lane; 3] {
        [&self.usual, &self.acts, &self.refusals]
    }
}
