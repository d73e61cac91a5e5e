//! What was pushed and what arrived, and whether the two agree. Pure.
//!
//! Everyone who can receive a push of the run must be among the clients:
//! a stranger's delivery would look like a count too high.

mod check;
mod people;
mod push;
mod reach;
mod shown;
mod verdict;

#[cfg(test)]
mod build;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;

use std::{collections::HashSet, time::Duration};

pub use push::{Line, Push, Summary, Target};
pub use verdict::{Allowed, Doubled, Lost, Miscounted, Misdelivered, NotClean, Verdict};

/// What happens closer than this to a client's coming or going may fall on either
/// side: the node and the client learn of it at different times.
pub const MARGIN: Duration = Duration::from_secs(1);

/// A time during which a client was connected and known, in Unix milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Interval {
    /// The join was confirmed.
    pub from_ms: u64,
    /// The last sign of life.
    pub until_ms: u64,
}

/// Someone with a WebSocket, through all its connections.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Client {
    /// Tells the clients apart; several may belong to one user.
    pub name: String,
    /// The user it belongs to.
    pub user: String,
    /// The rooms that it is in whenever it is connected.
    pub rooms: Vec<String>,
    /// When it was there, in order.
    pub present: Vec<Interval>,
}

/// One push as one client got it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Received {
    /// The client's name.
    pub client: String,
    /// Its user.
    pub user: String,
    /// Its rooms.
    pub rooms: Vec<String>,
    /// What tells the push from others.
    pub data: String,
    /// When, in Unix milliseconds.
    pub at_ms: u64,
}

/// All that was pushed and received in a run.
#[derive(Debug, Clone, Default)]
pub struct History {
    /// The pushes; no two with the same data.
    pub pushes: Vec<Push>,
    /// Everyone who may receive.
    pub clients: Vec<Client>,
    /// What they received.
    pub received: Vec<Received>,
}

impl History {
    /// Judges every push, with [`MARGIN`].
    pub fn check(&self) -> Verdict {
        self.check_with(MARGIN)
    }

    /// Judges every push. A client is judged that was there from `margin` before a
    /// push was sent until `margin` after it ended.
    pub fn check_with(&self, margin: Duration) -> Verdict {
        check::check(self, margin)
    }

    /// What was pushed from then on, in Unix milliseconds.
    #[must_use]
    pub fn since(&self, from_ms: u64) -> Self {
        let (later, earlier) = self
            .pushes
            .iter()
            .cloned()
            .partition::<Vec<_>, _>(|push| push.sent_ms >= from_ms);
        let earlier: HashSet<&str> = earlier.iter().map(|push| push.data.as_str()).collect();
        let received = self.received.iter();
        let received = received.filter(|one| !earlier.contains(one.data.as_str()));
        Self {
            pushes: later,
            clients: self.clients.clone(),
            received: received.cloned().collect(),
        }
    }
}
