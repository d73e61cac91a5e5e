//! A node as all replicas together see it.

use std::{collections::BTreeMap, fmt, sync::Arc, time::Duration};

use push_manager_proto::admin::{Hold, NodeState};

use super::{Percentiles, Series, Severity};
use crate::replica::{Freshness, ReplicaId};

/// A node's id: what it is selected, filtered and acted on by.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeName(pub Arc<str>);

impl fmt::Display for NodeName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One word for a node's state, the gravest first when several apply.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NodeWord {
    /// No connection, and the last attempt failed.
    Failed,
    /// An operator ejected it.
    Ejected,
    /// An operator drained it.
    Draining,
    /// A connection is being made.
    Connecting,
    /// Registration gone, connection alive.
    Lingering,
    /// Connected.
    Ready,
    /// No connection, none needed so far.
    Idle,
    /// No live replica knows it.
    Gone,
}

/// A node.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// Its id.
    pub name: NodeName,
    /// Its address, as the latest replica has it.
    pub address: String,
    /// What each replica knows of it, those that are stale or down included.
    pub cells: BTreeMap<ReplicaId, Cell>,
    /// The gravest word of live replicas.
    pub word: NodeWord,
    /// How long it has been so, by the replica that has it so for the longest.
    pub since: Option<Duration>,
    /// Calls sent and not answered, over live replicas.
    pub in_flight: u64,
    /// Calls that wait, over live replicas.
    pub queued: u64,
    /// How full the fullest lane is, 0 to 1, by calls or bytes.
    pub queue_ratio: f64,
    /// Age of the oldest call that waits for its turn.
    pub oldest_queued: Option<Duration>,
    /// Age of the oldest call without an answer.
    pub oldest_in_flight: Option<Duration>,
    /// Connections, over live replicas.
    pub connections: u64,
    /// Targets that the node took a second; nothing = not known (yet).
    pub delivered_rate: Option<f64>,
    /// Targets that failed there a second.
    pub failed_rate: Option<f64>,
    /// Calls ended a second.
    pub call_rate: Option<f64>,
    /// Failed of all ended targets over the last minute, 0 to 1.
    pub failed_ratio: Option<f64>,
    /// Failed targets over the last minute, by reason.
    pub failed_by_reason: BTreeMap<String, u64>,
    /// Cumulative targets, over live replicas since their epochs.
    pub delivered: u64,
    /// Likewise, those that it did not have.
    pub offline: u64,
    /// Likewise, those that failed.
    pub failed: u64,
    /// Round trips over the last minute, merged.
    pub rtt: Percentiles,
    /// Delivered a second, a point a second.
    pub rate_history: Series,
    /// Queue ratio.
    pub queue_history: Series,
    /// In flight.
    pub in_flight_history: Series,
    /// The gravest of its problems.
    pub warning: Option<Severity>,
    /// The kinds of its problems.
    pub problems: Vec<&'static str>,
}

/// What one replica knows of a node.
#[derive(Clone, Debug, PartialEq)]
pub struct Cell {
    /// How far it may be believed.
    pub freshness: Freshness,
    /// The incarnation, which acts name.
    pub instance: Arc<str>,
    /// Its address.
    pub address: Arc<str>,
    /// The registration's key; may be empty.
    pub registration: Arc<str>,
    /// The registration's revision; 0 = none.
    pub revision: i64,
    /// The connections' state.
    pub state: NodeState,
    /// How long it has been so.
    pub since: Duration,
    /// Drained or ejected.
    pub hold: Hold,
    /// What remains of that.
    pub hold_left: Option<Duration>,
    /// Registration gone.
    pub lingering: bool,
    /// The word of this replica alone.
    pub word: NodeWord,
    /// Open connections.
    pub connections: u32,
    /// Calls sent and not answered.
    pub in_flight: u32,
    /// Calls that wait.
    pub queued: u32,
    /// How full its lane is, 0 to 1.
    pub queue_ratio: f64,
    /// Age of the oldest call that waits.
    pub oldest_queued: Option<Duration>,
    /// Age of the oldest call without an answer.
    pub oldest_in_flight: Option<Duration>,
    /// Targets taken a second.
    pub delivered_rate: Option<f64>,
    /// Targets failed a second.
    pub failed_rate: Option<f64>,
    /// Calls ended a second.
    pub call_rate: Option<f64>,
    /// Round trips over the last minute.
    pub rtt: Percentiles,
    /// Times that a connection was made.
    pub connects: u64,
    /// Attempts that failed.
    pub connect_failures: u64,
    /// Why the last attempt or call failed; may be empty.
    pub last_error: Arc<str>,
}
