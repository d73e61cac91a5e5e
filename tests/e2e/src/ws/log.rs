//! What clients note, in bounded memory.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{SystemTime, UNIX_EPOCH},
};

use super::ClientSpec;
use crate::history::{Client, Interval, Received};

/// Pushes kept of one client. A run that brings more must be shorter, or slower:
/// books with pages torn out prove nothing.
pub const FRAMES_PER_CLIENT: usize = 200_000;

/// A client got more than is kept.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("client {client} got more than {FRAMES_PER_CLIENT} pushes, which is all that is kept")]
pub struct Overflow {
    /// The client's name.
    pub client: String,
}

/// The clients' part of a history.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Log {
    /// Who was there when.
    pub clients: Vec<Client>,
    /// What they got.
    pub received: Vec<Received>,
}

/// What one client noted.
#[derive(Debug)]
pub(super) struct Notes {
    client: Client,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    past: Vec<Interval>,
    /// The join and the last sign of life, while connected.
    now: Option<Interval>,
    pushes: Vec<(u64, Box<str>)>,
    overflown: bool,
    trouble: String,
}

impl Notes {
    pub(super) fn new(spec: &ClientSpec) -> Self {
        let ClientSpec {
            name,
            user,
            rooms,
            nodes: _,
        } = spec.clone();
        let client = Client {
            name,
            user,
            rooms,
            present: Vec::new(),
        };
        Self {
            client,
            state: Mutex::default(),
        }
    }

    pub(super) fn name(&self) -> &str {
        &self.client.name
    }

    pub(super) fn joined(&self) {
        let now = now_ms();
        self.state().now = Some(Interval {
            from_ms: now,
            until_ms: now,
        });
    }

    pub(super) fn alive(&self) {
        if let Some(now) = &mut self.state().now {
            now.until_ms = now_ms();
        }
    }

    /// The connection ended, or never came about.
    pub(super) fn ended(&self, why: String) {
        let mut state = self.state();
        if let Some(was) = state.now.take() {
            state.past.push(was);
        }
        state.trouble = why;
    }

    pub(super) fn push(&self, data: &str) {
        let mut state = self.state();
        if state.pushes.len() < FRAMES_PER_CLIENT {
            state.pushes.push((now_ms(), data.into()));
        } else {
            state.overflown = true;
        }
    }

    pub(super) fn is_present(&self) -> bool {
        self.state().now.is_some()
    }

    pub(super) fn joins(&self) -> usize {
        let state = self.state();
        state.past.len() + usize::from(state.now.is_some())
    }

    pub(super) fn has(&self, data: &str) -> bool {
        let state = self.state();
        state.pushes.iter().any(|(_, own)| **own == *data)
    }

    pub(super) fn trouble(&self) -> String {
        self.state().trouble.clone()
    }

    fn write(&self, log: &mut Log) -> Result<(), Overflow> {
        let state = self.state();
        let mut client = self.client.clone();
        if state.overflown {
            return Err(Overflow {
                client: client.name,
            });
        }
        client.present.clone_from(&state.past);
        client.present.extend(state.now);
        let received = state.pushes.iter().map(|(at_ms, data)| Received {
            client: client.name.clone(),
            user: client.user.clone(),
            rooms: client.rooms.clone(),
            data: String::from(&**data),
            at_ms: *at_ms,
        });
        log.received.extend(received);
        log.clients.push(client);
        Ok(())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(super) fn gather(notes: &[Arc<Notes>]) -> Result<Log, Overflow> {
    let mut log = Log::default();
    for one in notes {
        one.write(&mut log)?;
    }
    Ok(log)
}

/// The wall clock, which callers' times are in too.
fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| {
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_than_is_kept_spoils_the_whole_log() {
        let spec = ClientSpec {
            name: "ann-1".to_owned(),
            user: "ann".to_owned(),
            rooms: Vec::new(),
            nodes: Vec::new(),
        };
        let notes = [Arc::new(Notes::new(&spec))];
        for _ in 0..FRAMES_PER_CLIENT {
            notes[0].push("");
        }
        assert_eq!(gather(&notes).unwrap().received.len(), FRAMES_PER_CLIENT);
        notes[0].push("");
        let client = "ann-1".to_owned();
        assert_eq!(gather(&notes), Err(Overflow { client }));
    }
}
