//! The fleet for scripts: a document whose shape is a promise, apart from the types behind it.
//!
//! Units stand in the names (`_ms`, `_bytes`, `_ratio`, `_per_s`); what isn't known is null; every
//! number is finite and no text holds control characters. `schema` grows with changes that a reader
//! of an older one could not take; docs/console.md lists the fields.

mod shape;
pub mod text;

pub use self::shape::{
    ApiDoc, CellDoc, Document, Event, NodeDoc, ProblemDoc, ReplicaDoc, Spread, Totals,
};

use std::{
    collections::BTreeMap,
    time::{Duration, SystemTime},
};

use push_manager_proto::admin::{EventLevel, Hold, Readiness};

use crate::{
    filter::{Filter, word},
    fleet::{
        self, EventItem, Fleet, NodeWord, Percentiles, Severity, Subject, Window, history::finite,
    },
    moment::Moment,
    replica::{Freshness, Link, Replica},
};

/// The version of the document's shape.
pub const SCHEMA: u32 = 1;

impl Document {
    /// The fleet at a moment, RPCs over the last 60 s.
    pub fn of(fleet: &Fleet, now: Moment, wall: SystemTime) -> Self {
        Self::over(fleet, now, wall, Window::Minute)
    }

    /// The fleet at a moment, RPCs over a window that ends then.
    pub fn over(fleet: &Fleet, now: Moment, wall: SystemTime, window: Window) -> Self {
        let replicas = fleet.replicas().iter();
        let present = replicas.filter(|replica| *replica.link() != Link::Gone);
        Self {
            schema: SCHEMA,
            at_ms: millis(wall),
            totals: totals(fleet),
            replicas: present
                .map(|replica| self::replica(fleet, replica, now))
                .collect(),
            apis: fleet.apis().iter().map(|each| api(each, window)).collect(),
            nodes: fleet.nodes().values().map(node).collect(),
            problems: fleet.problems().iter().map(problem).collect(),
        }
    }

    /// Only the nodes that a filter picks.
    #[must_use]
    pub fn filtered(mut self, fleet: &Fleet, filter: &Filter) -> Self {
        let picked = |id: &str| {
            let node = fleet.node(&fleet::NodeName(id.into()));
            node.is_some_and(|node| filter.matches(node))
        };
        self.nodes.retain(|node| picked(&node.id));
        self
    }

    /// The gravest problem.
    pub fn gravest(fleet: &Fleet) -> Option<Severity> {
        fleet
            .problems()
            .iter()
            .map(|problem| problem.severity)
            .max()
    }
}

impl Event {
    /// An event of the list.
    pub fn of(item: &EventItem) -> Self {
        Self {
            at_ms: millis(item.wall),
            replicas: item.replicas.iter().map(ToString::to_string).collect(),
            level: level(item.level),
            kind: item.kind.clone(),
            node: item.node.as_ref().map(ToString::to_string),
            message: item.message.clone(),
            count: item.count,
            actor: item.actor.clone(),
        }
    }
}

/// A level in a word.
pub fn level(level: EventLevel) -> &'static str {
    match level {
        EventLevel::Info | EventLevel::Unspecified => "info",
        EventLevel::Warn => "warn",
        EventLevel::Error => "error",
        EventLevel::Audit => "audit",
    }
}

fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Warning => "warning",
        Severity::Error => "error",
    }
}

fn freshness(freshness: Freshness) -> &'static str {
    match freshness {
        Freshness::Live => "live",
        Freshness::Stale => "stale",
        Freshness::Down => "down",
    }
}

fn millis(time: SystemTime) -> u64 {
    let since = time
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

fn ms(time: Option<Duration>) -> Option<f64> {
    time.map(|time| rounded(time.as_secs_f64() * 1e3))
}

/// Three digits after the point are enough for anyone.
fn rounded(value: f64) -> f64 {
    (finite(value) * 1e3).round() / 1e3
}

fn rate(value: Option<f64>) -> Option<f64> {
    value.map(rounded)
}

fn spread(percentiles: &Percentiles) -> Spread {
    Spread {
        count: percentiles.count,
        p50_ms: ms(percentiles.p50),
        p90_ms: ms(percentiles.p90),
        p99_ms: ms(percentiles.p99),
        p999_ms: ms(percentiles.p999),
        max_ms: ms(percentiles.max),
    }
}

fn totals(fleet: &Fleet) -> Totals {
    let totals = fleet.totals();
    let letters = |ids: &[crate::replica::ReplicaId]| ids.iter().map(ToString::to_string).collect();
    let nodes = totals.nodes;
    Totals {
        counted: letters(&totals.counted),
        left_out: letters(&totals.left_out),
        pushes: totals.pushes,
        pushes_in_flight: totals.pushes_in_flight,
        delivered: totals.delivered,
        targets: totals.targets.clone(),
        failed: totals.failed.clone(),
        pushes_per_s: rate(totals.push_rate),
        delivered_per_s: rate(totals.delivered_rate),
        nodes: BTreeMap::from([
            ("all", nodes.all),
            ("ready", nodes.ready),
            ("connecting", nodes.connecting),
            ("failed", nodes.failed),
            ("held", nodes.held),
            ("idle", nodes.idle),
        ]),
    }
}

fn replica(fleet: &Fleet, replica: &Replica, now: Moment) -> ReplicaDoc {
    let (link, why) = match replica.link() {
        Link::Connecting => ("connecting", String::new()),
        Link::Live => ("live", String::new()),
        Link::Retrying { why, .. } => ("retrying", why.clone()),
        Link::Refused { why } => ("refused", why.clone()),
        Link::Gone => ("gone", String::new()),
    };
    let (info, row) = (replica.info(), replica.row());
    let text = |of: fn(&push_manager_proto::admin::GetInfoResponse) -> &String| {
        info.map(|info| of(info).clone()).unwrap_or_default()
    };
    ReplicaDoc {
        replica: replica.id().to_string(),
        target: replica.name().to_owned(),
        freshness: freshness(replica.freshness(now)),
        link,
        why,
        age_ms: ms(replica.age(now)),
        manager_id: text(|info| &info.manager_id),
        instance_id: text(|info| &info.instance_id),
        version: text(|info| &info.version),
        epoch: replica.epoch().map(|epoch| format!("{epoch:016x}")),
        seq: replica.seq(),
        readiness: match row.map(push_manager_proto::admin::ReplicaRow::readiness) {
            Some(Readiness::Ready) => "ready",
            Some(Readiness::Draining) => "draining",
            Some(Readiness::Waiting | Readiness::Unspecified) | None => "waiting",
        },
        discovery_up: row.map(|row| row.discovery_up),
        nodes: replica.node_count(),
        pushes: row.map(|row| row.pushes),
        delivered: row.map(|row| row.targets.get("delivered").copied().unwrap_or(0)),
        failed: row.map(|row| row.failed.clone()).unwrap_or_default(),
        pushes_per_s: rate(fleet.push_rate(replica.id())),
        cpu_ms: row.map(|row| rounded(row.cpu_us as f64 / 1e3)),
        resident_bytes: row.map(|row| row.resident_bytes),
        coalesced: replica.coalesced(),
        events_missed: replica.events_missed(),
    }
}

fn api(api: &fleet::Api, window: Window) -> ApiDoc {
    let figures = api.windows.get(&window).cloned().unwrap_or_default();
    ApiDoc {
        api: api.name.clone(),
        window_s: window.length().as_secs(),
        covered_s: figures.rate.map(|_| rounded(figures.seconds)),
        in_flight: api.in_flight,
        requests: api.requests.clone(),
        targets: api.targets.clone(),
        failed: api.failed.clone(),
        requests_per_s: rate(figures.rate),
        ok_per_s: rate(figures.ok_rate),
        failed_per_s: rate(figures.failed_rate),
        cancelled_per_s: rate(figures.cancelled_rate),
        failed_ratio: rate(figures.failed_ratio),
        latency: spread(&figures.latency),
    }
}

fn node(node: &fleet::Node) -> NodeDoc {
    let cells = node.cells.iter().map(|(id, cell)| {
        let hold = match cell.hold {
            Hold::Unspecified => "none",
            Hold::Drained => "drained",
            Hold::Ejected => "ejected",
        };
        let cell = CellDoc {
            freshness: freshness(cell.freshness),
            state: word(cell.word),
            hold,
            hold_left_ms: ms(cell.hold_left),
            instance: cell.instance.to_string(),
            last_error: cell.last_error.to_string(),
        };
        (id.to_string(), cell)
    });
    // Zero would be a claim where no live replica knows the node.
    let known = node.word != NodeWord::Gone;
    let figure = |count: u64| known.then_some(count);
    NodeDoc {
        id: node.name.to_string(),
        address: node.address.clone(),
        state: word(node.word),
        since_ms: ms(node.since).filter(|_| known),
        warning: node.warning.map(severity),
        connections: figure(node.connections),
        in_flight: figure(node.in_flight),
        oldest_in_flight_ms: ms(node.oldest_in_flight),
        queued: figure(node.queued),
        oldest_queued_ms: ms(node.oldest_queued),
        queue_ratio: known.then(|| rounded(node.queue_ratio)),
        delivered: figure(node.delivered),
        offline: figure(node.offline),
        failed: figure(node.failed),
        delivered_per_s: rate(node.delivered_rate),
        failed_per_s: rate(node.failed_rate),
        failed_ratio: rate(node.failed_ratio),
        failed_by_reason: known.then(|| node.failed_by_reason.clone()),
        rtt: spread(&node.rtt),
        replicas: cells.collect(),
    }
}

fn problem(problem: &fleet::Problem) -> ProblemDoc {
    let (mut nodes, mut api, mut replica) = (Vec::new(), None, None);
    match &problem.subject {
        Subject::Nodes(names) => nodes = names.iter().map(ToString::to_string).collect(),
        Subject::Api(name) => api = Some(name.clone()),
        Subject::Replica(id) => replica = Some(id.to_string()),
        Subject::Console => {}
    }
    ProblemDoc {
        kind: problem.kind,
        severity: severity(problem.severity),
        text: problem.text.clone(),
        nodes,
        api,
        replica,
    }
}

#[cfg(test)]
mod documented;
