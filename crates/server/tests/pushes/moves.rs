//! Users who move between nodes are found where they are now.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use push_manager_proto::pubsub::{GetUserNodeResponse, Outcome, PushMessageBatchResponse};

use crate::{
    bed::{Bed, eventually, outcomes},
    fakes::{FakeController, FakeNode, member},
    scene::{around, nobody},
};

#[tokio::test(flavor = "multi_thread")]
async fn a_user_who_reconnects_to_another_node_gets_the_next_push_there() {
    // So long that the cache would never forget by itself.
    let bed = Bed::with(2, |config| {
        config.controller.user_cache_ttl = Duration::from_secs(300);
    })
    .await;
    let asked = || {
        bed.metric(
            "push_manager_controller_requests_total",
            "method=\"GetUserNode\"",
        )
    };
    let mut first = bed.join(0, "u", "room-001").await;
    for number in 0..3 {
        let data = format!("push-{number}");
        assert!(bed.push_user("u", &data).await.unwrap().success);
        assert_eq!(first.data().await, data);
    }
    assert_eq!(asked(), 1.0, "the place is remembered");

    drop(first);
    eventually("the node let the connection go", || {
        bed.nodes[0].stats().connections == 0
    })
    .await;
    let mut second = bed.join(1, "u", "room-001").await;
    let answer = bed.push_user("u", "found you").await.unwrap();
    assert!(answer.success, "{}", answer.message);
    assert_eq!(second.data().await, "found you");
    assert_eq!(asked(), 2.0, "one fresh look-up");
    assert_eq!(bed.metric("push_manager_reroutes_total", ""), 1.0);
    assert_eq!(
        outcomes(answer.receipt.as_ref()),
        [(Outcome::Delivered, 1)].into()
    );
    assert!(bed.push_user("u", "again").await.unwrap().success);
    assert_eq!(second.data().await, "again");
    assert_eq!(asked(), 2.0, "the new place is remembered");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_who_is_nowhere_any_more_is_offline_after_one_fresh_look_up() {
    let bed = Bed::with(2, |config| {
        config.controller.user_cache_ttl = Duration::from_secs(300);
    })
    .await;
    let first = bed.join(0, "u", "room-001").await;
    assert!(bed.push_user("u", "hello").await.unwrap().success);
    drop(first);
    eventually("the Controller forgot the user", || {
        bed.controller.as_ref().unwrap().stats().users == 0
    })
    .await;
    let answer = bed.push_user("u", "gone?").await.unwrap();
    assert!(!answer.success);
    assert_eq!(answer.message, "user u is not connected");
    assert_eq!(bed.metric("push_manager_reroutes_total", ""), 0.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_room_member_who_moved_during_the_push_is_rerouted() {
    // The Controller's first answer is older than the move.
    let (left, arrived) = (
        FakeNode::batches(|asked| {
            Ok(PushMessageBatchResponse {
                success: true,
                delivered_count: 0,
                failed_user_ids: asked.user_ids,
            })
        }),
        FakeNode::obliging(),
    );
    let controller = FakeController::empty();
    let asked = Arc::new(AtomicUsize::new(0));
    let counter = asked.clone();
    let controller = FakeController {
        room: Arc::new(move |_| {
            let node = if counter.fetch_add(1, Ordering::SeqCst) == 0 {
                "node-1"
            } else {
                "node-2"
            };
            Ok(vec![member("u", node)])
        }),
        ..controller
    };
    let nodes = [
        ("node-1", left.clone().serve().await),
        ("node-2", arrived.clone().serve().await),
    ];
    let bed = around(controller, &nodes, |_| {}).await;
    let answer = bed.push_room("room-001", "hello").await.unwrap();
    assert!(answer.success, "{}", answer.message);
    assert_eq!(answer.delivered_count, 1);
    assert_eq!(asked.load(Ordering::SeqCst), 2);
    assert_eq!(arrived.calls.load(Ordering::SeqCst), 1);
    assert_eq!(bed.metric("push_manager_reroutes_total", ""), 1.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_whose_node_went_down_is_rerouted_to_where_the_controller_says() {
    let down = nobody().await;
    let node = FakeNode::obliging();
    let nodes = [
        ("node-1", down.address()),
        ("node-2", node.clone().serve().await),
    ];
    // The first look-up is older than the move, for the user as for the room.
    let asked = Arc::new(AtomicUsize::new(0));
    let place = move || {
        if asked.fetch_add(1, Ordering::SeqCst).is_multiple_of(2) {
            "node-1"
        } else {
            "node-2"
        }
    };
    let other = place.clone();
    let controller = FakeController {
        room: Arc::new(move |_| Ok(vec![member("u", place())])),
        user: Arc::new(move |_| {
            Ok(GetUserNodeResponse {
                node_id: other().into(),
                found: true,
                ..GetUserNodeResponse::default()
            })
        }),
        ..FakeController::empty()
    };
    let bed = around(controller, &nodes, |_| {}).await;
    let room = bed.push_room("room-001", "hello").await.unwrap();
    assert_eq!(
        outcomes(room.receipt.as_ref()),
        [(Outcome::Delivered, 1)].into(),
        "{}",
        room.message
    );
    let user = bed.push_user("u", "hello").await.unwrap();
    assert!(user.success, "{}", user.message);
    assert_eq!(
        user.message,
        "1 of 2 nodes reached; node-1: could not connect; 1 delivered"
    );
    assert_eq!(node.calls.load(Ordering::SeqCst), 2);
    assert_eq!(bed.metric("push_manager_reroutes_total", ""), 2.0);
}
