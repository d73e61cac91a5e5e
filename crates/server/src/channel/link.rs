//! The state of the connections to one peer, fed by whoever makes them, and
//! told to whoever watches.

mod state;

use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicU64, AtomicUsize, Ordering},
};

use arc_swap::ArcSwapOption;
use tokio::{sync::Notify, time::Instant};

use self::state::Link;
pub use self::state::LinkState;
use crate::{
    events::{EventLog, Kind, Level, News, Throttle, shortened},
    ids::NodeId,
};

/// How often in a window the same message about a connection that opened or
/// closed is told: several may open at once.
const REPEATS: u32 = 4;

/// Who is told of the connections of a node.
#[derive(Debug)]
pub struct Audience {
    /// Shows how many are open.
    pub gauge: prometheus::IntGauge,
    /// Woken whenever that changes.
    pub changed: Arc<Notify>,
    /// The node's id, for events.
    pub node: NodeId,
    /// Gets the events.
    pub events: EventLog,
}

/// The connections of one peer.
#[derive(Debug)]
pub struct LiveConnections {
    open: AtomicUsize,
    made: AtomicU64,
    failed: AtomicU64,
    link: Mutex<Told>,
    last_error: ArcSwapOption<String>,
    audience: Option<Audience>,
}

/// The link, and how much was told of it.
#[derive(Debug)]
struct Told {
    link: Link,
    since: Instant,
    failed_in_a_row: u32,
    opening: Throttle,
    losing: Throttle,
    failing: Throttle,
}

impl Default for LiveConnections {
    fn default() -> Self {
        Self {
            open: AtomicUsize::new(0),
            made: AtomicU64::new(0),
            failed: AtomicU64::new(0),
            link: Mutex::new(Told {
                link: Link::default(),
                since: Instant::now(),
                failed_in_a_row: 0,
                opening: Throttle::default(),
                losing: Throttle::default(),
                failing: Throttle::default(),
            }),
            last_error: ArcSwapOption::empty(),
            audience: None,
        }
    }
}

impl LiveConnections {
    /// Of a node, with those who are told.
    pub fn of(audience: Audience) -> Self {
        Self {
            audience: Some(audience),
            ..Self::default()
        }
    }

    /// Connections open now.
    pub fn open(&self) -> usize {
        self.open.load(Ordering::Acquire)
    }

    /// The state now, and since when.
    pub fn state(&self) -> (LinkState, Instant) {
        let told = self.told();
        (told.link.state(), told.since)
    }

    /// Connections ever made.
    pub fn made(&self) -> u64 {
        self.made.load(Ordering::Relaxed)
    }

    /// Attempts that failed.
    pub fn failed(&self) -> u64 {
        self.failed.load(Ordering::Relaxed)
    }

    /// Why the last attempt or call failed; nothing once a call succeeded since.
    pub fn last_error(&self) -> Option<Arc<String>> {
        self.last_error.load_full()
    }

    /// A call failed.
    pub fn call_failed(&self, why: &str) {
        // A peer may have written it.
        let why = shortened(why);
        let same = self.last_error.load();
        if same.as_ref().is_none_or(|last| last.as_str() != why) {
            self.last_error.store(Some(Arc::new(why.into_owned())));
        }
    }

    /// A call succeeded.
    pub fn call_succeeded(&self) {
        if self.last_error.load().is_some() {
            self.last_error.store(None);
        }
    }

    /// A connection is being made.
    pub(super) fn attempt(self: &Arc<Self>) -> Attempt {
        drop(self.step(Link::attempted));
        Attempt {
            live: self.clone(),
            ended: false,
        }
    }

    fn step(&self, step: impl FnOnce(&mut Link)) -> MutexGuard<'_, Told> {
        let mut told = self.told();
        let before = told.link.state();
        step(&mut told.link);
        if told.link.state() != before {
            told.since = Instant::now();
        }
        self.open.store(told.link.open(), Ordering::Release);
        told
    }

    fn told(&self) -> MutexGuard<'_, Told> {
        self.link.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn record(&self, level: Level, kind: Kind, message: String, count: u32) {
        if let Some(Audience { node, events, .. }) = &self.audience {
            let news = News::new(level, kind, message);
            events.record(news.of(node).times(count));
        }
    }

    /// The number of open connections changed by one.
    fn tell(&self, more: bool) {
        if let Some(Audience { gauge, changed, .. }) = &self.audience {
            gauge.add(if more { 1 } else { -1 });
            changed.notify_one();
        }
    }
}

/// A connection that is being made. Dropped, it was given up.
pub(super) struct Attempt {
    live: Arc<LiveConnections>,
    ended: bool,
}

impl Attempt {
    /// It is made: open until the result is dropped.
    pub(super) fn opened(mut self) -> Open {
        self.ended = true;
        let live = self.live.clone();
        live.made.fetch_add(1, Ordering::Relaxed);
        let tell = {
            let mut told = live.step(Link::opened);
            told.failed_in_a_row = 0;
            told.failing = Throttle::default();
            told.opening.tell(Instant::now(), "", REPEATS)
        };
        if let Some(count) = tell {
            live.record(Level::Info, Kind::ConnOpen, "connected".to_owned(), count);
        }
        live.tell(true);
        Open { live, why: None }
    }

    /// It could not be made.
    pub(super) fn failed(mut self, why: &std::io::Error) {
        self.ended = true;
        let live = &self.live;
        live.failed.fetch_add(1, Ordering::Relaxed);
        let message = format!("could not connect: {why}");
        live.call_failed(&message);
        let (told, in_a_row) = {
            let mut told = live.step(Link::failed);
            told.failed_in_a_row = told.failed_in_a_row.saturating_add(1);
            let tell = told.failing.tell(Instant::now(), &message, 1);
            (tell.is_some(), told.failed_in_a_row)
        };
        if told {
            live.record(Level::Warn, Kind::ConnFailed, message, in_a_row);
        }
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        if !self.ended {
            drop(self.live.step(Link::given_up));
        }
    }
}

/// One open connection.
pub(super) struct Open {
    live: Arc<LiveConnections>,
    why: Option<String>,
}

impl Open {
    /// The peer or the network ended it; the first reason holds.
    pub(super) fn ended(&mut self, why: impl FnOnce() -> String) {
        self.why.get_or_insert_with(why);
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        let (level, message) = match self.why.take() {
            Some(why) => (Level::Warn, format!("connection lost: {why}")),
            None => (Level::Info, "connection closed by this side".to_owned()),
        };
        let live = &self.live;
        let tell = {
            let mut told = live.step(Link::closed);
            told.losing.tell(Instant::now(), &message, REPEATS)
        };
        if let Some(count) = tell {
            live.record(level, Kind::ConnLost, message, count);
        }
        live.tell(false);
    }
}

#[cfg(test)]
mod tests;
