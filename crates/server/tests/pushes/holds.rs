//! What an operator does to a node: it gets nothing new, or nothing at all, until it is free again;
//! whoever is there is accounted for, and enough nodes stay.

#[path = "holds/staying.rs"]
mod staying;

use std::{sync::Arc, time::Duration};

use push_manager::{
    channel::LinkState,
    events::{Kind, Level},
    ids::NodeId,
    pool::{Deed, Hold, Node, Order, OrderError, Plan, Refusal},
};
use push_manager_config::Config;
use push_manager_proto::pubsub::{Outcome, PushToRoomResponse};
use tokio::{task::JoinHandle, time::timeout};

use crate::{
    bed::{Bed, eventually, outcomes},
    fakes::FakeController,
    proxy::{Direction, Mode, Proxy},
    scene::{Listener, around, put, send_room},
};

const ROOM: &str = "room-001";
const LONG: Duration = Duration::from_secs(600);
const SOON: Duration = Duration::from_secs(10);

/// The room's only member is at node-1, behind a proxy; node-2 is beside it.
struct Pair {
    bed: Bed,
    proxy: Proxy,
    node: Listener,
    other: Listener,
}

impl Pair {
    async fn start() -> Self {
        Self::with(|_| {}).await
    }

    async fn with(change: impl FnOnce(&mut Config)) -> Self {
        let (node, other) = (
            Listener::having(&["u"]).await,
            Listener::having(&["v"]).await,
        );
        let proxy = Proxy::to(node.address).await;
        let controller = FakeController::with_members(&[("u", "node-1")]);
        let nodes = [("node-1", proxy.address()), ("node-2", other.address)];
        let bed = around(controller, &nodes, |config| {
            config.fanout.deadline = Duration::from_secs(20);
            change(config);
        })
        .await;
        let pair = Self {
            bed,
            proxy,
            node,
            other,
        };
        eventually("both are known", || {
            pair.bed.server.pool().snapshot().nodes().len() == 2
        })
        .await;
        pair
    }

    fn find(&self, id: &str) -> Arc<Node> {
        let snapshot = self.bed.server.pool().snapshot();
        snapshot.resolve(&NodeId::new(id), None).unwrap().clone()
    }

    async fn act(&self, id: &str, deed: Deed) -> Result<Plan, OrderError> {
        self.bed.server.pool().act(order(id, deed)).await
    }

    async fn drain(&self, ttl: Duration) {
        let plan = self.act("node-1", Deed::Drain { ttl }).await.unwrap();
        assert_eq!(plan.hold_before, Hold::None);
        let balance = plan.balance;
        assert_eq!((balance.before, balance.after, balance.least), (2, 1, 1));
    }

    async fn push(&self) -> PushToRoomResponse {
        let push = self.bed.push_room(ROOM, "hello");
        timeout(SOON, push).await.expect("no wait").unwrap()
    }

    fn pushing(&self) -> JoinHandle<PushToRoomResponse> {
        tokio::task::spawn(send_room(self.bed.client(), ROOM, "hello"))
    }

    /// One push in flight, whose answer is held back, and one that waits behind it.
    async fn one_in_flight_and_one_waiting(&self) -> [JoinHandle<PushToRoomResponse>; 2] {
        assert!(self.push().await.success);
        self.node.take();
        self.proxy.set(Mode::HalfOpen(Direction::FromPeer)).await;
        let flies = self.pushing();
        let mut got = 0;
        eventually("the node has the first", || {
            got += self.node.take().batches.len();
            got == 1
        })
        .await;
        let waits = self.pushing();
        let node = self.find("node-1");
        eventually("the second waits", || node.reading().queued == 1).await;
        let reading = node.reading();
        assert_eq!(reading.in_flight, 1);
        assert!(reading.oldest_in_flight_ns > 0);
        assert!(reading.oldest_in_flight_ns < reading.oldest_queued_ns);
        assert!(reading.queued_bytes > 0);
        [flies, waits]
    }

    async fn ended_by_itself(&self) {
        let node = self.find("node-1");
        eventually("the hold ended", || node.hold() == Hold::None).await;
        assert_eq!(node.reading().hold_until_ns, 0);
        let (events, _) = self.bed.server.events().after(0, usize::MAX);
        let ended = events
            .iter()
            .filter(|event| event.news.kind == Kind::HoldEnded);
        let ended: Vec<_> = ended.map(|event| event.news.node.clone()).collect();
        assert_eq!(ended, [Some(NodeId::new("node-1"))]);
    }
}

fn order(id: &str, deed: Deed) -> Order {
    Order {
        node: NodeId::new(id),
        expected: None,
        deed,
        least_usable_ratio: 0.5,
    }
}

fn one_limited(config: &mut Config) {
    config.fanout.concurrency = 1;
}

async fn answer(push: JoinHandle<PushToRoomResponse>) -> PushToRoomResponse {
    timeout(SOON, push).await.expect("an answer").unwrap()
}

fn assert_ended(answer: &PushToRoomResponse, outcome: Outcome) {
    assert!(!answer.success);
    let word = outcome.as_str_name().to_lowercase();
    let word = word.trim_start_matches("outcome_");
    let message = format!("0 of 1 nodes reached; node-1: drained by an operator; 1 {word}");
    assert_eq!(answer.message, message);
    assert_eq!(outcomes(answer.receipt.as_ref()), [(outcome, 1)].into());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drained_node_gets_nothing_new_while_what_it_has_ends_as_usual() {
    let pair = Pair::with(one_limited).await;
    let earlier = pair.one_in_flight_and_one_waiting().await;
    pair.drain(LONG).await;
    assert_ended(&pair.push().await, Outcome::NodeGone);
    let reading = pair.find("node-1").reading();
    assert_eq!(reading.hold, Hold::Drained);
    assert!(reading.hold_until_ns > reading.oldest_in_flight_ns);
    pair.proxy.set(Mode::Pass).await;
    for push in earlier {
        let answer = answer(push).await;
        assert!(answer.success, "{}", answer.message);
    }
    let failed = |name: &str| pair.bed.metric(name, "reason=\"drained\"");
    assert_eq!(failed("push_manager_push_failed_total"), 1.0);
    assert_eq!(failed("push_manager_node_failed_targets_total"), 1.0);
    pair.act("node-1", Deed::Release).await.unwrap();
    assert!(pair.push().await.success, "free again");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drain_ends_at_its_time() {
    let pair = Pair::start().await;
    pair.drain(Duration::from_millis(300)).await;
    assert_ended(&pair.push().await, Outcome::NodeGone);
    pair.ended_by_itself().await;
    assert!(pair.push().await.success);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_ejected_node_loses_at_once_what_waits_and_what_is_under_way() {
    let pair = Pair::with(one_limited).await;
    let [flies, waits] = pair.one_in_flight_and_one_waiting().await;
    let ttl = Duration::from_secs(2);
    pair.act("node-1", Deed::Eject { ttl }).await.unwrap();
    assert_ended(&answer(flies).await, Outcome::Unknown);
    assert_ended(&answer(waits).await, Outcome::NodeGone);
    let node = pair.find("node-1");
    eventually("its connection closes", || node.live() == 0).await;
    let reading = node.reading();
    assert_eq!(reading.hold, Hold::Ejected);
    assert_eq!(
        (reading.in_flight, reading.queued, reading.queued_bytes),
        (0, 0, 0)
    );
    assert_eq!(
        (reading.oldest_in_flight_ns, reading.oldest_queued_ns),
        (0, 0)
    );
    assert_ended(&pair.push().await, Outcome::NodeGone);
    pair.proxy.set(Mode::Pass).await;
    pair.ended_by_itself().await;
    assert!(pair.push().await.success);
    assert_eq!(node.reading().connects, 2, "on a new connection");
    assert!(pair.other.take().batches.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_was_ejected_and_freed_at_once_still_lost_its_calls() {
    let pair = Pair::with(one_limited).await;
    let [flies, waits] = pair.one_in_flight_and_one_waiting().await;
    pair.act("node-1", Deed::Eject { ttl: LONG }).await.unwrap();
    pair.act("node-1", Deed::Release).await.unwrap();
    for push in [flies, waits] {
        let answer = answer(push).await;
        assert!(
            answer.message.contains("drained by an operator"),
            "{}",
            answer.message
        );
    }
    pair.proxy.set(Mode::Pass).await;
    assert!(pair.push().await.success);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reconnect_makes_a_new_connection_while_a_call_under_way_keeps_its_own() {
    let pair = Pair::with(one_limited).await;
    let [flies, waits] = pair.one_in_flight_and_one_waiting().await;
    let before = pair.proxy.accepted();
    pair.act("node-1", Deed::Reconnect).await.unwrap();
    pair.proxy.set(Mode::Pass).await;
    for push in [flies, waits] {
        let answer = answer(push).await;
        assert!(answer.success, "{}", answer.message);
    }
    assert_eq!(pair.proxy.accepted(), before + 1);
    let node = pair.find("node-1");
    eventually("the old one closes", || node.live() == 1).await;
    assert_eq!(node.link().0, LinkState::Ready);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broadcast_counts_a_drained_node_as_one_target_that_it_did_not_reach() {
    let pair = Pair::start().await;
    pair.drain(LONG).await;
    let answer = pair.bed.broadcast("all").await.unwrap();
    assert!(!answer.success);
    let expected = "1 of 2 nodes reached; node-1: drained by an operator; \
                    1 delivered, 1 node_gone";
    assert_eq!(answer.message, expected);
    let expected = [(Outcome::Delivered, 1), (Outcome::NodeGone, 1)].into();
    assert_eq!(outcomes(answer.receipt.as_ref()), expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn too_few_nodes_are_never_left_and_a_dry_run_says_so_before() {
    let pair = Pair::start().await;
    pair.drain(LONG).await;
    let refusal = Refusal::TooFewUsable {
        before: 1,
        after: 0,
        least: 1,
    };
    for deed in [Deed::Drain { ttl: LONG }, Deed::Eject { ttl: LONG }] {
        let plan = pair.bed.server.pool().plan(&order("node-2", deed)).unwrap();
        assert_eq!(plan.refusal, Some(refusal.clone()));
        let refused = pair.act("node-2", deed).await.unwrap_err();
        assert!(
            matches!(&refused, OrderError::Refused(why, plan)
                if *why == refusal && plan.balance.least == 1),
            "{refused:?}"
        );
        assert_eq!(pair.find("node-2").hold(), Hold::None, "nothing was done");
    }
    let unknown = pair.act("node-9", Deed::Release).await.unwrap_err();
    assert_eq!(unknown.to_string(), "no node is called node-9");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_for_another_instance_is_refused_and_a_hold_goes_with_its_node() {
    let pair = Pair::start().await;
    let first = pair.find("node-1");
    let mut meant = order("node-1", Deed::Drain { ttl: LONG });
    meant.expected = Some(first.instance().to_owned());
    pair.bed.server.pool().act(meant.clone()).await.unwrap();
    // The node moves: another one takes its place.
    put(&pair.bed.memory, "node-1", pair.node.address);
    eventually("it moved", || {
        pair.find("node-1").serial() != first.serial()
    })
    .await;
    let second = pair.find("node-1");
    assert_eq!(second.hold(), Hold::None);
    assert_ne!(first.instance(), second.instance());
    assert!(pair.push().await.success);
    let refused = pair.bed.server.pool().act(meant).await.unwrap_err();
    let OrderError::Refused(Refusal::OtherInstance { found, .. }, _) = refused else {
        panic!("{refused:?}");
    };
    assert_eq!(found, second.instance());
    assert_eq!(second.hold(), Hold::None);
    let (events, _) = pair.bed.server.events().after(0, usize::MAX);
    let ended = events
        .iter()
        .find(|event| event.news.kind == Kind::HoldEnded);
    let ended = &ended.expect("the hold ended with its node").news;
    assert_eq!(ended.level, Level::Audit, "the audit has its end, too");
    assert_eq!(ended.actor.as_deref(), Some("discovery"));
}
