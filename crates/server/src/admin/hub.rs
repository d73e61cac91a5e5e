//! Samples while someone watches, at the shortest interval that anyone asked
//! for, and keeps the newest table. Each subscriber pulls from it when its
//! connection has room, so that nothing queues for slow ones.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use tokio::{
    sync::{Notify, watch},
    time::{Instant, sleep_until},
};
use tokio_util::sync::CancellationToken;

use super::{
    Facts,
    frames::Stamp,
    rows,
    table::{Sample, Selection, Table},
};
use crate::metrics::Api;

/// Watch streams at once.
pub const MOST_SUBSCRIBERS: usize = 16;
/// The shortest interval served.
pub const SHORTEST_INTERVAL: Duration = Duration::from_millis(250);
/// The longest one.
pub(super) const LONGEST_INTERVAL: Duration = Duration::from_mins(1);
/// A newcomer is served a sample that is no older than this.
pub(super) const FRESH: Duration = Duration::from_millis(50);
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
    newest: Mutex<Newest>,
    ticks: watch::Sender<Tick>,
    seats: Mutex<BTreeMap<u64, Duration>>,
    next_seat: AtomicU64,
    newcomer: AtomicBool,
    wake: Notify,
}

/// The newest table, and what was encoded of it.
#[derive(Debug)]
struct Newest {
    table: Table,
    stamp: Stamp,
    encoded: HashMap<Place, Step>,
}

impl Hub {
    /// Nobody watches yet. [`Hub::run`] does the work.
    pub fn new(facts: Facts) -> Self {
        let epoch = facts.events.epoch();
        let stamp = Stamp {
            epoch: epoch.id(),
            seq: 0,
            wall: SystemTime::now(),
            ns: epoch.now_ns(),
        };
        let newest = Newest {
            table: Table::default(),
            stamp,
            encoded: HashMap::new(),
        };
        let tick = Tick {
            number: 0,
            at: Instant::now(),
        };
        let shared = Shared {
            facts,
            newest: Mutex::new(newest),
            ticks: watch::Sender::new(tick),
            seats: Mutex::default(),
            next_seat: AtomicU64::new(0),
            newcomer: AtomicBool::new(false),
            wake: Notify::new(),
        };
        Self {
            shared: Arc::new(shared),
        }
    }

    /// Samples whenever someone is there to see it, until `stop`.
    pub async fn run(self, stop: CancellationToken) {
        stop.run_until_cancelled(self.sample_for_ever()).await;
    }

    async fn sample_for_ever(&self) {
        let shared = &self.shared;
        let mut last: Option<Instant> = None;
        loop {
            let Some(interval) = self.shortest() else {
                shared.wake.notified().await;
                continue;
            };
            let waiting = shared.newcomer.load(Ordering::Acquire);
            let gap = if waiting { FRESH } else { interval };
            let due = last.map_or_else(Instant::now, |last| last + gap);
            tokio::select! {
                () = shared.wake.notified() => continue,
                () = sleep_until(due) => {}
            }
            shared.newcomer.store(false, Ordering::Release);
            let now = Instant::now();
            // On a grid, unless this process stood still.
            last = Some(if now < due + interval { due } else { now });
            self.sample();
        }
    }

    fn sample(&self) {
        let facts = &self.shared.facts;
        let snapshot = facts.pool.snapshot();
        let nodes = snapshot.nodes();
        let sample = Sample {
            nodes: nodes.iter().map(|node| rows::node(node)).collect(),
            apis: Api::ALL.map(|api| rows::api(&facts.metrics, api)).into(),
            replica: facts.replica(&snapshot, self.subscribers()),
            event_seq: facts.events.newest_seq(),
        };
        let mut newest = self.newest();
        newest
            .table
            .take_in(sample, |place| rows::node_static(&nodes[place]));
        newest.encoded.clear();
        newest.stamp = self.stamp_now(newest.table.seq());
        drop(newest);
        self.shared.ticks.send_modify(|tick| {
            tick.number += 1;
            tick.at = Instant::now();
        });
    }

    /// This moment, at the state `seq`.
    pub(super) fn stamp_now(&self, seq: u64) -> Stamp {
        let epoch = self.shared.facts.events.epoch();
        Stamp {
            epoch: epoch.id(),
            seq,
            wall: SystemTime::now(),
            ns: epoch.now_ns(),
        }
    }

    /// The frame that brings a receiver from `place` to now; encoded once for
    /// all who are there.
    pub(super) fn step(&self, place: Place) -> Step {
        let mut newest = self.newest();
        let Newest {
            table,
            stamp,
            encoded,
        } = &mut *newest;
        if let Some(step) = encoded.get(&place) {
            return step.clone();
        }
        let (mut events, mut missed, mut event_seq) = (Vec::new(), 0, place.event_seq);
        if place.selection.topics.events() {
            let (found, lost) = self.shared.facts.events.after(place.event_seq, MOST_EVENTS);
            missed = lost;
            // Later ones belong to the next state.
            let found = found.iter().filter(|entry| entry.seq <= table.event_seq());
            events.extend(found.map(|entry| rows::event(entry)));
            event_seq = events.last().map_or(event_seq, |event| event.seq);
        }
        let changes = table.changes(&place.selection, place.base);
        let quiet = changes.base > 0 && changes.is_empty() && events.is_empty();
        let step = Step {
            at: if quiet { changes.base } else { table.seq() },
            parts: stamp.parts(&changes, events).into(),
            event_seq,
            missed,
        };
        encoded.insert(place, step.clone());
        step
    }

    /// A seat, if one is free: samples are made as often as its holder asks.
    pub(super) fn sit(&self, interval: Duration) -> Option<Seat> {
        let mut seats = self.seats();
        if seats.len() >= MOST_SUBSCRIBERS {
            return None;
        }
        let number = self.shared.next_seat.fetch_add(1, Ordering::Relaxed);
        seats.insert(number, interval);
        drop(seats);
        self.shared.newcomer.store(true, Ordering::Release);
        self.shared.wake.notify_one();
        Some(Seat {
            hub: self.clone(),
            number,
        })
    }

    /// Samples made so far.
    pub fn samples(&self) -> u64 {
        self.shared.ticks.borrow().number
    }

    /// Watch streams open.
    pub fn subscribers(&self) -> usize {
        self.seats().len()
    }

    /// Follows the samples.
    pub(super) fn ticks(&self) -> watch::Receiver<Tick> {
        self.shared.ticks.subscribe()
    }

    fn shortest(&self) -> Option<Duration> {
        self.seats().values().min().copied()
    }

    fn seats(&self) -> MutexGuard<'_, BTreeMap<u64, Duration>> {
        let seats = self.shared.seats.lock();
        seats.unwrap_or_else(PoisonError::into_inner)
    }

    fn newest(&self) -> MutexGuard<'_, Newest> {
        let newest = self.shared.newest.lock();
        newest.unwrap_or_else(PoisonError::into_inner)
    }
}

/// A subscriber's place; free again when dropped.
#[derive(Debug)]
pub(super) struct Seat {
    hub: Hub,
    number: u64,
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.hub.seats().remove(&self.number);
        self.hub.shared.wake.notify_one();
    }
}
