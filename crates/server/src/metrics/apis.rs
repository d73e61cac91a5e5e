//! Figures of each RPC of the push API, beside its series: a plain reading
//! without labels to look up, and nothing that reading could create.

use std::{
    sync::atomic::{AtomicU32, AtomicU64, Ordering},
    time::Duration,
};

use tonic::Code;

use crate::{
    counts::Counts,
    outcome::{Outcome, Reason},
    timings::{Layout, Timings},
};

/// gRPC statuses, `OK` included; each one's number is its place.
pub const CODES: usize = 17;

/// An RPC of the push API.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Api {
    /// To the members of a room.
    PushToRoom,
    /// To one user.
    PushToUser,
    /// To everyone.
    BroadcastMessage,
}

impl Api {
    /// All of them.
    pub const ALL: [Api; 3] = [Api::PushToRoom, Api::PushToUser, Api::BroadcastMessage];

    /// Its name, which is its label.
    pub const fn as_label(self) -> &'static str {
        match self {
            Api::PushToRoom => "PushToRoom",
            Api::PushToUser => "PushToUser",
            Api::BroadcastMessage => "BroadcastMessage",
        }
    }

    /// The RPC of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|api| api.as_label() == name)
    }
}

/// The counters of one RPC.
#[derive(Debug)]
pub struct ApiFigures {
    requests: Counts<CODES>,
    in_flight: AtomicU32,
    succeeded: AtomicU64,
    unsuccessful: AtomicU64,
    targets: Counts<{ Outcome::ALL.len() }>,
    failed: Counts<{ Reason::ALL.len() }>,
    latency: Timings,
}

/// One RPC's numbers at one moment; each counter is read by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiReading {
    /// Requests answered, by the number of their gRPC status.
    pub requests: [u64; CODES],
    /// Requests being answered.
    pub in_flight: u32,
    /// Pushes carried out of which no target failed; who is offline is no failure.
    pub succeeded: u64,
    /// Pushes of which some target failed.
    pub unsuccessful: u64,
    /// Targets, in the order of [`Outcome::ALL`].
    pub targets: [u64; Outcome::ALL.len()],
    /// Failed targets, in the order of [`Reason::ALL`].
    pub failed: [u64; Reason::ALL.len()],
}

impl ApiFigures {
    pub(super) fn new() -> Self {
        Self {
            requests: Counts::default(),
            in_flight: AtomicU32::new(0),
            succeeded: AtomicU64::new(0),
            unsuccessful: AtomicU64::new(0),
            targets: Counts::default(),
            failed: Counts::default(),
            latency: Timings::new(Layout::LATENCY),
        }
    }

    /// A request came.
    pub fn began(&self) {
        self.in_flight.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn answered(&self, code: Code, took: Duration) {
        self.in_flight.fetch_sub(1, Ordering::Relaxed);
        self.requests.add(place_of(code), 1);
        self.latency.note(took);
    }

    /// A push was carried out, with or without a target that failed.
    pub fn pushed(&self, well: bool) {
        let counter = if well {
            &self.succeeded
        } else {
            &self.unsuccessful
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn ended(&self, outcome: Outcome, targets: u64) {
        self.targets.add(outcome.index(), targets);
    }

    pub(super) fn failed(&self, reason: Reason, targets: u64) {
        self.failed.add(reason.index(), targets);
    }

    /// Answered requests by how long they took.
    pub fn latency(&self) -> &Timings {
        &self.latency
    }

    /// All its numbers now.
    pub fn read(&self) -> ApiReading {
        ApiReading {
            requests: self.requests.read(),
            in_flight: self.in_flight.load(Ordering::Relaxed),
            succeeded: self.succeeded.load(Ordering::Relaxed),
            unsuccessful: self.unsuccessful.load(Ordering::Relaxed),
            targets: self.targets.read(),
            failed: self.failed.read(),
        }
    }
}

/// The place of a status among [`CODES`].
pub(super) fn place_of(code: Code) -> usize {
    usize::try_from(i32::from(code)).unwrap_or(usize::MAX)
}
