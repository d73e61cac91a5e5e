//! Calls to nodes: a lane (bounded queue and its task) per node, so that a slow
//! or dead node fills only its own lane.
//!
//! Whom to call is decided in [`crate::routing`]; what a verdict means for the
//! push is decided in [`crate::pipeline`].

mod failures;
mod flight;
mod lane;
mod retry;
mod unary;
mod verdict;

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use dashmap::DashMap;
use tokio::time::Instant;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use self::lane::{Lane, Ticket};
pub use self::{
    failures::FailureLog,
    retry::{Attempt, Policy},
    verdict::{Ending, Verdict},
};
use crate::{
    ids::{RoomId, UserId},
    outcome::{Outcome, Reason},
    pool::Node,
    trace::TraceContext,
};

/// The limits of each lane.
#[derive(Clone, Copy, Debug)]
pub struct DeliverySettings {
    /// Most calls in flight to one node.
    pub concurrency: usize,
    /// Most calls waiting for one node.
    pub queue_items: usize,
    /// Most bytes waiting for one node.
    pub queue_bytes: usize,
    /// How long calls in flight go on after their node left.
    pub close_grace: Duration,
    /// When a call is tried again.
    pub policy: Policy,
}

/// Whom a call addresses.
#[derive(Clone, Debug)]
pub enum Audience {
    /// One user.
    One(UserId),
    /// These users.
    Named(Arc<[UserId]>),
    /// All that the node has of the call's room.
    Room,
    /// All that the node has.
    Everyone,
}

/// One call to a node.
#[derive(Clone, Debug)]
pub struct Call {
    /// Whom.
    pub audience: Audience,
    /// The room, when known.
    pub room: Option<RoomId>,
    /// What to deliver: an encoded `pubsub.MessageContent`.
    pub content: Bytes,
    /// When its word is due.
    pub deadline: Instant,
    /// The caller's trace.
    pub trace: TraceContext,
    /// Span of the push.
    pub span: tracing::Span,
}

impl Call {
    /// What it holds in memory, roughly, in bytes: its users and its share of the content.
    fn bytes(&self) -> usize {
        let users: usize = match &self.audience {
            Audience::One(user) => user.as_str().len(),
            Audience::Named(users) => users.iter().map(|user| user.as_str().len() + 16).sum(),
            Audience::Room | Audience::Everyone => 0,
        };
        users + self.content.len() + size_of::<Self>()
    }
}

/// The lanes of all nodes.
#[derive(Clone, Debug)]
pub struct Delivery {
    settings: DeliverySettings,
    cut: CancellationToken,
    lanes: Arc<DashMap<u64, Arc<Lane>>>,
    tracker: TaskTracker,
}

impl Delivery {
    /// No lanes yet: each is made with the first call to its node. Once `cut`, calls in flight
    /// end without the node's word.
    pub fn new(settings: DeliverySettings, tracker: TaskTracker, cut: CancellationToken) -> Self {
        Self {
            settings,
            cut,
            lanes: Arc::default(),
            tracker,
        }
    }

    /// Queues a call. The queue is left again when the result is dropped
    /// before the call's turn.
    pub fn enqueue(&self, node: &Arc<Node>, call: Call) -> Queued {
        let deadline = call.deadline;
        Queued {
            deadline,
            ticket: self.lane(node).enqueue(call),
        }
    }

    fn lane(&self, node: &Arc<Node>) -> Arc<Lane> {
        let made = self.lanes.entry(node.serial()).or_insert_with(|| {
            let lane = Arc::new(Lane::new(node.clone(), self.settings, self.cut.clone()));
            let (running, lanes, serial) = (lane.clone(), self.lanes.clone(), node.serial());
            self.tracker.spawn(async move {
                running.run().await;
                lanes.remove(&serial);
            });
            lane
        });
        made.clone()
    }
}

/// A call in its node's queue, or refused there.
#[derive(Debug)]
pub struct Queued {
    deadline: Instant,
    ticket: Result<Ticket, Reason>,
}

impl Queued {
    /// The verdict, which comes by the call's deadline.
    pub async fn verdict(self) -> Verdict {
        match self.ticket {
            Ok(ticket) => ticket.verdict(self.deadline).await,
            Err(reason) => Verdict::failed(outcome_of_refusal(reason), reason, ""),
        }
    }
}

fn outcome_of_refusal(reason: Reason) -> Outcome {
    if reason == Reason::QueueFull {
        Outcome::QueueFull
    } else {
        Outcome::NodeGone
    }
}
