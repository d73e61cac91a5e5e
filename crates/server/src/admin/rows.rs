//! Figures as messages, and nothing else.

mod wire;

use std::{collections::BTreeMap, time::Duration};

use push_manager_config::Knob;
use push_manager_proto::admin::{
    ApiRow, Event, EventLevel, Histogram, HistogramLayout, Hold as HoldState, NodeRow, NodeState,
    NodeStatic, Setting,
};
use tonic::Code;

pub(super) use self::wire::{Wire, Writer};
use crate::{
    channel::LinkState,
    error::code_label,
    events::{Entry, Level},
    metrics::{Api, CODES, Metrics},
    outcome::{Outcome, Reason},
    pool::{Hold, Node},
    timings::{Layout, Room, Timings},
    tuning::Tuning,
};

/// What stays the same about a node.
pub(super) fn node_static(node: &Node) -> NodeStatic {
    let (registration, revision) = node.registration();
    NodeStatic {
        key: node.serial(),
        id: node.id().as_str().to_owned(),
        address: node.address().to_string(),
        instance: node.instance().to_owned(),
        registration: registration.to_owned(),
        revision,
        found_at: Some(node.found_at().into()),
    }
}

/// A node now.
pub(super) fn node(node: &Node) -> NodeRow {
    let mut row = NodeRow::default();
    read_node(node, &mut row, &mut Room::new(Layout::NODE_RTT));
    row
}

/// The same into an older row, of whichever node, whose allocations are used again.
fn read_node(node: &Node, row: &mut NodeRow, room: &mut Room) {
    let reading = node.reading();
    let mut failed = std::mem::take(&mut row.failed);
    for (reason, count) in Reason::ALL.into_iter().zip(reading.failed) {
        count_in(&mut failed, reason.as_label(), count);
    }
    let mut rtt = row.rtt.take().unwrap_or_default();
    read_histogram(node.figures().rtt(), &mut rtt, room);
    let mut last_error = std::mem::take(&mut row.last_error);
    last_error.clear();
    last_error.push_str(reading.last_error.as_ref().map_or("", |why| why.as_str()));
    *row = NodeRow {
        key: node.serial(),
        state: node_state(reading.state).into(),
        state_since_ns: reading.state_since_ns,
        hold: hold(reading.hold).into(),
        hold_until_ns: reading.hold_until_ns,
        lingering: reading.lingering,
        connections: reading.connections,
        in_flight: reading.in_flight,
        oldest_in_flight_ns: reading.oldest_in_flight_ns,
        queued: reading.queued,
        queue_capacity: reading.queue_capacity,
        queued_bytes: reading.queued_bytes,
        queue_bytes_capacity: reading.queue_bytes_capacity,
        oldest_queued_ns: reading.oldest_queued_ns,
        calls: reading.calls,
        delivered: reading.delivered,
        offline: reading.offline,
        failed,
        rtt: Some(rtt),
        connects: reading.connects,
        connect_failures: reading.connect_failures,
        last_error,
    };
}

/// Counts that are 0 have no entry.
fn count_in(counts: &mut BTreeMap<String, u64>, label: &str, count: u64) {
    if count == 0 {
        counts.remove(label);
    } else if let Some(known) = counts.get_mut(label) {
        *known = count;
    } else {
        counts.insert(label.to_owned(), count);
    }
}

/// An RPC now.
pub(super) fn api(metrics: &Metrics, api: Api) -> ApiRow {
    let figures = metrics.api(api);
    let reading = figures.read();
    ApiRow {
        api: api.as_label().to_owned(),
        requests: by_code(&reading.requests),
        in_flight: reading.in_flight,
        succeeded: reading.succeeded,
        unsuccessful: reading.unsuccessful,
        targets: by_outcome(&reading.targets),
        failed: by_reason(&reading.failed),
        latency: Some(histogram(figures.latency())),
    }
}

/// An event.
pub(super) fn event(entry: &Entry) -> Event {
    let news = &entry.news;
    Event {
        seq: entry.seq,
        wall_time: Some(entry.at.into()),
        monotonic_ns: entry.ns,
        level: match news.level {
            Level::Info => EventLevel::Info,
            Level::Warn => EventLevel::Warn,
            Level::Error => EventLevel::Error,
            Level::Audit => EventLevel::Audit,
        }
        .into(),
        kind: news.kind.label().to_owned(),
        node: news
            .node
            .as_ref()
            .map(|node| node.as_str().to_owned())
            .unwrap_or_default(),
        message: news.message.clone(),
        count: news.count,
        actor: news.actor.clone().unwrap_or_default(),
    }
}

/// A setting now.
pub(super) fn setting(tuning: &Tuning, knob: &Knob) -> Setting {
    let (value, configured) = tuning.values(knob);
    Setting {
        key: knob.key.to_owned(),
        value,
        configured,
        expected: knob.expected(),
        description: knob.doc(),
    }
}

/// How a histogram's values fall into buckets.
pub(super) fn layout(layout: Layout) -> HistogramLayout {
    HistogramLayout {
        grouping_power: layout.grouping_power.into(),
        max_value_power: layout.max_value_power.into(),
    }
}

/// A histogram, the buckets that hold something.
pub(super) fn histogram(timings: &Timings) -> Histogram {
    let mut histogram = Histogram::default();
    let mut room = Room::new(timings.layout());
    read_histogram(timings, &mut histogram, &mut room);
    histogram
}

fn read_histogram(timings: &Timings, histogram: &mut Histogram, room: &mut Room) {
    let Histogram { index, count } = histogram;
    index.clear();
    count.clear();
    for (bucket, times) in timings.read(room) {
        index.push(bucket);
        count.push(times);
    }
}

/// Counts that aren't 0, by gRPC status.
pub(super) fn by_code(counts: &[u64; CODES]) -> BTreeMap<String, u64> {
    let codes = (0..).map(|number| code_label(Code::from_i32(number)));
    present(codes.zip(counts))
}

/// Counts that aren't 0, by outcome.
pub(super) fn by_outcome(counts: &[u64; Outcome::ALL.len()]) -> BTreeMap<String, u64> {
    present(Outcome::ALL.map(Outcome::as_label).into_iter().zip(counts))
}

/// Counts that aren't 0, by reason.
pub(super) fn by_reason(counts: &[u64; Reason::ALL.len()]) -> BTreeMap<String, u64> {
    present(Reason::ALL.map(Reason::as_label).into_iter().zip(counts))
}

/// A span of time as a message.
pub(super) fn duration(span: Duration) -> prost_types::Duration {
    // Only spans of more than 2^63 seconds don't fit.
    span.try_into().unwrap_or_default()
}

fn present<'a>(counts: impl Iterator<Item = (&'static str, &'a u64)>) -> BTreeMap<String, u64> {
    let counts = counts.filter(|(_, count)| **count > 0);
    counts
        .map(|(label, count)| (label.to_owned(), *count))
        .collect()
}

fn node_state(state: LinkState) -> NodeState {
    match state {
        LinkState::Idle => NodeState::Idle,
        LinkState::Connecting => NodeState::Connecting,
        LinkState::Ready => NodeState::Ready,
        LinkState::Failed => NodeState::Failed,
    }
}

fn hold(hold: Hold) -> HoldState {
    match hold {
        Hold::None => HoldState::Unspecified,
        Hold::Drained => HoldState::Drained,
        Hold::Ejected => HoldState::Ejected,
    }
}
