//! WebSocket clients of Connect-Nodes that log what they get, and come back when cut.
//!
//! What the log means is left to [`History`](crate::history::History).

mod log;
mod session;

use std::{sync::Arc, time::Duration};

use tokio::time::{Instant, sleep};
use tokio_util::{
    sync::{CancellationToken, DropGuard},
    task::TaskTracker,
};

use self::log::Notes;
pub use self::log::{FRAMES_PER_CLIENT, Log, Overflow};

/// Between two looks at who is there.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// A client to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientSpec {
    /// Tells it from the others.
    pub name: String,
    /// The user.
    pub user: String,
    /// The rooms it joins.
    pub rooms: Vec<String>,
    /// The nodes that it tries in turn, each `host:port`.
    pub nodes: Vec<String>,
}

/// Clients that stay connected until this is dropped or stopped.
#[derive(Debug)]
pub struct Clients {
    notes: Vec<Arc<Notes>>,
    tasks: TaskTracker,
    stop: DropGuard,
}

/// Clients were not there in time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{absent} of {all} clients were not connected within {within:?}, such as {example}: {why}")]
pub struct Absent {
    /// How many.
    pub absent: usize,
    /// Of how many.
    pub all: usize,
    /// The time they had.
    pub within: Duration,
    /// The name of one.
    pub example: String,
    /// What its last attempt ended with.
    pub why: String,
}

impl Clients {
    /// Starts all of them; [`Clients::all_present`] waits until they are there.
    pub fn start(specs: Vec<ClientSpec>) -> Self {
        let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
        let start = |spec: ClientSpec| {
            let notes = Arc::new(Notes::new(&spec));
            let stay = session::stay(spec, notes.clone());
            let stop = stop.clone();
            tasks.spawn(async move { stop.run_until_cancelled(stay).await });
            notes
        };
        Self {
            notes: specs.into_iter().map(start).collect(),
            stop: stop.drop_guard(),
            tasks,
        }
    }

    /// How many are connected and known right now.
    pub fn present(&self) -> usize {
        self.notes.iter().filter(|notes| notes.is_present()).count()
    }

    /// How often clients were there, over all: more than there are clients once some came back.
    pub fn joins(&self) -> usize {
        self.notes.iter().map(|notes| notes.joins()).sum()
    }

    /// Waits until all are there at once.
    pub async fn all_present(&self, within: Duration) -> Result<(), Absent> {
        let deadline = Instant::now() + within;
        loop {
            let mut absent = self.notes.iter().filter(|notes| !notes.is_present());
            let Some(first) = absent.next() else {
                return Ok(());
            };
            if Instant::now() >= deadline {
                return Err(Absent {
                    absent: 1 + absent.count(),
                    all: self.notes.len(),
                    within,
                    example: first.name().to_owned(),
                    why: first.trouble(),
                });
            }
            sleep(LOOK_EVERY).await;
        }
    }

    /// Waits until a client got `data`; false when it did not in time.
    pub async fn got(&self, client: &str, data: &str, within: Duration) -> bool {
        let has = || {
            let mut all = self.notes.iter();
            all.any(|notes| notes.name() == client && notes.has(data))
        };
        let deadline = Instant::now() + within;
        while !has() {
            if Instant::now() >= deadline {
                return false;
            }
            sleep(LOOK_EVERY).await;
        }
        true
    }

    /// What was logged so far. Who is there now is present up to the
    /// last sign of life.
    pub fn log(&self) -> Result<Log, Overflow> {
        log::gather(&self.notes)
    }

    /// Ends the connections and gives the log.
    pub async fn stop(self) -> Result<Log, Overflow> {
        let log = self.log();
        drop(self.stop);
        self.tasks.close();
        self.tasks.wait().await;
        log
    }
}
