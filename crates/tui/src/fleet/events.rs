//! Events of all replicas in the order of their time.

use std::{collections::BTreeSet, time::SystemTime};

use push_manager_proto::admin::EventLevel;

use super::NodeName;
use crate::{moment::Moment, replica::ReplicaId};

/// Most events kept.
pub const MOST_EVENTS: usize = 10_000;

/// An event, told by one or several replicas.
#[derive(Clone, Debug, PartialEq)]
pub struct EventItem {
    /// Names it within this console; grows in the order in which events were learnt.
    pub id: u64,
    /// When the console learnt it.
    pub learnt: Moment,
    /// When it happened, by the replica's clock.
    pub wall: SystemTime,
    /// Who told it. The same kind, node and message from several replicas within 5 s is one item.
    pub replicas: BTreeSet<ReplicaId>,
    /// How grave.
    pub level: EventLevel,
    /// What, e.g. `conn.failed`.
    pub kind: String,
    /// The node.
    pub node: Option<NodeName>,
    /// In a sentence; control characters are gone.
    pub message: String,
    /// Times that it happened.
    pub count: u64,
    /// Who acted.
    pub actor: String,
}

/// The newest [`MOST_EVENTS`] events, by time.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct EventList {
    items: std::collections::VecDeque<EventItem>,
    missed: u64,
}

impl EventList {
    /// The events, the oldest first.
    pub fn items(&self) -> impl DoubleEndedIterator<Item = &EventItem> + ExactSizeIterator {
        self.items.iter()
    }

    /// Events that replicas no longer had when they were asked.
    pub fn missed(&self) -> u64 {
        self.missed
    }
}
