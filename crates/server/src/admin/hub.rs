//! The newest state, made while someone watches, and frames of it. Each subscriber
//! pulls when it is ready for more, so that nothing queues for slow ones, and equal
//! ones share what is encoded.
//!
//! A moment does not change once it is there: it is encoded from without a lock,
//! part by part, so that those who carry pushes are never kept waiting.

mod sampler;
mod seats;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, SystemTime},
};

use arc_swap::ArcSwap;
use bytes::Bytes;
use tokio::{
    sync::{OnceCell, watch},
    task::yield_now,
    time::Instant,
};
use tokio_util::sync::CancellationToken;

pub(super) use self::seats::Seat;
use self::{sampler::Sampler, seats::Seats};
use super::{
    Facts,
    frames::Stamp,
    rows::{self, Wire},
    table::{Selection, State},
};

/// Watch streams at once.
pub const MOST_SUBSCRIBERS: usize = 16;
/// The shortest interval served.
pub const SHORTEST_INTERVAL: Duration = Duration::from_millis(250);
/// The longest one.
pub(super) const LONGEST_INTERVAL: Duration = Duration::from_mins(1);
/// Newcomers are served a sample that is no older than this: however many come,
/// they cause no more samples than one who asks for the shortest interval.
const FRESH: Duration = SHORTEST_INTERVAL;
/// Most events in one frame: the ring's.
const MOST_EVENTS: usize = crate::events::MOST_KEPT;

/// The moment of the newest sample; its number is 0 before the first.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tick {
    pub(super) number: u64,
    pub(super) at: Instant,
}

/// What makes two subscribers equal: what they asked for, and where they are.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Place {
    pub(super) selection: Arc<Selection>,
    pub(super) base: Option<u64>,
    pub(super) event_seq: u64,
}

/// A frame's parts, and where they lead.
#[derive(Clone, Debug)]
pub(super) struct Step {
    pub(super) parts: Arc<[Bytes]>,
    /// The receiver's state afterwards.
    pub(super) at: u64,
    pub(super) event_seq: u64,
    /// Events that had left the ring.
    pub(super) missed: u64,
}

/// See the module's documentation. Clones share it.
#[derive(Clone, Debug)]
pub struct Hub {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    facts: Facts,
    newest: ArcSwap<Moment>,
    ticks: watch::Sender<Tick>,
    seats: Seats,
}

impl Shared {
    /// When the newest sample was made, where it will do for newcomers.
    fn fresh(&self) -> Option<Instant> {
        let newest = *self.ticks.borrow();
        let fresh = newest.number > 0 && newest.at.elapsed() < FRESH;
        fresh.then_some(newest.at)
    }
}

/// A state, when it was so, and what was encoded of it. All of it goes when the
/// next one comes, but for the parts that a subscriber is in the middle of.
#[derive(Debug)]
struct Moment {
    state: Arc<State>,
    stamp: Stamp,
    encoded: Mutex<HashMap<Place, Arc<OnceCell<Step>>>>,
}

impl Moment {
    fn new(state: Arc<State>, stamp: Stamp) -> Self {
        Self {
            state,
            stamp,
            encoded: Mutex::default(),
        }
    }

    /// Where the step from that place is, or comes once somebody has encoded it.
    fn step(&self, place: &Place) -> Arc<OnceCell<Step>> {
        let encoded = self.encoded.lock();
        let mut encoded = encoded.unwrap_or_else(PoisonError::into_inner);
        encoded.entry(place.clone()).or_default().clone()
    }
}

impl Hub {
    /// Nobody watches yet. [`Hub::run`] does the work.
    pub fn new(facts: Facts) -> Self {
        let state = Arc::<State>::default();
        let moment = Moment::new(state, stamp(&facts, 0));
        let tick = Tick {
            number: 0,
            at: Instant::now(),
        };
        let shared = Shared {
            facts,
            newest: ArcSwap::from_pointee(moment),
            ticks: watch::Sender::new(tick),
            seats: Seats::default(),
        };
        Self {
            shared: Arc::new(shared),
        }
    }

    /// Samples whenever someone is there to see it, until `stop`.
    pub async fn run(self, stop: CancellationToken) {
        let sampler = Sampler::new(self.shared);
        stop.run_until_cancelled(sampler.run()).await;
    }

    /// This moment, at the state `seq`.
    pub(super) fn stamp_now(&self, seq: u64) -> Stamp {
        stamp(&self.shared.facts, seq)
    }

    /// The frame that brings a receiver from `place` to now; encoded once for
    /// all who are there.
    pub(super) async fn step(&self, place: &Place) -> Step {
        let moment = self.shared.newest.load_full();
        let step = moment.step(place);
        let step = step.get_or_init(|| self.encode(&moment, place));
        step.await.clone()
    }

    async fn encode(&self, moment: &Moment, place: &Place) -> Step {
        let Moment { state, stamp, .. } = moment;
        let (mut events, mut missed, mut event_seq) = (Vec::new(), 0, place.event_seq);
        if place.selection.topics.events() {
            let (mut found, lost) = self.shared.facts.events.after(place.event_seq, MOST_EVENTS);
            missed = lost;
            // Later ones belong to the next state.
            found.retain(|entry| entry.seq <= state.event_seq());
            event_seq = found.last().map_or(event_seq, |entry| entry.seq);
            let encoded = found.iter().map(|entry| Wire::event(rows::event(entry)));
            events.extend(encoded);
        }
        let mut changes = state.changes(&place.selection, place.base);
        for event in &events {
            changes.add(event.bytes());
        }
        let (parts, at) = if changes.base > 0 && changes.rows.is_empty() {
            (vec![stamp.heartbeat(changes.base)], changes.base)
        } else {
            let mut parts = Vec::new();
            for part in stamp.parts(&changes) {
                parts.push(part);
                yield_now().await;
            }
            (parts, state.seq())
        };
        Step {
            parts: parts.into(),
            at,
            event_seq,
            missed,
        }
    }

    /// A seat, if one is free: while its holder takes what comes, samples are made
    /// as often as it asks.
    pub(super) fn sit(&self, interval: Duration) -> Option<Seat> {
        Seat::take(&self.shared, interval)
    }

    /// Samples made so far.
    pub fn samples(&self) -> u64 {
        self.shared.ticks.borrow().number
    }

    /// Watch streams open.
    pub fn subscribers(&self) -> usize {
        self.shared.seats.taken()
    }

    /// Follows the samples.
    pub(super) fn ticks(&self) -> watch::Receiver<Tick> {
        self.shared.ticks.subscribe()
    }
}

fn stamp(facts: &Facts, seq: u64) -> Stamp {
    let epoch = facts.events.epoch();
    Stamp {
        epoch: epoch.id(),
        seq,
        wall: SystemTime::now(),
        ns: epoch.now_ns(),
    }
}
