//! What goes with a node that leaves, and how this instance takes its leave.

use std::time::Duration;

use push_manager::ids::NodeId;
use push_manager::server::Drained;

use crate::{
    bed::{eventually, text},
    fakes::{FakeController, FakeNode},
    proxy::Proxy,
    scene::{around, put, room_request},
};

const CONNECTIONS: &str = "push_manager_node_connections";

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_leaves_takes_its_connections_and_series_along() {
    let node = Proxy::to(FakeNode::obliging().serve().await).await;
    let controller = FakeController::with_members(&[("u", "node-1")]);
    let nodes = [("node-1", node.address())];
    let bed = around(controller, &nodes, |config| {
        config.discovery.grace = Duration::from_millis(200);
    })
    .await;
    assert_eq!(node.accepted(), 0, "connected on first use");
    assert!(bed.push_room("room-001", "hello").await.unwrap().success);
    assert_eq!(node.open(), 1);
    let series = || bed.server.metrics().render().unwrap();
    assert!(series().contains("push_manager_node_connections{node_id=\"node-1\"} 1"));

    bed.memory.remove(&NodeId::new("node-1"));
    eventually("the connection is closed", || node.open() == 0).await;
    assert!(bed.server.pool().snapshot().nodes().is_empty());
    let left: Vec<String> = series()
        .lines()
        .filter(|line| line.contains("node-1"))
        .map(str::to_owned)
        .collect();
    assert!(left.is_empty(), "series of a node that left: {left:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_whose_registration_is_gone_is_used_while_its_connection_lives() {
    let node = FakeNode::obliging().serve().await;
    let controller = FakeController::with_members(&[("u", "node-1")]);
    let bed = around(controller, &[("node-1", node)], |config| {
        config.discovery.grace = Duration::from_secs(60);
    })
    .await;
    assert!(bed.push_room("room-001", "hello").await.unwrap().success);
    bed.memory.remove(&NodeId::new("node-1"));
    eventually("it lingers", || {
        let snapshot = bed.server.pool().snapshot();
        snapshot.nodes().iter().any(|node| node.is_lingering())
    })
    .await;
    assert_eq!(
        bed.metric("push_manager_discovery_lingering_nodes", ""),
        1.0
    );
    let answer = bed.push_room("room-001", "still").await.unwrap();
    assert_eq!(answer.delivered_count, 1, "{}", answer.message);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_moves_is_called_at_its_new_address() {
    let (old, new) = (FakeNode::obliging(), FakeNode::obliging());
    let before = Proxy::to(old.serve().await).await;
    let after = Proxy::to(new.serve().await).await;
    let controller = FakeController::with_members(&[("u", "node-1")]);
    let bed = around(controller, &[("node-1", before.address())], |_| {}).await;
    assert!(bed.push_room("room-001", "hello").await.unwrap().success);
    put(&bed.memory, "node-1", after.address());
    eventually("the old connection is closed", || before.open() == 0).await;
    assert!(bed.push_room("room-001", "hello").await.unwrap().success);
    assert_eq!((before.accepted(), after.accepted()), (1, 1));
    assert_eq!(bed.metric(CONNECTIONS, "node-1"), 1.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_push_under_way_is_answered_before_the_server_ends() {
    let node = FakeNode::batches(|asked| {
        std::thread::sleep(Duration::from_millis(1500));
        Ok(push_manager_proto::pubsub::PushMessageBatchResponse {
            success: true,
            delivered_count: i32::try_from(asked.user_ids.len()).unwrap(),
            failed_user_ids: Vec::new(),
        })
    });
    let calls = node.calls.clone();
    let controller = FakeController::with_members(&[("u", "node-1")]);
    let nodes = [("node-1", node.serve().await)];
    let bed = around(controller, &nodes, |config| {
        config.fanout.deadline = Duration::from_secs(10);
    })
    .await;
    let mut client = bed.client();
    let push = tokio::task::spawn(async move {
        let request = room_request("room-001", &text("hello").data);
        client.push_to_room(request).await
    });
    eventually("the node is asked", || {
        calls.load(std::sync::atomic::Ordering::SeqCst) == 1
    })
    .await;
    let drained = bed.server.quit().await;
    assert_eq!(drained, Drained::Clean);
    let answer = push.await.unwrap().expect("an answer").into_inner();
    assert_eq!(answer.delivered_count, 1, "{}", answer.message);
}
