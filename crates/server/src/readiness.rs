//! Whether this instance should be sent work: a latch that says why not.
//!
//! It is not a health check of peers: once the set of nodes is known it stays
//! ready through outages of etcd, until it drains.

use tokio::sync::watch;

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
pub struct Readiness(watch::Sender<State>);

impl Readiness {
    /// Not ready, waiting for `what`.
    pub fn waiting(what: impl Into<String>) -> Self {
        Self(watch::Sender::new(State::Waiting(what.into())))
    }

    /// Says anew what is waited for; no effect once ready or draining.
    pub fn still_waiting(&self, what: impl Into<String>) {
        self.0.send_if_modified(|state| match state {
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
        self.0.send_if_modified(|state| match state {
            State::Waiting(_) => {
                *state = State::Ready;
                true
            }
            State::Ready | State::Draining => false,
        });
    }

    /// Not ready any more, for good.
    pub fn drain(&self) {
        self.0.send_replace(State::Draining);
    }

    /// The state now.
    pub fn state(&self) -> State {
        self.0.borrow().clone()
    }

    /// Follows the state.
    pub fn watch(&self) -> watch::Receiver<State> {
        self.0.subscribe()
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
