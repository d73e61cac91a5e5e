//! The shape of the document: fields are only ever added.

use std::collections::BTreeMap;

use serde::Serialize;

/// All that is known at one moment.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Document {
    /// [`SCHEMA`].
    pub schema: u32,
    /// When, in milliseconds since 1970 by the console's clock.
    pub at_ms: u64,
    /// Sums over replicas that are live.
    pub totals: Totals,
    /// Replicas.
    pub replicas: Vec<ReplicaDoc>,
    /// RPCs of the push API.
    pub apis: Vec<ApiDoc>,
    /// Nodes, by name.
    pub nodes: Vec<NodeDoc>,
    /// What to look at, the gravest first.
    pub problems: Vec<ProblemDoc>,
}

/// Sums over live replicas; counters are cumulative since each replica's start.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Totals {
    /// Replicas that are in these sums, by letter.
    pub counted: Vec<String>,
    /// Replicas that are not: stale or down.
    pub left_out: Vec<String>,
    /// Pushes that passed validation.
    pub pushes: u64,
    /// Pushes running.
    pub pushes_in_flight: u64,
    /// Targets delivered to.
    pub delivered: u64,
    /// Targets by outcome.
    pub targets: BTreeMap<String, u64>,
    /// Failed targets by reason.
    pub failed: BTreeMap<String, u64>,
    /// Pushes a second.
    pub pushes_per_s: Option<f64>,
    /// Targets delivered a second.
    pub delivered_per_s: Option<f64>,
    /// Nodes by state.
    pub nodes: BTreeMap<&'static str, usize>,
}

/// Percentiles in milliseconds.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Spread {
    /// Values recorded.
    pub count: u64,
    /// Half are at most this.
    pub p50_ms: Option<f64>,
    /// 90 %.
    pub p90_ms: Option<f64>,
    /// 99 %.
    pub p99_ms: Option<f64>,
    /// 99.9 %.
    pub p999_ms: Option<f64>,
    /// The largest.
    pub max_ms: Option<f64>,
}

/// A replica.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ReplicaDoc {
    /// Its letter.
    pub replica: String,
    /// As it was asked for.
    pub target: String,
    /// `live`, `stale` or `down`.
    pub freshness: &'static str,
    /// `connecting`, `live`, `retrying`, `refused` or `gone`.
    pub link: &'static str,
    /// Why, where it is not live.
    pub why: String,
    /// Time since its last word.
    pub age_ms: Option<f64>,
    /// Its name.
    pub manager_id: String,
    /// Its random instance id.
    pub instance_id: String,
    /// Its version.
    pub version: String,
    /// Its epoch, in hexadecimal digits.
    pub epoch: Option<String>,
    /// The state that its frames led to.
    pub seq: u64,
    /// `waiting`, `ready` or `draining`.
    pub readiness: &'static str,
    /// Whether its source of nodes answers.
    pub discovery_up: Option<bool>,
    /// Nodes that it uses.
    pub nodes: usize,
    /// Pushes that passed validation, cumulative.
    pub pushes: Option<u64>,
    /// Targets delivered to, cumulative.
    pub delivered: Option<u64>,
    /// Failed targets by reason, cumulative.
    pub failed: BTreeMap<String, u64>,
    /// Pushes a second; the last that is known.
    pub pushes_per_s: Option<f64>,
    /// CPU used, cumulative.
    pub cpu_ms: Option<f64>,
    /// Memory.
    pub resident_bytes: Option<u64>,
    /// Intervals that its connection had no room for.
    pub coalesced: u64,
    /// Events that were missed.
    pub events_missed: u64,
}

/// An RPC over a window that ends now: 60 s, unless a view with another one is exported.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ApiDoc {
    /// Its name.
    pub api: String,
    /// The window of rates, ratios and latencies.
    pub window_s: u64,
    /// The part of it that is known so far.
    pub covered_s: Option<f64>,
    /// Requests being answered.
    pub in_flight: u64,
    /// Requests by gRPC status, cumulative.
    pub requests: BTreeMap<String, u64>,
    /// Targets by outcome, cumulative.
    pub targets: BTreeMap<String, u64>,
    /// Failed targets by reason, cumulative.
    pub failed: BTreeMap<String, u64>,
    /// Requests a second.
    pub requests_per_s: Option<f64>,
    /// Answered OK with success, a second.
    pub ok_per_s: Option<f64>,
    /// Otherwise, a second.
    pub failed_per_s: Option<f64>,
    /// Callers who left, a second.
    pub cancelled_per_s: Option<f64>,
    /// Failed of all answered.
    pub failed_ratio: Option<f64>,
    /// Time to the answer.
    pub latency: Spread,
}

/// A node; figures are null where no live replica knows it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct NodeDoc {
    /// Its id.
    pub id: String,
    /// Its address.
    pub address: String,
    /// `failed`, `ejected`, `draining`, `connecting`, `lingering`, `ready`, `idle` or `gone` (no
    /// live replica knows it).
    pub state: &'static str,
    /// How long it has been so.
    pub since_ms: Option<f64>,
    /// `warning` or `error`.
    pub warning: Option<&'static str>,
    /// Connections.
    pub connections: Option<u64>,
    /// Calls without an answer.
    pub in_flight: Option<u64>,
    /// Age of the oldest of them.
    pub oldest_in_flight_ms: Option<f64>,
    /// Calls that wait.
    pub queued: Option<u64>,
    /// Age of the oldest of them.
    pub oldest_queued_ms: Option<f64>,
    /// How full its fullest lane is.
    pub queue_ratio: Option<f64>,
    /// Targets that it took, cumulative.
    pub delivered: Option<u64>,
    /// Targets that it did not have, cumulative.
    pub offline: Option<u64>,
    /// Targets that failed there, cumulative.
    pub failed: Option<u64>,
    /// Targets taken a second.
    pub delivered_per_s: Option<f64>,
    /// Targets failed a second.
    pub failed_per_s: Option<f64>,
    /// Failed of all over the last 60 s.
    pub failed_ratio: Option<f64>,
    /// Failed over the last 60 s, by reason.
    pub failed_by_reason: Option<BTreeMap<String, u64>>,
    /// Round trips over the last 60 s.
    pub rtt: Spread,
    /// What each replica knows of it, by letter.
    pub replicas: BTreeMap<String, CellDoc>,
}

/// What one replica knows of a node.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CellDoc {
    /// How far it may be believed: `live`, `stale` or `down`.
    pub freshness: &'static str,
    /// The state, by this replica alone.
    pub state: &'static str,
    /// `none`, `drained` or `ejected`.
    pub hold: &'static str,
    /// What remains of that.
    pub hold_left_ms: Option<f64>,
    /// The incarnation.
    pub instance: String,
    /// Why the last call or attempt failed.
    pub last_error: String,
}

/// A problem.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ProblemDoc {
    /// A stable name.
    pub kind: &'static str,
    /// `warning` or `error`.
    pub severity: &'static str,
    /// In a sentence.
    pub text: String,
    /// The nodes that it is about.
    pub nodes: Vec<String>,
    /// The RPC.
    pub api: Option<String>,
    /// The replica, by letter.
    pub replica: Option<String>,
}

/// An event, as it is exported.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Event {
    /// When, in milliseconds since 1970 by the replica's clock.
    pub at_ms: u64,
    /// Who told it, by letter.
    pub replicas: Vec<String>,
    /// `info`, `warn`, `error` or `audit`.
    pub level: &'static str,
    /// What.
    pub kind: String,
    /// The node.
    pub node: Option<String>,
    /// In a sentence.
    pub message: String,
    /// Times.
    pub count: u64,
    /// Who acted.
    pub actor: String,
}
