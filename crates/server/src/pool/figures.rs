//! What is known of a node in numbers: atomics that delivery and the pipeline
//! write, and a plain reading of them for whoever shows them.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, AtomicU64, Ordering},
    },
    time::Duration,
};

use super::Hold;
use crate::{
    channel::LinkState,
    counts::Counts,
    outcome::Reason,
    timings::{Layout, Timings},
};

/// How the targets of one call ended, by its node's word or the lack of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// The node took them.
    pub delivered: u64,
    /// The node did not have them.
    pub offline: u64,
    /// They failed there.
    pub failed: Option<(Reason, u64)>,
}

/// A node's counters. Each has one writer.
#[derive(Debug)]
pub struct Figures {
    in_flight: AtomicU32,
    oldest_in_flight_ns: AtomicU64,
    queued: AtomicU32,
    queued_bytes: AtomicU64,
    oldest_queued_ns: AtomicU64,
    calls: AtomicU64,
    delivered: AtomicU64,
    offline: AtomicU64,
    failed: Counts<{ Reason::ALL.len() }>,
    rtt: Timings,
}

impl Figures {
    pub(super) fn new() -> Self {
        Self {
            in_flight: AtomicU32::new(0),
            oldest_in_flight_ns: AtomicU64::new(0),
            queued: AtomicU32::new(0),
            queued_bytes: AtomicU64::new(0),
            oldest_queued_ns: AtomicU64::new(0),
            calls: AtomicU64::new(0),
            delivered: AtomicU64::new(0),
            offline: AtomicU64::new(0),
            failed: Counts::default(),
            rtt: Timings::new(Layout::NODE_RTT),
        }
    }

    /// Calls that wait, their bytes, and the stamp of the oldest (0 = none).
    /// Written by the node's lane whenever its queue changes.
    pub fn show_queue(&self, calls: usize, bytes: usize, oldest_ns: u64) {
        self.queued.store(as_u32(calls), Ordering::Relaxed);
        self.queued_bytes.store(bytes as u64, Ordering::Relaxed);
        self.oldest_queued_ns.store(oldest_ns, Ordering::Relaxed);
    }

    /// Calls in flight, and the stamp of the oldest (0 = none). Written by the node's lane.
    pub fn show_flight(&self, calls: usize, oldest_ns: u64) {
        self.in_flight.store(as_u32(calls), Ordering::Relaxed);
        self.oldest_in_flight_ns.store(oldest_ns, Ordering::Relaxed);
    }

    /// The node answered a call so long after it was handed to its connection.
    pub fn answered(&self, took: Duration) {
        self.rtt.note(took);
    }

    /// A call ended so. Written by the pipeline, once for each call and nowhere
    /// else, when it takes in the node's word.
    ///
    /// The sum of `delivered` over all nodes that ever were equals
    /// `push_manager_push_success_total` once the pushes under way have ended,
    /// but for targets that several nodes delivered to: a user with devices on
    /// two nodes is one target there, and one at each node here. Failures may
    /// differ for the same reason, and where a target that failed at one node
    /// was reached at another after a fresh look-up.
    pub fn ended(&self, tally: Tally) {
        let Tally {
            delivered,
            offline,
            failed,
        } = tally;
        self.calls.fetch_add(1, Ordering::Relaxed);
        self.delivered.fetch_add(delivered, Ordering::Relaxed);
        self.offline.fetch_add(offline, Ordering::Relaxed);
        if let Some((reason, targets)) = failed {
            self.failed.add(reason.index(), targets);
        }
    }

    /// Answered calls by how long they took.
    pub fn rtt(&self) -> &Timings {
        &self.rtt
    }

    pub(super) fn read_into(&self, reading: &mut Reading) {
        reading.in_flight = self.in_flight.load(Ordering::Relaxed);
        reading.oldest_in_flight_ns = self.oldest_in_flight_ns.load(Ordering::Relaxed);
        reading.queued = self.queued.load(Ordering::Relaxed);
        reading.queued_bytes = self.queued_bytes.load(Ordering::Relaxed);
        reading.oldest_queued_ns = self.oldest_queued_ns.load(Ordering::Relaxed);
        reading.calls = self.calls.load(Ordering::Relaxed);
        reading.delivered = self.delivered.load(Ordering::Relaxed);
        reading.offline = self.offline.load(Ordering::Relaxed);
        reading.failed = self.failed.read();
    }
}

/// A node's numbers at one moment; each counter is read by itself. Stamps are
/// the epoch's, 0 = none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reading {
    /// Its connections.
    pub state: LinkState,
    /// Since when.
    pub state_since_ns: u64,
    /// What an operator did to it.
    pub hold: Hold,
    /// When that ends by itself.
    pub hold_until_ns: u64,
    /// Registration gone, connection alive.
    pub lingering: bool,
    /// Open connections.
    pub connections: u32,
    /// Calls sent and not answered.
    pub in_flight: u32,
    /// When the oldest of them was begun.
    pub oldest_in_flight_ns: u64,
    /// Calls that wait.
    pub queued: u32,
    /// Most calls that may wait.
    pub queue_capacity: u32,
    /// Bytes that wait.
    pub queued_bytes: u64,
    /// Most bytes that may wait.
    pub queue_bytes_capacity: u64,
    /// When the oldest waiting call was queued.
    pub oldest_queued_ns: u64,
    /// Calls ended, however.
    pub calls: u64,
    /// Targets that it took.
    pub delivered: u64,
    /// Targets that it did not have.
    pub offline: u64,
    /// Targets that failed there, in the order of [`Reason::ALL`].
    pub failed: [u64; Reason::ALL.len()],
    /// Connections ever made.
    pub connects: u64,
    /// Attempts to connect that failed.
    pub connect_failures: u64,
    /// Why the last attempt or call failed; nothing once a call succeeded since.
    pub last_error: Option<Arc<String>>,
}

/// One place for a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StripeReading {
    /// Calls may go out on it: a channel was made.
    pub open: bool,
    /// Deadlines missed in a row.
    pub unheard: u32,
}

pub(super) fn as_u32(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}
