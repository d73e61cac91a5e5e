//! A lane before a node that takes connections and never answers.

use std::time::Duration;

use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::*;
use crate::{
    delivery::{Audience, Policy},
    ids::{NodeId, UserId},
    pool::{NodeSpec, Snapshot},
    trace::TraceContext,
};

const SOON: Duration = Duration::from_millis(150);
const LATER: Duration = Duration::from_mins(1);

struct Silent {
    lane: Arc<Lane>,
    running: JoinHandle<()>,
    _listener: TcpListener,
}

impl Drop for Silent {
    fn drop(&mut self) {
        self.running.abort();
    }
}

/// A running lane with room for `queue_items` behind one call in flight.
async fn silent(queue_items: usize, queue_bytes: usize) -> Silent {
    let (lane, listener) = at_rest(queue_items, queue_bytes).await;
    Silent {
        running: start(&lane),
        lane,
        _listener: listener,
    }
}

/// The same before it runs.
async fn at_rest(queue_items: usize, queue_bytes: usize) -> (Arc<Lane>, TcpListener) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let id = NodeId::new("node-1");
    let snapshot = Snapshot::of_specs(&[NodeSpec {
        id: id.clone(),
        address: address.parse().unwrap(),
        instance: None,
        registration: String::new(),
        revision: 0,
        named: [id].into(),
        segments: [].into(),
    }]);
    let settings = DeliverySettings {
        concurrency: 1,
        queue_items,
        queue_bytes,
        close_grace: SOON,
        policy: Policy {
            retries: 0,
            retry_unacknowledged: false,
        },
    };
    let lane = Arc::new(Lane::new(
        snapshot.nodes()[0].clone(),
        settings,
        CancellationToken::new(),
    ));
    (lane, listener)
}

#[allow(clippy::disallowed_methods, reason = "a test without a tracker")]
fn start(lane: &Arc<Lane>) -> JoinHandle<()> {
    let runs = lane.clone();
    tokio::spawn(async move { runs.run().await })
}

fn call(due: Duration, bytes: usize) -> Call {
    Call {
        audience: Audience::One(UserId::new("ann")),
        room: None,
        content: vec![b'x'; bytes].into(),
        deadline: Instant::now() + due,
        trace: TraceContext::default(),
        span: tracing::Span::none(),
    }
}

impl Silent {
    fn enqueue(&self, due: Duration) -> Result<Ticket, Reason> {
        self.lane.enqueue(call(due, 1))
    }

    /// Puts one call in flight.
    async fn occupy(&self, due: Duration) -> Ticket {
        let ticket = self.enqueue(due).unwrap();
        while ticket.state.is_waiting() {
            tokio::task::yield_now().await;
        }
        ticket
    }
}

fn failed(outcome: Outcome, reason: Reason) -> Verdict {
    Verdict::failed(outcome, reason, "")
}

#[tokio::test]
async fn a_full_lane_refuses_at_once_and_says_so() {
    let silent = silent(2, 1 << 20).await;
    let _in_flight = silent.occupy(LATER).await;
    let _waiting = [
        silent.enqueue(LATER).unwrap(),
        silent.enqueue(LATER).unwrap(),
    ];
    assert_eq!(silent.enqueue(LATER).unwrap_err(), Reason::QueueFull);
}

#[tokio::test]
async fn bytes_are_bounded_too_but_one_large_call_may_wait_alone() {
    let silent = silent(100, 10_000).await;
    let _in_flight = silent.occupy(LATER).await;
    let _large = silent.lane.enqueue(call(LATER, 20_000)).unwrap();
    let second = silent.lane.enqueue(call(LATER, 1));
    assert_eq!(second.unwrap_err(), Reason::QueueFull);
}

#[tokio::test]
async fn a_call_that_nobody_waits_for_makes_room() {
    let silent = silent(1, 1 << 20).await;
    let _in_flight = silent.occupy(LATER).await;
    drop(silent.enqueue(LATER).unwrap());
    let waiting = silent.enqueue(LATER);
    assert!(waiting.is_ok(), "the queue holds only who is waited for");
}

#[tokio::test]
async fn the_oldest_that_is_shown_is_one_that_is_still_waited_for() {
    let silent = silent(10, 1 << 20).await;
    let _in_flight = silent.occupy(LATER).await;
    let first = silent.enqueue(LATER).unwrap();
    let after_first = silent.lane.node.epoch().now_ns();
    let _second = silent.enqueue(LATER).unwrap();
    let shown = || {
        let reading = silent.lane.node.reading();
        (reading.queued, reading.oldest_queued_ns > after_first)
    };
    assert_eq!(shown(), (2, false));
    drop(first);
    while shown() != (1, true) {
        tokio::task::yield_now().await;
    }
    let reading = silent.lane.node.reading();
    assert!(reading.oldest_in_flight_ns < reading.oldest_queued_ns);
    assert_eq!(reading.in_flight, 1);
}

#[tokio::test]
async fn a_call_whose_turn_never_came_is_expired_at_its_deadline() {
    let silent = silent(10, 1 << 20).await;
    let _in_flight = silent.occupy(LATER).await;
    let due = Instant::now() + SOON;
    let waiting = silent.enqueue(SOON).unwrap();
    let expired = failed(Outcome::Expired, Reason::WaitedTooLong);
    assert_eq!(waiting.verdict(due).await, expired);
}

#[tokio::test]
async fn a_call_in_flight_is_unknown_at_its_deadline() {
    let silent = silent(10, 1 << 20).await;
    // Long enough to connect on a busy machine.
    let due = Instant::now() + SOON * 10;
    let in_flight = silent.occupy(SOON * 10).await;
    let unknown = failed(Outcome::Unknown, Reason::DeadlineExceeded);
    assert_eq!(in_flight.verdict(due).await, unknown);
}

#[tokio::test]
async fn when_the_node_leaves_what_waits_is_node_gone_and_what_flies_unknown() {
    let mut silent = silent(10, 1 << 20).await;
    let in_flight = silent.occupy(LATER).await;
    let waiting = silent.enqueue(LATER).unwrap();
    silent.lane.node.left().cancel();
    let due = Instant::now() + LATER;
    let gone = failed(Outcome::NodeGone, Reason::NodeLeft);
    assert_eq!(waiting.verdict(due).await, gone);
    let unknown = failed(Outcome::Unknown, Reason::NodeLeft);
    assert_eq!(in_flight.verdict(due).await, unknown);
    (&mut silent.running).await.unwrap();
    assert_eq!(silent.enqueue(LATER).unwrap_err(), Reason::NodeLeft);
}

#[tokio::test]
async fn an_ejection_before_the_lane_runs_ends_what_waits_and_nothing_goes_out() {
    let (lane, listener) = at_rest(10, 1 << 20).await;
    let waiting = lane.enqueue(call(LATER, 1)).unwrap();
    lane.node.eject();
    let running = start(&lane);
    let gone = failed(Outcome::NodeGone, Reason::Drained);
    assert_eq!(waiting.verdict(Instant::now() + LATER).await, gone);
    let called = tokio::time::timeout(SOON, listener.accept()).await;
    assert!(called.is_err(), "a connection to an ejected node");
    running.abort();
}
