//! A node's lane: calls wait here, bounded in number and bytes, until the
//! node has room for another call in flight.

use std::{
    collections::VecDeque,
    pin::pin,
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

use super::{
    Call, DeliverySettings, Verdict,
    flight::{Begun, InFlight},
    unary,
};
use crate::{
    outcome::{Outcome, Reason},
    pool::{Hold, Node},
};

/// A queue and what drains it.
#[derive(Debug)]
pub(super) struct Lane {
    node: Arc<Node>,
    settings: DeliverySettings,
    cut: CancellationToken,
    /// The node's ejections before any call was taken in.
    ejections: u64,
    queue: Mutex<Queue>,
    shared: Arc<Shared>,
    wake: Notify,
}

/// What a lane shares with the tickets of its calls.
#[derive(Debug)]
struct Shared {
    node: Arc<Node>,
    /// About how many calls in the queue nobody waits for any more.
    given_up: AtomicUsize,
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
    queued_ns: u64,
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
    shared: Arc<Shared>,
}

impl Ticket {
    /// The verdict: the lane's, or at `deadline` that the turn never came.
    pub(super) async fn verdict(mut self, deadline: Instant) -> Verdict {
        if let Ok(answer) = tokio::time::timeout_at(deadline, &mut self.answer).await {
            return answer.unwrap_or_else(|_| self.cut());
        }
        if self.give_up() {
            return Verdict::failed(Outcome::Expired, Reason::WaitedTooLong, "");
        }
        // In flight: its own deadline is the same, so its verdict is about to come.
        let answer = (&mut self.answer).await;
        answer.unwrap_or_else(|_| self.cut())
    }
}

impl Ticket {
    /// False when the call's turn has come already.
    fn give_up(&self) -> bool {
        let given_up = self.state.leave_waiting(GIVEN_UP);
        if given_up {
            self.shared.given_up.fetch_add(1, Ordering::Relaxed);
            self.shared.node.nudge();
        }
        given_up
    }

    /// The call was cut in flight: its node left, or was ejected.
    fn cut(&self) -> Verdict {
        let reason = if self.shared.node.left().is_cancelled() {
            Reason::NodeLeft
        } else {
            Reason::Drained
        };
        Verdict::failed(Outcome::Unknown, reason, "")
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.give_up();
    }
}

impl Lane {
    pub(super) fn new(node: Arc<Node>, settings: DeliverySettings, cut: CancellationToken) -> Self {
        let shared = Shared {
            node: node.clone(),
            given_up: AtomicUsize::new(0),
        };
        Self {
            ejections: node.ejections(),
            node,
            settings,
            cut,
            queue: Mutex::default(),
            shared: Arc::new(shared),
            wake: Notify::new(),
        }
    }

    /// Takes a call in, or says why not.
    pub(super) fn enqueue(&self, call: Call) -> Result<Ticket, Reason> {
        let bytes = call.bytes();
        let queued_ns = self.node.epoch().now_ns();
        let mut queue = self.queue();
        if queue.closed || self.node.left().is_cancelled() {
            return Err(Reason::NodeLeft);
        }
        // Under the lock, so that an ejection, which empties the queue, misses nothing.
        if self.node.hold() != Hold::None {
            return Err(Reason::Drained);
        }
        // A scan costs as much as the queue is long, so it must free a good part of it.
        let given_up = self.shared.given_up.load(Ordering::Relaxed);
        if !self.has_room(&queue, bytes) && given_up > queue.items.len() / 8 {
            queue.forget_given_up();
            self.shared.given_up.store(0, Ordering::Relaxed);
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
            queued_ns,
            state: state.clone(),
            answer: sender,
        });
        self.show(&queue);
        drop(queue);
        self.wake.notify_one();
        Ok(Ticket {
            state,
            answer,
            shared: self.shared.clone(),
        })
    }

    /// Drains the queue until the node leaves; what waits then ends `node_gone`,
    /// what is in flight gets its grace. When the node is ejected, what waits
    /// ends `node_gone` too, and what is in flight is cut.
    pub(super) async fn run(&self) {
        let (mut calls, mut flight) = (FuturesUnordered::new(), InFlight::default());
        let left = self.node.left();
        let mut ejections = self.ejections;
        let mut attention = pin!(self.node.attention());
        loop {
            // Before anything is taken: one may have come before this ran at all.
            let ejected = self.node.ejections();
            if ejected != ejections {
                ejections = ejected;
                self.end_waiting(Reason::Drained);
                // Dropped, which their tickets report.
                calls.clear();
                flight.clear();
                // A call may have made a connection meanwhile.
                self.node.reconnect();
            }
            while calls.len() < self.settings.concurrency
                && let Some(item) = self.take()
            {
                let begun = flight.begin(self.node.epoch().now_ns());
                calls.push(self.carry_out(item, begun));
            }
            self.show_flight(&flight);
            let has_slot = calls.len() < self.settings.concurrency;
            tokio::select! {
                () = left.cancelled() => break,
                Some(ended) = calls.next(), if !calls.is_empty() => flight.end(ended),
                () = self.wake.notified(), if has_slot => {}
                () = attention.as_mut() => {
                    attention.set(self.node.attention());
                    self.forget_oldest();
                }
            }
        }
        self.close();
        let grace = Instant::now() + self.settings.close_grace;
        let finish = async {
            while let Some(ended) = calls.next().await {
                flight.end(ended);
                self.show_flight(&flight);
            }
        };
        // A call that outlives its grace is dropped, which its ticket reports.
        drop(tokio::time::timeout_at(grace, finish).await);
        self.node.figures().show_flight(0, 0);
    }

    async fn carry_out(&self, item: Item, begun: Begun) -> Begun {
        let calling = unary::call(&self.node, &item.call, self.settings.policy);
        let verdict = self.cut.run_until_cancelled(calling).await;
        let verdict =
            verdict.unwrap_or_else(|| Verdict::failed(Outcome::Unknown, Reason::ShutDown, ""));
        // Nobody may be waiting any more.
        drop(item.answer.send(verdict));
        begun
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
            self.forgot_one();
        }
    }

    /// Drops the calls at the head that nobody waits for, so that the oldest
    /// that is shown is one that waits.
    fn forget_oldest(&self) {
        let mut queue = self.queue();
        while let Some(item) = queue.items.pop_front_if(|item| !item.state.is_waiting()) {
            queue.bytes -= item.bytes;
            self.forgot_one();
        }
        self.show(&queue);
    }

    fn forgot_one(&self) {
        let given_up = self.shared.given_up.load(Ordering::Relaxed);
        self.shared
            .given_up
            .store(given_up.saturating_sub(1), Ordering::Relaxed);
    }

    fn close(&self) {
        self.queue().closed = true;
        self.end_waiting(Reason::NodeLeft);
    }

    /// Whatever waits ends `node_gone`.
    fn end_waiting(&self, reason: Reason) {
        let waiting = {
            let mut queue = self.queue();
            queue.bytes = 0;
            let waiting = std::mem::take(&mut queue.items);
            self.show(&queue);
            waiting
        };
        for item in waiting {
            if item.state.leave_waiting(TAKEN) {
                let verdict = Verdict::failed(Outcome::NodeGone, reason, "");
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
        let (calls, oldest) = (queue.items.len(), queue.items.front());
        let oldest_ns = oldest.map_or(0, |item| item.queued_ns);
        self.node
            .queued()
            .set(i64::try_from(calls).unwrap_or(i64::MAX));
        self.node
            .figures()
            .show_queue(calls, queue.bytes, oldest_ns);
    }

    fn show_flight(&self, flight: &InFlight) {
        let figures = self.node.figures();
        figures.show_flight(flight.len(), flight.oldest_ns());
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
