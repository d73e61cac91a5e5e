//! Connections to nodes: made when needed, shared, and closed with their node; and what waits for
//! a node is bounded.

use std::{net::SocketAddr, time::Duration};

use futures::future::join_all;
use push_manager::{discovery::memory::MemoryNodes, ids::NodeId};
use push_manager_config::Config;
use push_manager_proto::pubsub::{Outcome, PushToRoomResponse};
use tokio::{task::JoinHandle, time::timeout};

use crate::{
    bed::{Bed, config, eventually, outcomes},
    fakes::FakeController,
    proxy::{Direction, Mode, Proxy},
    scene::{Listener, put, send_room},
};

const ROOM: &str = "room-001";
const SOON: Duration = Duration::from_secs(10);
const GAUGE: &str = "push_manager_node_connections";
const NODE: &str = "node_id=\"node-1\"";

/// One node behind a proxy; the room's only member is there.
struct Single {
    bed: Bed,
    proxy: Proxy,
    node: Listener,
}

impl Single {
    async fn start() -> Self {
        Self::with(|_| {}).await
    }

    async fn with(change: impl FnOnce(&mut Config)) -> Self {
        let node = Listener::having(&["u"]).await;
        let proxy = Proxy::to(node.address).await;
        let controller = FakeController::with_members(&[("u", "node-1")]);
        let mut config = config();
        config.controller.address = controller.serve().await.to_string();
        config.discovery.grace = Duration::ZERO;
        change(&mut config);
        let memory = MemoryNodes::default();
        put(&memory, "node-1", proxy.address());
        let bed = Bed::around(config, memory).await;
        Self { bed, proxy, node }
    }

    async fn push(&self) -> PushToRoomResponse {
        self.bed.push_room(ROOM, "hello").await.unwrap()
    }

    fn pushing(&self) -> JoinHandle<PushToRoomResponse> {
        tokio::task::spawn(send_room(self.bed.client(), ROOM, "hello"))
    }

    /// A push whose call the node has, while its answer is held back.
    async fn held(&self) -> JoinHandle<PushToRoomResponse> {
        self.node.take();
        let mode = Mode::HalfOpen(Direction::FromPeer);
        self.proxy.set(mode).await;
        let push = self.pushing();
        let mut got = 0;
        eventually("the node has the call", || {
            got += self.node.take().batches.len();
            got == 1
        })
        .await;
        push
    }

    fn leave(&self) {
        assert!(self.bed.memory.remove(&NodeId::new("node-1")));
    }

    async fn knows(&self, nodes: &[SocketAddr]) {
        let expected: Vec<String> = nodes.iter().map(ToString::to_string).collect();
        eventually("the set is as expected", || {
            let snapshot = self.bed.server.pool().snapshot();
            let nodes = snapshot.nodes().iter();
            let known: Vec<String> = nodes.map(|node| node.address().to_string()).collect();
            known == expected
        })
        .await;
    }

    fn has_series(&self, name: &str) -> bool {
        let text = self.bed.server.metrics().render().unwrap();
        text.lines()
            .any(|line| line.starts_with(name) && line.contains(NODE))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_is_made_on_first_use_and_shared_from_then_on() {
    let single = Single::start().await;
    single.knows(&[single.proxy.address()]).await;
    assert_eq!(single.proxy.accepted(), 0, "nothing was to be sent yet");
    assert_eq!(single.bed.metric(GAUGE, NODE), 0.0);
    assert!(single.has_series(GAUGE), "there from the start");
    let pushes = (0..100).map(|_| single.push());
    for answer in join_all(pushes).await {
        assert!(answer.success, "{}", answer.message);
    }
    assert_eq!(single.proxy.accepted(), 1);
    assert_eq!(single.bed.metric(GAUGE, NODE), 1.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_more_connections_are_opened_than_configured_for_a_node() {
    let single = Single::with(|config| config.pool.connections_per_node = 3).await;
    assert!(single.push().await.success);
    assert_eq!(single.proxy.accepted(), 1, "each on its own first use");
    for answer in join_all((0..60).map(|_| single.push())).await {
        assert!(answer.success, "{}", answer.message);
    }
    assert_eq!(single.proxy.accepted(), 3);
    assert_eq!(single.bed.metric(GAUGE, NODE), 3.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_close_and_their_series_go_when_the_node_leaves() {
    let single = Single::with(|config| config.pool.connections_per_node = 2).await;
    for _ in 0..2 {
        assert!(single.push().await.success);
    }
    assert_eq!(single.proxy.open(), 2);
    single.leave();
    eventually("the node saw the end of each", || single.proxy.open() == 0).await;
    assert!(!single.has_series("push_manager_node_"), "its series went");
    assert_eq!(single.bed.metric("push_manager_discovery_nodes", ""), 0.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_without_registration_lingers_while_its_connection_lives() {
    let single = Single::with(|config| config.discovery.grace = Duration::from_secs(60)).await;
    assert!(single.push().await.success);
    single.leave();
    let lingering = || {
        single
            .bed
            .metric("push_manager_discovery_lingering_nodes", "")
    };
    eventually("it lingers", || lingering() == 1.0).await;
    assert!(single.push().await.success, "and is used");
    single.proxy.set(Mode::Refuse).await;
    single.knows(&[]).await;
    assert_eq!(lingering(), 0.0);
    assert!(!single.has_series("push_manager_node_"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_in_flight_when_its_node_leaves_may_finish_in_the_grace() {
    let single = Single::with(|config| {
        config.fanout.deadline = Duration::from_secs(20);
        config.pool.close_grace = Duration::from_secs(20);
    })
    .await;
    let push = single.held().await;
    single.leave();
    single.knows(&[]).await;
    assert_eq!(single.proxy.open(), 1, "kept for the call");
    single.proxy.set(Mode::Pass).await;
    let answer = push.await.unwrap();
    assert!(answer.success, "{}", answer.message);
    eventually("then it closes", || single.proxy.open() == 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_changed_its_address_is_called_there_and_the_old_connection_closes() {
    let single = Single::with(|config| config.pool.close_grace = Duration::from_secs(20)).await;
    assert!(single.push().await.success);
    let push = single.held().await;
    let moved = Proxy::to(single.node.address).await;
    put(&single.bed.memory, "node-1", moved.address());
    single.knows(&[moved.address()]).await;
    let answer = timeout(SOON, single.push()).await;
    assert!(answer.expect("the new address answers").success);
    assert_eq!((moved.accepted(), moved.open()), (1, 1));
    assert_eq!(single.proxy.open(), 1, "a call is in flight there");
    assert_eq!(
        single.bed.metric(GAUGE, NODE),
        1.0,
        "of the node as it is now"
    );
    single.proxy.set(Mode::Pass).await;
    assert!(push.await.unwrap().success);
    eventually("the old connection closes", || single.proxy.open() == 0).await;
    assert_eq!(single.proxy.accepted(), 1);
    assert_eq!(single.bed.metric(GAUGE, NODE), 1.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_instance_at_the_same_address_gets_a_new_connection() {
    let single = Single::start().await;
    let instance = |name: Option<&str>| {
        let address = single.proxy.address().to_string().parse().unwrap();
        let name = name.map(str::to_owned);
        single.bed.memory.put(NodeId::new("node-1"), address, name);
    };
    instance(Some("first"));
    assert!(single.push().await.success);
    // A registration that doesn't say is no sign of a restart.
    instance(None);
    assert!(single.push().await.success);
    assert_eq!((single.proxy.accepted(), single.proxy.open()), (1, 1));
    instance(Some("second"));
    eventually("the old connection closes", || single.proxy.open() == 0).await;
    assert!(single.push().await.success);
    assert_eq!((single.proxy.accepted(), single.proxy.open()), (2, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_the_node_closed_is_made_anew_by_the_next_push() {
    let single = Single::start().await;
    assert!(single.push().await.success);
    single.proxy.cut().await;
    eventually("the gauge shows it", || {
        single.bed.metric(GAUGE, NODE) == 0.0
    })
    .await;
    assert!(single.push().await.success);
    assert_eq!(single.proxy.accepted(), 2);
    assert_eq!(single.bed.metric(GAUGE, NODE), 1.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_beyond_a_lanes_places_are_refused_at_once_as_queue_full() {
    let single = Single::with(|config| {
        config.fanout.concurrency = 1;
        config.fanout.queue_items = 2;
    })
    .await;
    let queued = || single.bed.metric("push_manager_node_queued_calls", NODE);
    assert!(single.push().await.success);
    single.proxy.set(Mode::BlackHole).await;
    let sent = single.pushing();
    let in_flight = || single.bed.metric("push_manager_pushes_in_flight", "");
    eventually("one runs", || in_flight() == 1.0 && queued() == 0.0).await;
    // It left the queue, or has not entered it yet; a moment tells them apart.
    tokio::time::sleep(Duration::from_millis(100)).await;
    let waiting = [single.pushing(), single.pushing()];
    eventually("two wait", || queued() == 2.0).await;

    let answer = timeout(Duration::from_secs(1), single.push()).await;
    let answer = answer.expect("at once");
    assert!(!answer.success);
    assert_eq!(
        answer.message,
        "0 of 1 nodes reached; node-1: queue full; 1 queue_full"
    );
    let expected = [(Outcome::QueueFull, 1)].into();
    assert_eq!(outcomes(answer.receipt.as_ref()), expected);

    let sent = sent.await.unwrap();
    let expected = [(Outcome::Unknown, 1)].into();
    assert_eq!(outcomes(sent.receipt.as_ref()), expected);
    for push in waiting {
        let answer = push.await.unwrap();
        let counts = outcomes(answer.receipt.as_ref());
        // Never sent, unless the deadline of the first made room for one just in time.
        assert!(
            counts.contains_key(&Outcome::Expired) || counts.contains_key(&Outcome::Unknown),
            "{}",
            answer.message
        );
    }
    let full = |name: &str| single.bed.metric(name, "reason=\"queue_full\"");
    assert_eq!(full("push_manager_push_failed_total"), 1.0);
    assert_eq!(full("push_manager_node_failed_targets_total"), 1.0);
    single.proxy.set(Mode::Pass).await;
    let answer = single.push().await;
    assert!(answer.success, "the lane is free again: {}", answer.message);
    assert_eq!(queued(), 0.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lane_is_bounded_in_bytes_too() {
    let single = Single::with(|config| {
        config.fanout.concurrency = 1;
        config.fanout.queue_bytes = 64 << 10;
    })
    .await;
    assert!(single.push().await.success);
    single.proxy.set(Mode::BlackHole).await;
    let large = "x".repeat(40 << 10);
    let pushing = || {
        let (client, data) = (single.bed.client(), large.clone());
        tokio::task::spawn(async move { send_room(client, ROOM, &data).await })
    };
    let answers = join_all([pushing(), pushing(), pushing(), pushing()]).await;
    let full = answers.into_iter().filter(|answer| {
        let receipt = answer.as_ref().unwrap().receipt.as_ref();
        outcomes(receipt).contains_key(&Outcome::QueueFull)
    });
    // One in flight, one waiting; beside it the third and the fourth find no room.
    let full = full.count();
    assert!((2..=3).contains(&full), "{full}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_for_a_node_that_leaves_is_node_gone_at_once() {
    let single = Single::with(|config| {
        config.fanout.concurrency = 1;
        config.fanout.deadline = Duration::from_secs(20);
        config.pool.close_grace = Duration::from_millis(100);
    })
    .await;
    let queued = || single.bed.metric("push_manager_node_queued_calls", NODE);
    let sent = single.held().await;
    let waiting = single.pushing();
    eventually("one waits", || queued() == 1.0).await;
    single.leave();
    let waiting = timeout(SOON, waiting).await.expect("no wait").unwrap();
    let counts = outcomes(waiting.receipt.as_ref());
    assert_eq!(counts, [(Outcome::NodeGone, 1)].into(), "surely not sent");
    let sent = timeout(SOON, sent).await.expect("the grace").unwrap();
    let counts = outcomes(sent.receipt.as_ref());
    assert_eq!(
        counts,
        [(Outcome::Unknown, 1)].into(),
        "it may have arrived"
    );
    for answer in [waiting, sent] {
        let words = "0 of 1 nodes reached; node-1: node left; ";
        assert!(answer.message.starts_with(words), "{}", answer.message);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_series_of_a_nodes_failures_go_with_it_and_stay_gone() {
    let single = Single::with(|config| {
        config.fanout.deadline = Duration::from_millis(500);
        config.pool.close_grace = Duration::from_secs(5);
    })
    .await;
    single.proxy.set(Mode::BlackHole).await;
    assert!(!single.push().await.success);
    let failures = "push_manager_node_failed_targets_total";
    assert!(single.has_series(failures));
    // A failure that is told only after the node left must not bring the series back.
    let late = single.pushing();
    eventually("it runs", || {
        single.bed.metric("push_manager_pushes_in_flight", "") == 1.0
    })
    .await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    single.leave();
    single.knows(&[]).await;
    assert!(!single.has_series(failures));
    assert!(!late.await.unwrap().success);
    assert!(!single.has_series("push_manager_node_"));
    let failed = single.bed.metric("push_manager_push_failed_total", "");
    assert_eq!(failed, 2.0, "the totals keep both");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_stays_silent_is_replaced_after_a_few_deadlines() {
    let single = Single::with(|config| config.fanout.deadline = Duration::from_millis(200)).await;
    assert!(single.push().await.success);
    single.proxy.strand().await;
    for number in 0..3 {
        let answer = single.push().await;
        assert!(!answer.success, "{number}: {}", answer.message);
    }
    let answer = single.push().await;
    assert!(answer.success, "{}", answer.message);
    assert_eq!(single.proxy.accepted(), 2);
}
