//! What happened lately, for operators: a ring of the last events, each with a
//! number of its own. Logs tell the same to others; nothing here is written
//! while a push is carried out.

mod kind;
mod throttle;

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::SystemTime,
};

use tokio::{sync::watch, time::Instant};

pub use self::{
    kind::{Kind, Level},
    throttle::Throttle,
};
use crate::{clock::Epoch, ids::NodeId};

/// Events kept.
pub const MOST_KEPT: usize = 4096;
/// Longest message, in bytes: peers write parts of it.
const LONGEST_MESSAGE: usize = 512;

/// What is to be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct News {
    /// How grave.
    pub level: Level,
    /// What.
    pub kind: Kind,
    /// The node that it is about, if any.
    pub node: Option<NodeId>,
    /// In a sentence.
    pub message: String,
    /// Times that it happened in a row; this tells of the latest.
    pub count: u32,
    /// Who acted, of an audit event.
    pub actor: Option<String>,
}

impl News {
    /// Something that happened once, about no node, by nobody.
    pub fn new(level: Level, kind: Kind, message: impl Into<String>) -> Self {
        Self {
            level,
            kind,
            node: None,
            message: message.into(),
            count: 1,
            actor: None,
        }
    }

    /// About a node.
    #[must_use]
    pub fn of(mut self, node: &NodeId) -> Self {
        self.node = Some(node.clone());
        self
    }

    /// So many times in a row.
    #[must_use]
    pub fn times(mut self, count: u32) -> Self {
        self.count = count;
        self
    }

    /// Done by someone.
    #[must_use]
    pub fn by(mut self, actor: impl Into<String>) -> Self {
        self.actor = Some(actor.into());
        self
    }
}

/// An event as it is kept.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Grows by one with each event, from 1.
    pub seq: u64,
    /// When, by the wall clock.
    pub at: SystemTime,
    /// When, as the epoch's stamp.
    pub ns: u64,
    /// What.
    pub news: News,
}

/// The ring. Clones share it.
#[derive(Clone, Debug)]
pub struct EventLog {
    epoch: Epoch,
    ring: Arc<Mutex<VecDeque<Arc<Entry>>>>,
    newest: watch::Sender<u64>,
}

impl EventLog {
    /// Nothing happened yet.
    pub fn new(epoch: Epoch) -> Self {
        Self {
            epoch,
            ring: Arc::default(),
            newest: watch::Sender::new(0),
        }
    }

    /// The start that its numbers belong to.
    pub fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// Keeps an event, and gives its number.
    pub fn record(&self, mut news: News) -> u64 {
        shorten(&mut news.message);
        let mut ring = self.ring();
        let seq = *self.newest.borrow() + 1;
        if ring.len() == MOST_KEPT {
            ring.pop_front();
        }
        ring.push_back(Arc::new(Entry {
            seq,
            at: SystemTime::now(),
            ns: self.epoch.ns(Instant::now()),
            news,
        }));
        // Under the lock, so that numbers are given in the order of the ring.
        self.newest.send_replace(seq);
        seq
    }

    /// The number of the latest event; 0 before the first.
    pub fn newest_seq(&self) -> u64 {
        *self.newest.borrow()
    }

    /// At most `limit` events after the one with number `seq`, oldest first, and
    /// how many in between have left the ring.
    pub fn after(&self, seq: u64, limit: usize) -> (Vec<Arc<Entry>>, u64) {
        let ring = self.ring();
        let Some(oldest) = ring.front().map(|entry| entry.seq) else {
            return (Vec::new(), 0);
        };
        let next = seq.saturating_add(1);
        let known = usize::try_from(next.saturating_sub(oldest)).unwrap_or(usize::MAX);
        let found = ring.iter().skip(known).take(limit).cloned().collect();
        (found, oldest.saturating_sub(next))
    }

    /// The number of the latest event, as it grows.
    pub fn watch(&self) -> watch::Receiver<u64> {
        self.newest.subscribe()
    }

    /// The latest events about a node, oldest first.
    pub fn about(&self, node: &NodeId, limit: usize) -> Vec<Arc<Entry>> {
        let ring = self.ring();
        let latest = ring.iter().rev();
        let about = latest.filter(|entry| entry.news.node.as_ref() == Some(node));
        let mut found: Vec<_> = about.take(limit).cloned().collect();
        found.reverse();
        found
    }

    fn ring(&self) -> MutexGuard<'_, VecDeque<Arc<Entry>>> {
        self.ring.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn shorten(message: &mut String) {
    if message.len() > LONGEST_MESSAGE {
        message.truncate(message.floor_char_boundary(LONGEST_MESSAGE));
        message.push('…');
    }
}

#[cfg(test)]
mod tests;
