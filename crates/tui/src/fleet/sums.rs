//! The fleet's sums brought up to date.

use std::collections::BTreeMap;

use super::{
    Node, NodeCounts, NodeName, NodeWord, Totals, Window,
    apis::{add_up, latency_of_all, live},
    track::{Track, rate_between},
};
use crate::{
    moment::Moment,
    replica::{Freshness, Link, Replica},
};

/// Brings the sums up to date; `point` adds a point to their histories.
pub(super) fn totals(
    totals: &mut Totals,
    nodes: &BTreeMap<NodeName, Node>,
    replicas: &[Replica],
    tracks: &[Track],
    now: Moment,
    point: bool,
) {
    let live = live(replicas, tracks, now);
    let rows = || live.iter().filter_map(|(replica, _)| replica.row());
    totals.nodes = counts(nodes);
    totals.counted = live.iter().map(|(replica, _)| replica.id()).collect();
    let left_out = replicas.iter().filter(|replica| {
        replica.freshness(now) != Freshness::Live && *replica.link() != Link::Gone
    });
    totals.left_out = left_out.map(Replica::id).collect();
    totals.pushes = rows().fold(0, |sum, row| sum.saturating_add(row.pushes));
    totals.pushes_in_flight = rows().map(|row| u64::from(row.pushes_in_flight)).sum();
    totals.targets = add_up(rows().map(|row| &row.targets));
    totals.failed = add_up(rows().map(|row| &row.failed));
    totals.delivered = totals.targets.get("delivered").copied().unwrap_or(0);
    let rate = |counter: fn(&super::ReplicaFigures) -> u64| {
        let lines = live.iter().filter_map(|(_, track)| track.row.last_two());
        lines
            .filter_map(|(before, after)| rate_between(before, after, counter))
            .reduce(|sum, more| sum + more)
    };
    totals.push_rate = rate(|row| row.pushes);
    totals.delivered_rate = rate(|row| row.targets.get("delivered").copied().unwrap_or(0));
    totals.latency = Window::ALL
        .map(|window| (window, latency_of_all(&live, window, now)))
        .into();
    if point {
        totals.push_history.push(totals.push_rate);
        totals.delivered_history.push(totals.delivered_rate);
        let recent = totals
            .latency
            .get(&Window::Seconds10)
            .copied()
            .unwrap_or_default();
        let ms = |time: Option<std::time::Duration>| time.map(|time| time.as_secs_f64() * 1e3);
        totals.p50_history.push(ms(recent.p50));
        totals.p95_history.push(ms(recent.p95));
        totals.p99_history.push(ms(recent.p99));
    }
}

fn counts(nodes: &BTreeMap<NodeName, Node>) -> NodeCounts {
    let mut counts = NodeCounts::default();
    for node in nodes.values() {
        let place = match node.word {
            NodeWord::Failed => &mut counts.failed,
            NodeWord::Ejected | NodeWord::Draining => &mut counts.held,
            NodeWord::Connecting => &mut counts.connecting,
            NodeWord::Lingering | NodeWord::Ready => &mut counts.ready,
            NodeWord::Idle => &mut counts.idle,
            NodeWord::Gone => continue,
        };
        *place += 1;
        counts.all += 1;
    }
    counts
}
