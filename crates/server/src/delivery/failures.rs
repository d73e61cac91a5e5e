//! Failed targets in the log: one line for each node and reason at once, then
//! one summary an interval; never one a message. Events tell the same.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::{
    events::{EventLog, Kind, Level, News},
    ids::NodeId,
    metrics::Metrics,
    outcome::Reason,
};

/// How often repeated failures are summed up.
const INTERVAL: Duration = Duration::from_secs(10);
/// Most node and reason pairs remembered between two summaries.
const MOST_PAIRS: usize = 10_000;
/// Most pairs told one by one in a summary; more are told by their reason alone.
const MOST_TOLD: usize = 64;

/// Targets failed since the last summary, by node and reason.
type Counts = HashMap<(Option<NodeId>, Reason), u64>;

/// Counts failures for the metrics and writes them to the log, aggregated.
#[derive(Clone, Debug)]
pub struct FailureLog {
    since: Arc<Mutex<Counts>>,
    metrics: Arc<Metrics>,
    events: EventLog,
}

impl FailureLog {
    /// Nothing failed yet.
    pub fn new(metrics: Arc<Metrics>, events: EventLog) -> Self {
        Self {
            since: Arc::default(),
            metrics,
            events,
        }
    }

    /// Notes that `targets` failed at `node` (or before any node was known).
    pub fn note(&self, node: Option<&NodeId>, reason: Reason, targets: u64, detail: &str) {
        if let Some(node) = node {
            self.metrics.nodes.failed(node, reason, targets);
        }
        let first = {
            let mut since = self.since();
            let known = since.len();
            match since.entry((node.cloned(), reason)) {
                std::collections::hash_map::Entry::Occupied(mut more) => {
                    *more.get_mut() += targets;
                    false
                }
                std::collections::hash_map::Entry::Vacant(new) => {
                    if known < MOST_PAIRS {
                        new.insert(0);
                    }
                    known < MOST_PAIRS
                }
            }
        };
        if first {
            self.tell(node, reason, targets, "push failed", detail);
            let node = node.map_or("", NodeId::as_str);
            warn!(
                node.id = node,
                reason = reason.as_label(),
                targets,
                detail,
                "push failed"
            );
        }
    }

    /// Writes the summaries until stopped, and a last one then.
    pub async fn run(self, stop: CancellationToken) {
        let mut ticks = tokio::time::interval(INTERVAL);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                _ = ticks.tick() => self.sum_up(),
            }
        }
        self.sum_up();
    }

    fn sum_up(&self) {
        // A pair that stayed silent is forgotten, so that its next failure is told at once.
        let failed = {
            let mut since = self.since();
            since.retain(|_, targets| *targets > 0);
            let failed = since.clone();
            since.values_mut().for_each(|targets| *targets = 0);
            failed
        };
        if failed.len() > MOST_TOLD {
            return self.sum_up_reasons(&failed);
        }
        for ((node, reason), targets) in failed {
            self.tell(node.as_ref(), reason, targets, "further pushes failed", "");
            let node = node.as_ref().map_or("", NodeId::as_str);
            let reason = reason.as_label();
            let seconds = INTERVAL.as_secs();
            warn!(
                node.id = node,
                reason, targets, seconds, "further pushes failed"
            );
        }
    }

    /// When half the fleet is away, each node's line is one of too many.
    fn sum_up_reasons(&self, failed: &Counts) {
        let mut reasons: BTreeMap<Reason, (u64, usize)> = BTreeMap::new();
        for ((node, reason), targets) in failed {
            let (sum, nodes) = reasons.entry(*reason).or_default();
            *sum += targets;
            *nodes += usize::from(node.is_some());
        }
        for (reason, (targets, nodes)) in reasons {
            let what = format!("further pushes failed at {nodes} nodes");
            self.tell(None, reason, targets, &what, "");
            let reason = reason.as_label();
            let seconds = INTERVAL.as_secs();
            warn!(reason, targets, nodes, seconds, "further pushes failed");
        }
    }

    fn tell(&self, node: Option<&NodeId>, reason: Reason, targets: u64, what: &str, detail: &str) {
        let separator = if detail.is_empty() { "" } else { ": " };
        let message = format!("{what}: {}{separator}{detail}", reason.as_label());
        let count = u32::try_from(targets).unwrap_or(u32::MAX);
        let news = News::new(Level::Warn, Kind::PushFailing, message).times(count);
        self.events.record(match node {
            Some(node) => news.of(node),
            None => news,
        });
    }

    fn since(&self) -> MutexGuard<'_, Counts> {
        self.since.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use tokio::runtime::Handle;

    use super::*;
    use crate::clock::Epoch;

    #[tokio::test]
    async fn a_summary_names_a_few_nodes_or_how_many_there_are() {
        let events = EventLog::new(Epoch::begin());
        let metrics = Arc::new(Metrics::new(&Handle::current()).unwrap());
        let failures = FailureLog::new(metrics, events.clone());
        let fail = |nodes: usize| {
            for node in 0..nodes {
                let node = NodeId::new(format!("node-{node}"));
                for _ in 0..2 {
                    failures.note(Some(&node), Reason::ConnectFailed, 3, "");
                }
            }
            let before = events.newest_seq();
            failures.sum_up();
            events.after(before, usize::MAX).0
        };
        let few = fail(MOST_TOLD);
        assert_eq!(few.len(), MOST_TOLD);
        assert!(few.iter().all(|event| event.news.node.is_some()));
        let many = fail(500);
        assert_eq!(many.len(), 1);
        let news = &many[0].news;
        let expected = "further pushes failed at 500 nodes: connect_failed";
        assert_eq!(
            (news.message.as_str(), news.node.is_none()),
            (expected, true)
        );
        assert_eq!(news.count, 436 * 3 + 64 * 6);
    }
}
