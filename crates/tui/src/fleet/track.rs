//! What is remembered of one replica to tell rates and windows from its counters. Counters of
//! another epoch are another source: everything is forgotten.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
    time::Duration,
};

use histogram::SparseHistogram;
use push_manager_proto::admin::{ApiRow, NodeRow, ReplicaRow};

use super::{
    history::{gained, read},
    timeline::{Entry, Timeline, grown, rate},
};
use crate::{
    moment::Moment,
    replica::{Link, Replica},
};

/// Windows of nodes reach so far back.
pub(super) const NODE_WINDOW: Duration = Duration::from_mins(1);
/// A node's counters are kept once in so many seconds.
const NODE_STEP: Duration = Duration::from_secs(10);
/// Windows of RPCs and replicas reach so far back.
const LONGEST: Duration = Duration::from_mins(61);

/// The memory of one replica.
#[derive(Clone, Debug)]
pub(super) struct Track {
    epoch: Option<u64>,
    seen_ns: u64,
    pub(super) row: Timeline<Arc<ReplicaRow>>,
    pub(super) apis: BTreeMap<String, Timeline<Arc<ApiRow>>>,
    pub(super) nodes: HashMap<u64, NodeTrack>,
}

/// The memory of one node of one replica.
#[derive(Clone, Debug)]
pub(super) struct NodeTrack {
    /// Counters at the last look, and the one before.
    last: (u64, Arc<NodeRow>),
    /// Once in [`NODE_STEP`], for the window.
    past: Vec<(Moment, Arc<NodeRow>)>,
    /// Rates over the last look.
    pub(super) rates: Rates,
}

/// What a node does a second.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Rates {
    pub(super) delivered: Option<f64>,
    pub(super) failed: Option<f64>,
    pub(super) calls: Option<f64>,
}

impl Default for Track {
    fn default() -> Self {
        Self {
            epoch: None,
            seen_ns: 0,
            row: Timeline::new(LONGEST),
            apis: BTreeMap::new(),
            nodes: HashMap::new(),
        }
    }
}

impl Track {
    /// Looks at a replica's counters, once its clock went on.
    pub(super) fn look(&mut self, replica: &Replica, now: Moment) {
        if *replica.link() == Link::Gone {
            *self = Self::default();
        }
        let (Some(epoch), Some(ns)) = (replica.epoch(), replica.clock_ns()) else {
            return;
        };
        if self.epoch != Some(epoch) {
            *self = Self {
                epoch: Some(epoch),
                ..Self::default()
            };
        }
        if ns <= self.seen_ns {
            return;
        }
        self.seen_ns = ns;
        let rows = replica.rows();
        if let Some(row) = &rows.replica {
            self.row.push(now, ns, row.clone());
        }
        self.apis.retain(|api, _| rows.apis.contains_key(api));
        for (name, row) in &rows.apis {
            let line = self.apis.entry(name.clone());
            let line = line.or_insert_with(|| Timeline::new(LONGEST));
            line.push(now, ns, row.clone());
        }
        self.nodes.retain(|key, _| rows.nodes.contains_key(key));
        for (key, known) in &rows.nodes {
            match self.nodes.get_mut(key) {
                Some(track) => track.look(&known.row, now, ns),
                None => {
                    self.nodes.insert(*key, NodeTrack::new(&known.row, now, ns));
                }
            }
        }
    }
}

impl NodeTrack {
    fn new(row: &Arc<NodeRow>, now: Moment, ns: u64) -> Self {
        Self {
            last: (ns, row.clone()),
            past: vec![(now, row.clone())],
            rates: Rates::default(),
        }
    }

    fn look(&mut self, row: &Arc<NodeRow>, now: Moment, ns: u64) {
        let (before_ns, before) = &self.last;
        let per_second = |grown| rate(grown, *before_ns, ns);
        self.rates = Rates {
            delivered: per_second(grown(row.delivered, before.delivered)),
            failed: per_second(grown(sum(row), sum(before))),
            calls: per_second(grown(row.calls, before.calls)),
        };
        self.last = (ns, row.clone());
        if self
            .past
            .last()
            .is_none_or(|(at, _)| now.since(*at) >= NODE_STEP)
        {
            self.past.push((now, row.clone()));
        }
        // The newest of those that are older than the window stays: it begins there.
        let later = self
            .past
            .partition_point(|(at, _)| now.since(*at) >= NODE_WINDOW);
        self.past.drain(..later.saturating_sub(1));
    }

    /// What failed over the window, by reason.
    pub(super) fn failed(&self) -> impl Iterator<Item = (&String, u64)> {
        let before = self.past.first().map(|(_, row)| row);
        self.last.1.failed.iter().filter_map(move |(reason, now)| {
            let before = before.and_then(|row| row.failed.get(reason));
            let grown = grown(*now, before.copied().unwrap_or(0));
            (grown > 0).then_some((reason, grown))
        })
    }

    /// What was delivered over the window.
    pub(super) fn delivered(&self) -> u64 {
        let before = self.past.first().map_or(0, |(_, row)| row.delivered);
        grown(self.last.1.delivered, before)
    }

    /// Round trips over the window.
    pub(super) fn rtt(&self, replica: &Replica) -> Option<SparseHistogram> {
        let layout = replica.node_layout();
        let now = read(layout, self.last.1.rtt.as_ref()?)?;
        let before = self.past.first().and_then(|(_, row)| row.rtt.as_ref());
        match before.and_then(|told| read(layout, told)) {
            Some(before) => gained(&now, &before),
            None => Some(now),
        }
    }
}

/// All that failed there.
pub(super) fn sum(row: &NodeRow) -> u64 {
    row.failed
        .values()
        .fold(0, |sum, more| sum.saturating_add(*more))
}

/// The growth of one counter between two entries, as a rate.
pub(super) fn rate_between<T>(
    before: &Entry<T>,
    after: &Entry<T>,
    counter: impl Fn(&T) -> u64,
) -> Option<f64> {
    let grown = grown(counter(&after.figures), counter(&before.figures));
    rate(grown, before.ns, after.ns)
}
