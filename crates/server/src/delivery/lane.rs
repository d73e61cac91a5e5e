//! A node's lane: calls wait here, bounded in number and bytes, until the
//! node has room for another call in flight.

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU8, AtomicUsize, Ordering},
    },
};

use futures::{StreamExt, stream::FuturesUnordered};
use tokio::{
    sync::{Notify, oneshot},
    time::Instant,
};
use tokio_util::sync::CancellationToken;

use super::{Call, DeliverySettings, Verdict, unary};
use crate::{
    outcome::{Outcome, Reason},
    pool::Node,
};

/// A queue and what drains it.
#[derive(Debug)]
pub(super) struct Lane {
    node: Arc<Node>,
    settings: DeliverySettings,
    cut: CancellationToken,
    queue: Mutex<Queue>,
    /// About how many calls in the queue nobody waits for any more.
    given_up: Arc<AtomicUsize>,
    wake: Notify,
}

#[derive(Debug, Default)]
struct Queue {
    items: VecDeque<Item>,
    bytes: usize,
    closed: bool,
}

#[derive(Debug)]
struct Item {
    call: Call,
    bytes: usize,
    state: Arc<State>,
    answer: oneshot::Sender<Verdict>,
}

/// Whether a call still waits; decides who tells its verdict.
#[derive(Debug)]
struct State(AtomicU8);

const WAITING: u8 = 0;
const TAKEN: u8 = 1;
const GIVEN_UP: u8 = 2;

impl State {
    /// Moves from waiting to `to`; false when somebody else was first.
    fn leave_waiting(&self, to: u8) -> bool {
        self.0
            .compare_exchange(WAITING, to, Ordering::AcqRel, Ordering::Acquire)
            .is_ok()
    }

    fn is_waiting(&self) -> bool {
        self.0.load(Ordering::Acquire) == WAITING
    }
}

/// The claim to a queued call's verdict. Dropping it gives the call up, if it
/// still waits.
#[derive(Debug)]
pub(super) struct Ticket {
    state: Arc<State>,
    answer: oneshot::Receiver<Verdict>,
    given_up: Arc<AtomicUsize>,
}

impl Ticket {
    /// The verdict: the lane's, or at `deadline` that the turn never came.
    pub(super) async fn verdict(mut self, deadline: Instant) -> Verdict {
        if let Ok(answer) = tokio::time::timeout_at(deadline, &mut self.answer).await {
            return answer.unwrap_or_else(|_| left());
        }
        if self.give_up() {
            return Verdict::failed(Outcome::Expired, Reason::WaitedTooLong, "");
        }
        // In flight: its own deadline is the same, so its verdict is about to come.
        (&mut self.answer).await.unwrap_or_else(|_| left())
    }
}

impl Ticket {
    /// False when the call's turn has come already.
    fn give_up(&self) -> bool {
        let given_up = self.state.leave_waiting(GIVEN_UP);
        if given_up {
            self.given_up.fetch_add(1, Ordering::Relaxed);
        }
        given_up
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.give_up();
    }
}

fn left() -> Verdict {
    Verdict::failed(Outcome::Unknown, Reason::NodeLeft, "")
}

impl Lane {
    pub(super) fn new(node: Arc<Node>, settings: DeliverySettings, cut: CancellationToken) -> Self {
        Self {
            node,
            settings,
            cut,
            queue: Mutex::default(),
            given_up: Arc::default(),
            wake: Notify::new(),
        }
    }

    /// Takes a call in, or says why not.
    pub(super) fn enqueue(&self, call: Call) -> Result<Ticket, Reason> {
        let bytes = call.bytes();
        let mut queue = self.queue();
        if queue.closed || self.node.left().is_cancelled() {
            return Err(Reason::NodeLeft);
        }
        // A scan costs as much as the queue is long, so it must free a good part of it.
        let given_up = self.given_up.load(Ordering::Relaxed);
        if !self.has_room(&queue, bytes) && given_up > queue.items.len() / 8 {
            queue.forget_given_up();
            self.given_up.store(0, Ordering::Relaxed);
            self.show(&queue);
        }
        if !self.has_room(&queue, bytes) {
            return Err(Reason::QueueFull);
        }
        let state = Arc::new(State(AtomicU8::new(WAITING)));
        let (sender, answer) = oneshot::channel();
        queue.bytes += bytes;
        queue.items.push_back(Item {
            call,
            bytes,
            state: state.clone(),
            answer: sender,
        });
        self.show(&queue);
        drop(queue);
        self.wake.notify_one();
        Ok(Ticket {
            state,
            answer,
            given_up: self.given_up.clone(),
        })
    }

    /// Drains the queue until the node leaves; what waits then ends `node_gone`,
    /// what is in flight gets its grace.
    pub(super) async fn run(&self) {
        let mut in_flight = FuturesUnordered::new();
        let left = self.node.left();
        loop {
            while in_flight.len() < self.settings.concurrency
                && let Some(item) = self.take()
            {
                in_flight.push(self.carry_out(item));
            }
            let has_slot = in_flight.len() < self.settings.concurrency;
            tokio::select! {
                () = left.cancelled() => break,
                Some(()) = in_flight.next(), if !in_flight.is_empty() => {}
                () = self.wake.notified(), if has_slot => {}
            }
        }
        self.close();
        let grace = Instant::now() + self.settings.close_grace;
        let finish = async { while in_flight.next().await.is_some() {} };
        // A call that outlives its grace is dropped, which its ticket reports.
        drop(tokio::time::timeout_at(grace, finish).await);
    }

    async fn carry_out(&self, item: Item) {
        let calling = unary::call(&self.node, &item.call, self.settings.policy);
        let verdict = self.cut.run_until_cancelled(calling).await;
        let verdict =
            verdict.unwrap_or_else(|| Verdict::failed(Outcome::Unknown, Reason::ShutDown, ""));
        // Nobody may be waiting any more.
        drop(item.answer.send(verdict));
    }

    fn take(&self) -> Option<Item> {
        let mut queue = self.queue();
        loop {
            let item = queue.items.pop_front()?;
            queue.bytes -= item.bytes;
            self.show(&queue);
            if item.state.leave_waiting(TAKEN) {
                return Some(item);
            }
            let given_up = self.given_up.load(Ordering::Relaxed);
            self.given_up
                .store(given_up.saturating_sub(1), Ordering::Relaxed);
        }
    }

    fn close(&self) {
        let waiting = {
            let mut queue = self.queue();
            queue.closed = true;
            queue.bytes = 0;
            std::mem::take(&mut queue.items)
        };
        for item in waiting {
            if item.state.leave_waiting(TAKEN) {
                let verdict = Verdict::failed(Outcome::NodeGone, Reason::NodeLeft, "");
                drop(item.answer.send(verdict));
            }
        }
    }

    fn has_room(&self, queue: &Queue, bytes: usize) -> bool {
        // One call larger than the whole limit may still go alone.
        let fits = queue.bytes + bytes <= self.settings.queue_bytes || queue.items.is_empty();
        queue.items.len() < self.settings.queue_items && fits
    }

    fn show(&self, queue: &Queue) {
        self.node
            .queued()
            .set(i64::try_from(queue.items.len()).unwrap_or(i64::MAX));
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Queue {
    fn forget_given_up(&mut self) {
        self.items.retain(|item| item.state.is_waiting());
        self.bytes = self.items.iter().map(|item| item.bytes).sum();
    }
}

#[cfg(test)]
mod tests;
