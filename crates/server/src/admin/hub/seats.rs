//! Who watches, how often each wants to be told, and whether it takes what comes:
//! whoever stopped taking it sets nobody's pace.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::{sync::Notify, time::Instant};

use super::{MOST_SUBSCRIBERS, Shared};

/// Who takes nothing for so many intervals sets no pace.
const PATIENCE: u32 = 3;

#[derive(Debug, Default)]
pub(super) struct Seats {
    taken: Mutex<BTreeMap<u64, Sitting>>,
    next: AtomicU64,
    wanted: Notify,
    wake: Notify,
}

#[derive(Clone, Copy, Debug)]
struct Sitting {
    interval: Duration,
    doing: Doing,
}

#[derive(Clone, Copy, Debug)]
enum Doing {
    /// It was never told anything, and does not wait yet.
    Coming,
    /// It waits for a sample of that moment or later.
    Waiting(Instant),
    /// It was given a frame then, or there was a sample for it; it has done nothing since.
    /// A stream may wait and never look up: once its connection has no room, nobody asks it.
    Told(Instant),
}

impl Sitting {
    fn sets_the_pace(self, now: Instant) -> bool {
        match self.doing {
            Doing::Coming => false,
            Doing::Waiting(_) => true,
            Doing::Told(at) => now < at + self.interval * PATIENCE,
        }
    }
}

impl Seats {
    /// How many.
    pub(super) fn taken(&self) -> usize {
        self.lock().len()
    }

    /// The shortest interval of those who set the pace.
    pub(super) fn shortest(&self, now: Instant) -> Option<Duration> {
        let seats = self.lock();
        let setting = seats.values().filter(|seat| seat.sets_the_pace(now));
        setting.map(|seat| seat.interval).min()
    }

    /// There is a sample, for all who wait for one of this moment.
    pub(super) fn offer(&self, at: Instant) {
        for seat in self.lock().values_mut() {
            if matches!(seat.doing, Doing::Waiting(from) if from <= at) {
                seat.doing = Doing::Told(at);
            }
        }
    }

    /// Ends when someone wants a sample at once.
    pub(super) async fn wanted(&self) {
        self.wanted.notified().await;
    }

    /// Ends when the shortest interval may be another one.
    pub(super) async fn woken(&self) {
        self.wake.notified().await;
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<u64, Sitting>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A subscriber's place; free again when dropped.
#[derive(Debug)]
pub(in crate::admin) struct Seat {
    shared: Arc<Shared>,
    number: u64,
}

impl Seat {
    pub(super) fn take(shared: &Arc<Shared>, interval: Duration) -> Option<Self> {
        let seats = &shared.seats;
        let mut taken = seats.lock();
        if taken.len() >= MOST_SUBSCRIBERS {
            return None;
        }
        let number = seats.next.fetch_add(1, Ordering::Relaxed);
        let doing = Doing::Coming;
        taken.insert(number, Sitting { interval, doing });
        Some(Self {
            shared: shared.clone(),
            number,
        })
    }

    /// Its holder waits for a sample: one that is `due`, or for who comes, or comes
    /// back after a while, the newest. Gives the moment from which on one will do.
    pub(in crate::admin) fn waits(&self, due: Option<Instant>) -> Instant {
        let now = Instant::now();
        let seats = &self.shared.seats;
        let newest = self.sets_no_pace(now).then(|| {
            let fresh = self.shared.fresh();
            if fresh.is_none() {
                seats.wanted.notify_one();
            }
            seats.wake.notify_one();
            fresh.unwrap_or(now)
        });
        let from = newest.max(due).unwrap_or(now);
        self.does(Doing::Waiting(from));
        from
    }

    /// Its holder takes the newest sample; false when it has looked away for so long
    /// that the newest may be an old one.
    pub(in crate::admin) fn takes(&self) -> bool {
        let now = Instant::now();
        if self.sets_no_pace(now) {
            return false;
        }
        self.does(Doing::Told(now));
        true
    }

    fn sets_no_pace(&self, now: Instant) -> bool {
        let seats = self.shared.seats.lock();
        let seat = seats.get(&self.number);
        seat.is_none_or(|seat| !seat.sets_the_pace(now))
    }

    fn does(&self, doing: Doing) {
        if let Some(seat) = self.shared.seats.lock().get_mut(&self.number) {
            seat.doing = doing;
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.shared.seats.lock().remove(&self.number);
        self.shared.seats.wake.notify_one();
    }
}
