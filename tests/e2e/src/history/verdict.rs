//! What is wrong with a history.

use std::ops::Range;

use super::Push;

/// A client that was there and never got an acknowledged push.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lost {
    /// The push.
    pub push: Push,
    /// The client's name.
    pub client: String,
}

/// A client that got a push more than once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Doubled {
    /// The push.
    pub push: Push,
    /// The client's name.
    pub client: String,
    /// When it came, in Unix milliseconds.
    pub at_ms: Vec<u64>,
}

/// A receipt that can't be right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Miscounted {
    /// The push.
    pub push: Push,
    /// Why not.
    pub why: String,
}

/// A client got what was not for it, or what nobody sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Misdelivered {
    /// The push; nothing when no push has this data.
    pub push: Option<Push>,
    /// The client's name.
    pub client: String,
    /// What it got.
    pub data: String,
    /// When, in Unix milliseconds.
    pub at_ms: u64,
}

/// What the books say.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Verdict {
    /// All pushes.
    pub pushes: usize,
    /// Pushes whose call failed.
    pub failed: Vec<Push>,
    /// Acknowledged pushes that never reached a client that was there.
    pub lost: Vec<Lost>,
    /// Pushes that reached a client more than once.
    pub doubled: Vec<Doubled>,
    /// Receipts that can't be right.
    pub miscounted: Vec<Miscounted>,
    /// Pushes that reached someone else.
    pub misdelivered: Vec<Misdelivered>,
    /// Targets that came or went during a push, did not get it and are not judged.
    pub unsure: usize,
    /// Acknowledged pushes whose answer itself says that not all is well.
    pub incomplete: usize,
    /// Targets that were surely there and got their push: with none of them a clean verdict says
    /// nothing.
    pub received: usize,
}

/// What a test lets pass; nothing, if it does not say.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Allowed {
    /// Pushes whose call failed.
    pub failed: usize,
    /// Acknowledged pushes whose answer says that not all is well.
    pub incomplete: usize,
    /// Targets that came or went.
    pub unsure: usize,
    /// Fewer deliveries than this say nothing.
    pub least: usize,
}

impl Allowed {
    /// Whatever the answers own up to; nothing that they don't.
    pub const fn what_is_told(least: usize) -> Self {
        Self {
            failed: usize::MAX,
            incomplete: usize::MAX,
            unsure: usize::MAX,
            least,
        }
    }
}

/// A history that is not clean.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the history is not clean (allowed: {allowed:?})\n{verdict}")]
pub struct NotClean {
    /// What was found.
    pub verdict: Box<Verdict>,
    /// What was allowed.
    pub allowed: Allowed,
}

impl Verdict {
    /// Without what came twice because grpc itself sent it again in this time, in Unix milliseconds: it
    /// can't know whether a server that died had passed it on.
    #[must_use]
    pub fn but_for_copies_by_grpc(mut self, deaths: &Range<u64>) -> Self {
        self.doubled.retain(|Doubled { push, .. }| {
            let by_grpc = push.sends > 1;
            !by_grpc || push.ended_ms < deaths.start || push.sent_ms > deaths.end
        });
        self
    }

    /// Whether nothing is wrong beyond what is allowed.
    pub fn clean(self, allowed: Allowed) -> Result<Self, NotClean> {
        let right = self.lost.is_empty()
            && self.doubled.is_empty()
            && self.miscounted.is_empty()
            && self.misdelivered.is_empty();
        let within = self.failed.len() <= allowed.failed
            && self.incomplete <= allowed.incomplete
            && self.unsure <= allowed.unsure
            && self.received >= allowed.least;
        if right && within {
            return Ok(self);
        }
        Err(NotClean {
            verdict: Box::new(self),
            allowed,
        })
    }
}
