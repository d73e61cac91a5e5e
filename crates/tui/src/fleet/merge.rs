//! Nodes of all replicas merged by name.

use std::collections::{BTreeMap, BTreeSet};

use histogram::SparseHistogram;
use push_manager_proto::admin::{Hold, NodeState};

use super::{
    Cell, Node, NodeName, NodeWord, Percentiles, Series,
    history::{merged, percentiles},
    track::{NodeTrack, Track},
};
use crate::{
    moment::Moment,
    replica::{Freshness, Replica, rows::Known},
};

/// Brings all nodes up to date; `point` adds a point to their histories.
pub(super) fn nodes(
    nodes: &mut BTreeMap<NodeName, Node>,
    replicas: &[Replica],
    tracks: &[Track],
    now: Moment,
    point: bool,
) {
    let mut sources: BTreeMap<&NodeName, Vec<Source<'_>>> = BTreeMap::new();
    for (replica, track) in replicas.iter().zip(tracks) {
        for (key, known) in &replica.rows().nodes {
            let track = track.nodes.get(key);
            let source = Source {
                replica,
                known,
                track,
            };
            sources.entry(&known.fixed.name).or_default().push(source);
        }
    }
    nodes.retain(|name, _| sources.contains_key(name));
    for (name, sources) in sources {
        if !nodes.contains_key(name) {
            nodes.insert(name.clone(), blank(name.clone()));
        }
        if let Some(node) = nodes.get_mut(name) {
            refresh(node, &sources, now);
        }
    }
    if point {
        nodes.values_mut().for_each(add_point);
    }
}

/// Round trips of a node over the last minute, merged over the live replicas that know it.
pub(super) fn round_trips(
    name: &NodeName,
    replicas: &[Replica],
    tracks: &[Track],
    now: Moment,
) -> Option<SparseHistogram> {
    let live = replicas.iter().zip(tracks);
    let live = live.filter(|(replica, _)| replica.freshness(now) == Freshness::Live);
    let told = live.filter_map(|(replica, track)| {
        let mut rows = replica.rows().nodes.iter();
        let (key, _) = rows.find(|(_, known)| known.fixed.name == *name)?;
        track.nodes.get(key)?.rtt(replica)
    });
    told.reduce(|sum, more| merged(sum, &more))
}

struct Source<'a> {
    replica: &'a Replica,
    known: &'a Known,
    track: Option<&'a NodeTrack>,
}

fn refresh(node: &mut Node, sources: &[Source<'_>], now: Moment) {
    let present: BTreeSet<_> = sources.iter().map(|source| source.replica.id()).collect();
    node.cells.retain(|replica, _| present.contains(replica));
    let mut rtt: Option<SparseHistogram> = None;
    let mut recent = (0_u64, 0_u64);
    node.failed_by_reason.clear();
    for source in sources {
        let (cell, own_rtt) = cell(source, now);
        if cell.freshness == Freshness::Live {
            if let Some(own) = own_rtt {
                rtt = Some(match rtt {
                    Some(sum) => merged(sum, &own),
                    None => own,
                });
            }
            if let Some(track) = source.track {
                recent.0 = recent.0.saturating_add(track.delivered());
                for (reason, failed) in track.failed() {
                    let sum = node.failed_by_reason.entry(reason.clone()).or_default();
                    *sum = sum.saturating_add(failed);
                    recent.1 = recent.1.saturating_add(failed);
                }
            }
        }
        node.cells.insert(source.replica.id(), cell);
    }
    node.rtt = rtt.as_ref().map(percentiles).unwrap_or_default();
    let ended = recent.0.saturating_add(recent.1);
    node.failed_ratio = (ended > 0).then(|| recent.1 as f64 / ended as f64);
    sum_up(node, sources);
}

/// Sums over live replicas; where none is live, nothing is known.
fn sum_up(node: &mut Node, sources: &[Source<'_>]) {
    let cells = &node.cells;
    let live: Vec<&Cell> = cells
        .values()
        .filter(|cell| cell.freshness == Freshness::Live)
        .collect();
    let word = live.iter().map(|cell| cell.word).min();
    let word = word.unwrap_or(NodeWord::Gone);
    let since = live
        .iter()
        .filter(|cell| cell.word == word)
        .map(|cell| cell.since)
        .max();
    let total = |of: fn(&Cell) -> u32| live.iter().map(|cell| u64::from(of(cell))).sum::<u64>();
    let rates = |of: fn(&Cell) -> Option<f64>| {
        live.iter()
            .filter_map(|cell| of(cell))
            .reduce(|sum, more| sum + more)
    };
    let counters = |of: fn(&Source<'_>) -> u64| {
        let live = sources.iter().filter(|source| {
            let cell = cells.get(&source.replica.id());
            cell.is_some_and(|cell| cell.freshness == Freshness::Live)
        });
        live.map(of).fold(0_u64, u64::saturating_add)
    };
    let merged = Node {
        name: node.name.clone(),
        address: newest_address(&live, cells),
        word,
        since,
        in_flight: total(|cell| cell.in_flight),
        queued: total(|cell| cell.queued),
        connections: total(|cell| cell.connections),
        queue_ratio: live.iter().map(|cell| cell.queue_ratio).fold(0.0, f64::max),
        oldest_queued: live.iter().filter_map(|cell| cell.oldest_queued).max(),
        oldest_in_flight: live.iter().filter_map(|cell| cell.oldest_in_flight).max(),
        delivered_rate: rates(|cell| cell.delivered_rate),
        failed_rate: rates(|cell| cell.failed_rate),
        call_rate: rates(|cell| cell.call_rate),
        delivered: counters(|source| source.known.row.delivered),
        offline: counters(|source| source.known.row.offline),
        failed: counters(|source| super::track::sum(&source.known.row)),
        cells: BTreeMap::new(),
        failed_ratio: node.failed_ratio,
        failed_by_reason: std::mem::take(&mut node.failed_by_reason),
        rtt: node.rtt,
        rate_history: std::mem::take(&mut node.rate_history),
        queue_history: std::mem::take(&mut node.queue_history),
        in_flight_history: std::mem::take(&mut node.in_flight_history),
        warning: None,
        problems: Vec::new(),
    };
    let cells = std::mem::take(&mut node.cells);
    *node = Node { cells, ..merged };
}

fn newest_address(live: &[&Cell], cells: &BTreeMap<crate::replica::ReplicaId, Cell>) -> String {
    let newest = live.iter().copied().max_by_key(|cell| cell.revision);
    let newest = newest.or_else(|| cells.values().max_by_key(|cell| cell.revision));
    newest
        .map(|cell| cell.address.to_string())
        .unwrap_or_default()
}

fn cell(source: &Source<'_>, now: Moment) -> (Cell, Option<SparseHistogram>) {
    let Source {
        replica,
        known,
        track,
    } = source;
    let (fixed, row) = (&known.fixed, &known.row);
    let rates = track.map(|track| track.rates).unwrap_or_default();
    let rtt = track.and_then(|track| track.rtt(replica));
    let (state, hold) = (row.state(), row.hold());
    let now_ns = replica.now_ns(now);
    let held = hold != Hold::Unspecified && row.hold_until_ns > 0;
    let left = row.hold_until_ns.saturating_sub(now_ns);
    let cell = Cell {
        freshness: replica.freshness(now),
        instance: fixed.instance.clone(),
        address: fixed.address.clone(),
        registration: fixed.registration.clone(),
        revision: fixed.revision,
        state,
        since: replica.age_of(row.state_since_ns, now).unwrap_or_default(),
        hold,
        hold_left: held.then(|| std::time::Duration::from_nanos(left)),
        lingering: row.lingering,
        word: word(state, hold, row.lingering),
        connections: row.connections,
        in_flight: row.in_flight,
        queued: row.queued,
        queue_ratio: fullness(row.queued.into(), row.queue_capacity.into())
            .max(fullness(row.queued_bytes, row.queue_bytes_capacity)),
        oldest_queued: replica.age_of(row.oldest_queued_ns, now),
        oldest_in_flight: replica.age_of(row.oldest_in_flight_ns, now),
        delivered_rate: rates.delivered,
        failed_rate: rates.failed,
        call_rate: rates.calls,
        rtt: rtt.as_ref().map(percentiles).unwrap_or_default(),
        connects: row.connects,
        connect_failures: row.connect_failures,
        last_error: row.last_error.as_str().into(),
    };
    (cell, rtt)
}

/// The one word for what a replica tells of a node.
fn word(state: NodeState, hold: Hold, lingering: bool) -> NodeWord {
    match (hold, state) {
        (Hold::Ejected, _) => NodeWord::Ejected,
        (Hold::Drained, _) => NodeWord::Draining,
        (Hold::Unspecified, NodeState::Failed) => NodeWord::Failed,
        (Hold::Unspecified, NodeState::Connecting) => NodeWord::Connecting,
        (Hold::Unspecified, NodeState::Ready) if lingering => NodeWord::Lingering,
        (Hold::Unspecified, NodeState::Ready) => NodeWord::Ready,
        (Hold::Unspecified, NodeState::Idle | NodeState::Unspecified) => NodeWord::Idle,
    }
}

/// Between 0 and 1, whatever was told.
fn fullness(used: u64, capacity: u64) -> f64 {
    if capacity == 0 {
        return 0.0;
    }
    (used as f64 / capacity as f64).clamp(0.0, 1.0)
}

fn add_point(node: &mut Node) {
    let known = node.word != NodeWord::Gone;
    let of = |value: f64| known.then_some(value);
    node.rate_history.push(node.delivered_rate);
    node.queue_history.push(of(node.queue_ratio));
    node.in_flight_history.push(of(node.in_flight as f64));
}

fn blank(name: NodeName) -> Node {
    Node {
        name,
        address: String::new(),
        cells: BTreeMap::new(),
        word: NodeWord::Gone,
        since: None,
        in_flight: 0,
        queued: 0,
        queue_ratio: 0.0,
        oldest_queued: None,
        oldest_in_flight: None,
        connections: 0,
        delivered_rate: None,
        failed_rate: None,
        call_rate: None,
        failed_ratio: None,
        failed_by_reason: BTreeMap::new(),
        delivered: 0,
        offline: 0,
        failed: 0,
        rtt: Percentiles::default(),
        rate_history: Series::short(),
        queue_history: Series::short(),
        in_flight_history: Series::short(),
        warning: None,
        problems: Vec::new(),
    }
}
