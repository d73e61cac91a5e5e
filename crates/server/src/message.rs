//! A push as it walks inwards: validated at the edge by [`crate::api`] and
//! never validated again.

use std::collections::HashSet;

use bytes::Bytes;
use tokio::time::Instant;

use crate::ids::{PushId, RoomId, UserId};
use crate::trace::TraceContext;

/// One accepted push.
#[derive(Clone, Debug)]
pub struct Push {
    /// Its id.
    pub id: PushId,
    /// For whom.
    pub target: Target,
    /// What to deliver: an encoded `pubsub.MessageContent`, shared by all calls.
    pub content: Bytes,
    /// When it came.
    pub began: Instant,
    /// When the answer is due; nothing is tried after it.
    pub deadline: Instant,
    /// The caller's trace.
    pub trace: TraceContext,
}

/// For whom a push is.
#[derive(Clone, Debug)]
pub enum Target {
    /// Everyone in a room but the excluded.
    Room {
        /// The room.
        room: RoomId,
        /// Who is left out.
        exclude: HashSet<UserId>,
    },
    /// One user on all devices.
    User(UserId),
    /// Everyone online.
    Everyone,
}

impl Target {
    /// The RPC that asked for it: a metric label and span name.
    pub fn api(&self) -> &'static str {
        match self {
            Target::Room { .. } => "PushToRoom",
            Target::User(_) => "PushToUser",
            Target::Everyone => "BroadcastMessage",
        }
    }
}
