//! The fleet in a few figures.

use std::collections::BTreeMap;

use super::{Percentiles, Series, Window};
use crate::replica::ReplicaId;

/// Nodes by state, over live replicas.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NodeCounts {
    /// All.
    pub all: usize,
    /// Connected (lingering ones included).
    pub ready: usize,
    /// Connecting.
    pub connecting: usize,
    /// Failed.
    pub failed: usize,
    /// Drained or ejected.
    pub held: usize,
    /// Idle.
    pub idle: usize,
}

/// Sums over live replicas.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Totals {
    /// Nodes by state.
    pub nodes: NodeCounts,
    /// Replicas whose figures are in these sums.
    pub counted: Vec<ReplicaId>,
    /// Replicas that are left out, since they are stale or down.
    pub left_out: Vec<ReplicaId>,
    /// Pushes that passed validation, cumulative.
    pub pushes: u64,
    /// Pushes running.
    pub pushes_in_flight: u64,
    /// Targets by outcome, cumulative.
    pub targets: BTreeMap<String, u64>,
    /// Failed targets by reason, cumulative.
    pub failed: BTreeMap<String, u64>,
    /// Targets delivered to, cumulative.
    pub delivered: u64,
    /// Pushes a second now.
    pub push_rate: Option<f64>,
    /// Targets delivered a second now.
    pub delivered_rate: Option<f64>,
    /// Pushes a second over time.
    pub push_history: Series,
    /// Delivered a second over time.
    pub delivered_history: Series,
    /// Latency percentiles over time, in milliseconds, each point over its last 10 s.
    pub p50_history: Series,
    /// 95 %.
    pub p95_history: Series,
    /// 99 %.
    pub p99_history: Series,
    /// Latency of all RPCs, by window.
    pub latency: BTreeMap<Window, Percentiles>,
}
