//! Where replicas come from, and what they say: each link is a task of its own that connects, follows
//! the stream, backs off and resubscribes; all of them send [`FeedEvent`]s into one bounded queue.
//!
//! Nothing here knows the screen. A full queue makes a link stop reading, and the replica then sends
//! the latest state later: nothing is lost by it.

mod address;
mod aside;
mod backoff;
mod board;
mod dial;
pub mod etcd;
mod heard;
pub mod kube;
mod link;
mod looking;
pub mod replay;
mod token;

use push_manager_proto::admin::{GetInfoResponse, WatchResponse};
use tokio::time::Instant;

pub use self::{
    address::{ADMIN_PORT, Address, NoAddress},
    aside::{Aside, Look},
    board::{Board, Target},
    dial::{Dial, Stream},
    link::{last_cause, status_words},
    token::{Token, TokenError},
};

use crate::{
    moment::Moment,
    replica::{Link, ReplicaId},
};

/// Events that may wait for the console.
pub const FEED_QUEUE: usize = 256;

/// Something that a link learnt.
#[derive(Clone, Debug, PartialEq)]
pub struct FeedEvent {
    /// Which replica.
    pub replica: ReplicaId,
    /// When the console learnt it.
    pub at: Moment,
    /// What.
    pub what: Learnt,
}

/// What a link learnt.
#[derive(Clone, Debug, PartialEq)]
pub enum Learnt {
    /// A replica is asked for under this name: an address, or a pod's name.
    Target(String),
    /// The replica described itself.
    Info(Box<GetInfoResponse>),
    /// A frame came.
    Frame(Box<WatchResponse>),
    /// The link's state changed.
    Link(Link),
    /// Something beside the state.
    Aside(Aside),
}

impl FeedEvent {
    /// Whether it belongs to the state, which is recorded and can be stepped back through.
    pub fn is_state(&self) -> bool {
        !matches!(self.what, Learnt::Aside(_))
    }
}

/// The console's time, for those who tell when they learnt something.
#[derive(Clone, Copy, Debug)]
pub struct FeedClock(Instant);

impl FeedClock {
    /// Begins now.
    pub fn begin() -> Self {
        Self(Instant::now())
    }

    /// The time since.
    pub fn now(&self) -> Moment {
        Moment::after(self.0.elapsed())
    }
}
