//! What happened lately, for operators: the last events, each with a number of
//! its own, and what operators did for longer than the rest. Logs tell the same to others; nothing here is written
//! while a push is carried out.

mod kind;
mod ring;
mod throttle;

use std::{
    borrow::Cow,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::SystemTime,
};

use tokio::{sync::watch, time::Instant};

use self::ring::Ring;
pub use self::{
    kind::{Kind, Level},
    ring::{MOST_ACTS, MOST_KEPT},
    throttle::{Throttle, Throttles},
};
use crate::{clock::Epoch, ids::NodeId};

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
    ring: Arc<Mutex<Ring>>,
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
        ring.push(Arc::new(Entry {
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
    /// how many between them are kept no more.
    pub fn after(&self, seq: u64, limit: usize) -> (Vec<Arc<Entry>>, u64) {
        let found = self.ring().after(seq, limit);
        let last = found.last().map_or(seq, |entry| entry.seq);
        let missed = (last - seq).saturating_sub(found.len() as u64);
        (found, missed)
    }

    /// The number of the latest event that is kept no more; 0 while all are.
    pub fn gone_to(&self) -> u64 {
        self.ring().gone_to()
    }

    /// The number of the latest event, as it grows.
    pub fn watch(&self) -> watch::Receiver<u64> {
        self.newest.subscribe()
    }

    /// The latest events about a node that came after number `seq`, oldest first.
    pub fn about(&self, node: &NodeId, seq: u64, limit: usize) -> Vec<Arc<Entry>> {
        self.ring().about(node, seq, limit)
    }

    fn ring(&self) -> MutexGuard<'_, Ring> {
        self.ring.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Cuts what a peer may have written, to 512 bytes.
pub fn shorten(message: &mut String) {
    if let Cow::Owned(short) = shortened(message) {
        *message = short;
    }
}

/// The same text, or the first 512 bytes of it.
pub fn shortened(text: &str) -> Cow<'_, str> {
    const MORE: &str = "…";
    if text.len() <= LONGEST_MESSAGE {
        return text.into();
    }
    let most = text.floor_char_boundary(LONGEST_MESSAGE - MORE.len());
    Cow::Owned([&text[..most], MORE].concat())
}

#[cfg(test)]
mod tests;
