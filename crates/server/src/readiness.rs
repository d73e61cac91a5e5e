//! Whether this instance should be sent work: a latch that says why not.
//!
//! It is not a health check of peers: once the set of nodes is known it stays
//! ready through outages of etcd, until it drains.

use tokio::sync::watch;

use crate::events::{EventLog, Kind, Level, News};

/// Why not, or ready.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// Not yet, with what is waited for.
    Waiting(String),
    /// Work is welcome.
    Ready,
    /// On the way out.
    Draining,
}

impl State {
    /// A sentence when not ready.
    pub fn why_not(&self) -> Option<String> {
        match self {
            State::Waiting(what) => Some(what.clone()),
            State::Ready => None,
            State::Draining => Some("draining: this instance is shutting down".to_owned()),
        }
    }
}

/// The latch. Clones share it.
#[derive(Clone, Debug)]
pub struct Readiness {
    state: watch::Sender<State>,
    events: Option<EventLog>,
}

impl Readiness {
    /// Not ready, waiting for `what`.
    pub fn waiting(what: impl Into<String>) -> Self {
        Self {
            state: watch::Sender::new(State::Waiting(what.into())),
            events: None,
        }
    }

    /// Tells in `events` when this instance is ready, and when it drains.
    #[must_use]
    pub fn telling(mut self, events: EventLog) -> Self {
        self.events = Some(events);
        self
    }

    /// Says anew what is waited for; no effect once ready or draining.
    pub fn still_waiting(&self, what: impl Into<String>) {
        self.state.send_if_modified(|state| match state {
            State::Waiting(old) => {
                let new = what.into();
                let changed = *old != new;
                *old = new;
                changed
            }
            State::Ready | State::Draining => false,
        });
    }

    /// Ready, unless draining has begun.
    pub fn ready(&self) {
        let became = self.state.send_if_modified(|state| match state {
            State::Waiting(_) => {
                *state = State::Ready;
                true
            }
            State::Ready | State::Draining => false,
        });
        if became {
            self.tell(Kind::ServerReady, "serving: the set of nodes is known");
        }
    }

    /// Not ready any more, for good.
    pub fn drain(&self) {
        if self.state.send_replace(State::Draining) != State::Draining {
            self.tell(Kind::ServerDraining, "shutting down");
        }
    }

    fn tell(&self, kind: Kind, message: &str) {
        if let Some(events) = &self.events {
            events.record(News::new(Level::Info, kind, message));
        }
    }

    /// The state now.
    pub fn state(&self) -> State {
        self.state.borrow().clone()
    }

    /// Follows the state.
    pub fn watch(&self) -> watch::Receiver<State> {
        self.state.subscribe()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ready_stays_until_drained_and_drained_stays() {
        let latch = Readiness::waiting("etcd");
        assert_eq!(latch.state().why_not().as_deref(), Some("etcd"));
        latch.ready();
        latch.still_waiting("etcd again");
        assert_eq!(latch.state(), State::Ready);
        latch.drain();
        latch.ready();
        assert_eq!(latch.state(), State::Draining);
    }
}
