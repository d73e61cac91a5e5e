//! One replica as its frames tell it: rows of nodes, RPCs and itself, and how fresh they are.
//!
//! Pure: frames in, state out. Merging replicas is [`crate::fleet`]'s; connecting is [`crate::feed`]'s.

use std::{fmt, time::Duration};

use push_manager_proto::admin::{GetInfoResponse, ReplicaRow};

use crate::moment::Moment;

/// Nothing heard for so many of its intervals: stale.
pub const STALE_AFTER_INTERVALS: u32 = 3;
/// Nothing heard for so long: the link is made anew.
pub const SILENT_FOR: Duration = Duration::from_secs(10);

/// Names a replica within the console: its place in the order in which targets were met.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ReplicaId(pub u32);

impl fmt::Display for ReplicaId {
    /// a, b, … z, aa, ab, …
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut letters = Vec::new();
        let mut rest = u64::from(self.0) + 1;
        while rest > 0 {
            rest -= 1;
            letters.push(b'a' + (rest % 26) as u8);
            rest /= 26;
        }
        letters
            .iter()
            .rev()
            .try_for_each(|letter| write!(f, "{}", *letter as char))
    }
}

/// The link to a replica.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Link {
    /// Being made.
    Connecting,
    /// A stream is open. Whether frames come is [`Freshness`].
    Live,
    /// Lost; tried again by itself.
    Retrying {
        /// Why it was lost.
        why: String,
        /// When it is tried again.
        again_at: Moment,
    },
    /// Refused for good: other credentials are needed.
    Refused {
        /// The replica's word.
        why: String,
    },
    /// The target is no longer among those asked for.
    Gone,
}

/// How far a replica's figures may be believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Freshness {
    /// Heard within three intervals.
    Live,
    /// A stream is open, but silent for longer than that.
    Stale,
    /// No stream is open; what is known is from before. Also: nothing was ever known.
    Down,
}

/// A replica as the console knows it.
#[derive(Clone, Debug)]
pub struct Replica {
    id: ReplicaId,
    name: String,
    link: Link,
    info: Option<Box<GetInfoResponse>>,
    row: Option<Box<ReplicaRow>>,
}

impl Replica {
    /// Its place.
    pub fn id(&self) -> ReplicaId {
        self.id
    }

    /// As it was asked for: an address, or a pod's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The link to it.
    pub fn link(&self) -> &Link {
        &self.link
    }

    /// Its own description.
    pub fn info(&self) -> Option<&GetInfoResponse> {
        self.info.as_deref()
    }

    /// Its own row.
    pub fn row(&self) -> Option<&ReplicaRow> {
        self.row.as_deref()
    }

    /// How far its figures may be believed.
    pub fn freshness(&self, _now: Moment) -> Freshness {
        Freshness::Down
    }

    /// Time since its last frame.
    pub fn age(&self, _now: Moment) -> Option<Duration> {
        None
    }

    /// Its epoch, once a frame came.
    pub fn epoch(&self) -> Option<u64> {
        None
    }

    /// The state that its frames have led to.
    pub fn seq(&self) -> u64 {
        0
    }

    /// Intervals that its connection had no room for, since the link was made.
    pub fn coalesced(&self) -> u64 {
        0
    }

    /// Events that left its ring before they could be sent.
    pub fn events_missed(&self) -> u64 {
        0
    }

    /// Nodes that it knows.
    pub fn node_count(&self) -> usize {
        0
    }

    /// Pushes a second by its last two frames; kept when it goes stale.
    pub fn push_rate(&self) -> Option<f64> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replicas_are_lettered_like_columns() {
        let letters = [0, 1, 25, 26, 27, 701, 702].map(|id| ReplicaId(id).to_string());
        assert_eq!(letters, ["a", "b", "z", "aa", "ab", "zz", "aaa"]);
    }
}
