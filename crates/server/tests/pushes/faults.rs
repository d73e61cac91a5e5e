//! Faults of peers: others are served, and the answer, the receipt and the
//! metrics say which peer failed and why.

use std::{net::SocketAddr, time::Duration};

use push_manager::ids::NodeId;
use push_manager_config::Config;
use push_manager_proto::pubsub::Outcome;
use tokio::time::{Instant, timeout};
use tonic::{Code, Request};
use tonic_types::StatusExt;

use crate::{
    bed::{Bed, eventually, outcomes},
    fakes::FakeController,
    proxy::{Direction, Mode, Proxy},
    scene::{around, nobody, put, room_request, send_room},
    ws::Ws,
};

/// What the tests give a node to answer.
const NODE_DEADLINE: Duration = Duration::from_millis(1500);
/// What waits for nobody takes less than this, also on a busy machine.
const PROMPT: Duration = Duration::from_millis(1000);

/// Three nodes, each behind a proxy, with one member of "room-001" each.
struct Trio {
    bed: Bed,
    proxies: Vec<Proxy>,
    clients: Vec<Ws>,
}

impl Trio {
    async fn start() -> Self {
        Self::with(|_| {}).await
    }

    async fn with(change: impl FnOnce(&mut Config)) -> Self {
        let bed = Bed::with(3, |config| {
            config.fanout.deadline = NODE_DEADLINE;
            change(config);
        })
        .await;
        let (mut proxies, mut clients) = (Vec::new(), Vec::new());
        for (at, node) in bed.nodes.iter().enumerate() {
            let proxy = Proxy::to(node.grpc_addr()).await;
            put(&bed.memory, node.id(), proxy.address());
            proxies.push(proxy);
            clients.push(bed.join(at, &format!("user-{at}"), "room-001").await);
        }
        let mut trio = Self {
            bed,
            proxies,
            clients,
        };
        let addresses: Vec<String> = trio
            .proxies
            .iter()
            .map(|proxy| proxy.address().to_string())
            .collect();
        eventually("the nodes are known by their proxies", || {
            let snapshot = trio.bed.server.pool().snapshot();
            let known = snapshot
                .nodes()
                .iter()
                .map(|node| node.address().to_string());
            known.eq(addresses.iter().cloned())
        })
        .await;
        // Every node has its connection.
        let answer = trio.bed.push_room("room-001", "warm").await.unwrap();
        assert_eq!(answer.delivered_count, 3, "{}", answer.message);
        for client in &mut trio.clients {
            assert_eq!(client.data().await, "warm");
        }
        trio
    }

    fn failed(&self, node: usize, reason: &str) -> f64 {
        let labels = format!("node_id=\"connect-node-{node}\",reason=\"{reason}\"");
        self.bed
            .metric("push_manager_node_failed_targets_total", &labels)
    }

    fn failed_pushes(&self, reason: &str) -> f64 {
        let labels = format!("reason=\"{reason}\"");
        self.bed.metric("push_manager_push_failed_total", &labels)
    }

    /// Checks a push to the room while the third node is at fault: what the
    /// first two receive, and what is said of the third.
    async fn third_fails(&mut self, outcome: Outcome, reason: &str, words: &str) -> Duration {
        let (node_before, before) = (self.failed(3, reason), self.failed_pushes(reason));
        let began = Instant::now();
        let answer = self.bed.push_room("room-001", "hello").await.unwrap();
        let took = began.elapsed();
        assert!(!answer.success);
        assert_eq!(answer.delivered_count, 2);
        let name = format!("{outcome:?}")
            .to_lowercase()
            .replace("nodegone", "node_gone");
        assert_eq!(
            answer.message,
            format!("2 of 3 nodes reached; connect-node-3: {words}; 2 delivered, 1 {name}")
        );
        let expected = [(Outcome::Delivered, 2), (outcome, 1)].into();
        assert_eq!(outcomes(answer.receipt.as_ref()), expected);
        for client in &mut self.clients[..2] {
            assert_eq!(client.data().await, "hello");
        }
        assert_eq!(self.failed(3, reason) - node_before, 1.0, "{reason}");
        assert_eq!(self.failed_pushes(reason) - before, 1.0, "{reason}");
        assert_eq!(self.failed(1, reason) + self.failed(2, reason), 0.0);
        took
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_is_down_costs_the_others_nothing() {
    let mut trio = Trio::start().await;
    trio.proxies[2].set(Mode::Refuse).await;
    let took = trio
        .third_fails(Outcome::NodeGone, "connect_failed", "could not connect")
        .await;
    assert!(
        took < PROMPT,
        "a refused connection is no reason to wait: {took:?}"
    );
    trio.proxies[2].set(Mode::Pass).await;
    let answer = trio.bed.push_room("room-001", "back").await.unwrap();
    assert_eq!(answer.delivered_count, 3, "{}", answer.message);
    assert_eq!(trio.clients[2].data().await, "back");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_black_holed_node_delays_nobody_past_its_own_deadline() {
    let mut trio = Trio::start().await;
    trio.proxies[2].set(Mode::BlackHole).await;
    let client = trio.bed.client();
    let stuck = tokio::task::spawn(send_room(client, "room-001", "stuck"));
    // Those of the other nodes hear it long before the answer is complete.
    for client in &mut trio.clients[..2] {
        let heard = timeout(PROMPT, client.data()).await;
        assert_eq!(heard.expect("at once"), "stuck");
    }
    assert!(!stuck.is_finished(), "the answer waits for the third node");
    // A push that needs only other nodes is answered meanwhile.
    let mut other = trio.bed.join(0, "other", "room-002").await;
    let answer = timeout(PROMPT, trio.bed.push_room("room-002", "other"));
    assert!(answer.await.expect("at once").unwrap().success);
    assert_eq!(other.data().await, "other");
    let stuck = stuck.await.unwrap();
    assert_eq!(stuck.delivered_count, 2);

    let took = trio
        .third_fails(Outcome::Unknown, "deadline_exceeded", "deadline exceeded")
        .await;
    assert!(
        took >= NODE_DEADLINE - Duration::from_millis(50),
        "{took:?}"
    );
    assert!(took < NODE_DEADLINE + PROMPT, "{took:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_half_open_node_is_unknown_since_it_may_have_delivered() {
    let mut trio = Trio::start().await;
    trio.proxies[2]
        .set(Mode::HalfOpen(Direction::FromPeer))
        .await;
    trio.third_fails(Outcome::Unknown, "deadline_exceeded", "deadline exceeded")
        .await;
    assert_eq!(trio.clients[2].data().await, "hello", "it did deliver");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_node_is_waited_for_within_its_deadline() {
    let mut trio = Trio::with(|config| config.fanout.deadline = Duration::from_secs(10)).await;
    trio.proxies[2].set(Mode::Slow(2_000)).await;
    let push = send_room(trio.bed.client(), "room-001", "hello");
    let push = tokio::task::spawn(push);
    for client in &mut trio.clients[..2] {
        assert_eq!(client.data().await, "hello");
    }
    let answer = push.await.unwrap();
    assert!(answer.success, "{}", answer.message);
    assert_eq!(answer.delivered_count, 3);
    assert_eq!(trio.clients[2].data().await, "hello");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_reset_mid_call_is_unknown_and_not_asked_again() {
    let mut trio = Trio::start().await;
    trio.proxies[2]
        .set(Mode::HalfOpen(Direction::FromPeer))
        .await;
    let push = tokio::task::spawn(send_room(trio.bed.client(), "room-001", "again"));
    assert_eq!(trio.clients[2].data().await, "again");
    trio.proxies[2].cut().await;
    trio.proxies[2].set(Mode::Pass).await;
    let answer = push.await.unwrap();
    assert!(!answer.success);
    assert_eq!(
        answer.message,
        "2 of 3 nodes reached; connect-node-3: connection lost; 2 delivered, 1 unknown"
    );
    assert!(trio.clients[2].is_silent().await, "nothing was sent twice");
    assert_eq!(trio.failed(3, "connection_lost"), 1.0);
    assert_eq!(trio.failed_pushes("connection_lost"), 1.0);
    let answer = trio.bed.push_room("room-001", "next").await.unwrap();
    assert_eq!(answer.delivered_count, 3, "{}", answer.message);
}

#[tokio::test(flavor = "multi_thread")]
async fn unacknowledged_calls_are_retried_when_the_configuration_says_so() {
    let mut trio = Trio::with(|config| config.fanout.retry_unacknowledged = true).await;
    trio.proxies[2]
        .set(Mode::HalfOpen(Direction::FromPeer))
        .await;
    let push = tokio::task::spawn(send_room(trio.bed.client(), "room-001", "twice"));
    assert_eq!(trio.clients[2].data().await, "twice");
    trio.proxies[2].cut().await;
    trio.proxies[2].set(Mode::Pass).await;
    let answer = push.await.unwrap();
    assert!(answer.success, "{}", answer.message);
    assert_eq!(trio.clients[2].data().await, "twice", "at least once");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_gone_mid_push_ends_its_targets_after_the_grace() {
    let mut trio = Trio::with(|config| {
        config.fanout.deadline = Duration::from_secs(20);
        config.pool.close_grace = Duration::from_millis(300);
        config.discovery.grace = Duration::ZERO;
    })
    .await;
    trio.proxies[2].set(Mode::BlackHole).await;
    let push = tokio::task::spawn(send_room(trio.bed.client(), "room-001", "hello"));
    for client in &mut trio.clients[..2] {
        assert_eq!(client.data().await, "hello");
    }
    let began = Instant::now();
    assert!(trio.bed.memory.remove(&NodeId::new("connect-node-3")));
    let answer = timeout(Duration::from_secs(10), push).await;
    let answer = answer.expect("long before the deadline").unwrap();
    assert!(began.elapsed() >= Duration::from_millis(290), "the grace");
    assert!(!answer.success);
    assert_eq!(
        answer.message,
        "2 of 3 nodes reached; connect-node-3: node left; 2 delivered, 1 unknown"
    );
    assert_eq!(trio.failed_pushes("node_left"), 1.0);
    assert_eq!(trio.failed(3, "node_left"), 0.0, "its series went with it");
}

#[tokio::test(flavor = "multi_thread")]
async fn all_nodes_down_is_an_answer_that_names_five_of_them() {
    let down = nobody().await;
    let members: Vec<(String, String)> = (0..7)
        .map(|at| (format!("user-{at}"), format!("node-{at}")))
        .collect();
    let members: Vec<(&str, &str)> = members
        .iter()
        .map(|(user, node)| (&**user, &**node))
        .collect();
    let proxies = futures::future::join_all((0..7).map(|_| nobody())).await;
    let nodes: Vec<(&str, SocketAddr)> = members
        .iter()
        .zip(&proxies)
        .map(|((_, node), proxy)| (*node, proxy.address()))
        .collect();
    let bed = around(FakeController::with_members(&members), &nodes, |_| {}).await;
    drop(down);
    let answer = bed.push_room("room-001", "hello").await.unwrap();
    assert!(!answer.success);
    let message = answer.message;
    assert!(
        message.starts_with("0 of 7 nodes reached; node-0: could not connect; "),
        "{message}"
    );
    assert!(
        message.ends_with("node-4: could not connect; and 2 more; 7 node_gone"),
        "{message}"
    );
    let answer = bed.broadcast("hello").await.unwrap();
    // Nobody knows how many people these nodes have: each counts as one.
    assert_eq!(answer.receipt.as_ref().unwrap().targets, 7);
    assert!(!answer.success);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_with_one_device_at_a_dead_node_is_still_reached_at_the_other() {
    let mut trio = Trio::start().await;
    let mut phone = trio.bed.join(0, "u", "room-002").await;
    let _desk = trio.bed.join(2, "u", "room-002").await;
    trio.proxies[2].set(Mode::Refuse).await;
    let answer = trio.bed.push_user("u", "hello").await.unwrap();
    assert!(answer.success);
    // What refuses may have taken the connection first, as a proxy does.
    let reasons = ["could not connect", "connection lost"];
    let said =
        reasons.map(|why| format!("1 of 2 nodes reached; connect-node-3: {why}; 1 delivered"));
    assert!(said.contains(&answer.message), "{}", answer.message);
    assert_eq!(
        outcomes(answer.receipt.as_ref()),
        [(Outcome::Delivered, 1)].into()
    );
    assert_eq!(phone.data().await, "hello");
    assert!(trio.clients[0].is_silent().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_callers_short_deadline_gets_a_partial_answer_in_time() {
    let mut trio = Trio::with(|config| config.fanout.deadline = Duration::from_secs(20)).await;
    trio.proxies[2].set(Mode::BlackHole).await;
    let mut request = Request::new(room_request("room-001", "hello"));
    request.set_timeout(Duration::from_millis(500));
    let answer = trio.bed.client().push_to_room(request).await;
    let answer = answer.expect("an answer before the deadline").into_inner();
    assert_eq!(answer.delivered_count, 2);
    assert_eq!(
        outcomes(answer.receipt.as_ref()),
        [(Outcome::Delivered, 2), (Outcome::Unknown, 1)].into()
    );
    for client in &mut trio.clients[..2] {
        assert_eq!(client.data().await, "hello");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_push_whose_caller_cancels_is_still_accounted_for() {
    let mut trio = Trio::start().await;
    let (success, failed) = (
        trio.bed.metric("push_manager_push_success_total", ""),
        trio.failed_pushes("deadline_exceeded"),
    );
    trio.proxies[2].set(Mode::BlackHole).await;
    let push = tokio::task::spawn(send_room(trio.bed.client(), "room-001", "hello"));
    for client in &mut trio.clients[..2] {
        assert_eq!(client.data().await, "hello");
    }
    push.abort();
    eventually("the cancelled request is counted", || {
        let labels = "api=\"PushToRoom\",status=\"CANCELLED\"";
        trio.bed.metric("push_manager_api_requests_total", labels) == 1.0
    })
    .await;
    eventually("its targets are counted", || {
        trio.bed.metric("push_manager_push_success_total", "") - success == 2.0
            && trio.failed_pushes("deadline_exceeded") - failed == 1.0
    })
    .await;
    assert_eq!(trio.bed.metric("push_manager_pushes_in_flight", ""), 0.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn over_the_concurrency_limit_callers_are_told_when_to_retry() {
    let trio = Trio::with(|config| config.limits.concurrent_pushes = 2).await;
    trio.proxies[2].set(Mode::BlackHole).await;
    let stuck = [0, 1].map(|_| {
        let client = trio.bed.client();
        tokio::task::spawn(send_room(client, "room-001", "stuck"))
    });
    eventually("two pushes run", || {
        trio.bed.metric("push_manager_pushes_in_flight", "") == 2.0
    })
    .await;
    let status = trio.bed.push_room("room-001", "refused").await.unwrap_err();
    assert_eq!(status.code(), Code::ResourceExhausted);
    for words in ["limits.concurrent_pushes = 2", "retry in 100 ms"] {
        assert!(status.message().contains(words), "{status}");
    }
    assert_eq!(
        status.metadata().get("grpc-retry-pushback-ms").unwrap(),
        "100"
    );
    let info = status.get_details_retry_info().expect("RetryInfo");
    assert_eq!(info.retry_delay, Some(Duration::from_millis(100)));
    let refused = trio.bed.metric(
        "push_manager_api_requests_total",
        "api=\"PushToRoom\",status=\"RESOURCE_EXHAUSTED\"",
    );
    assert_eq!(refused, 1.0);
    for push in stuck {
        assert_eq!(push.await.unwrap().delivered_count, 2);
    }
    trio.proxies[2].set(Mode::Pass).await;
    let answer = trio.bed.push_room("room-001", "taken").await.unwrap();
    assert_eq!(answer.delivered_count, 3, "{}", answer.message);
}
