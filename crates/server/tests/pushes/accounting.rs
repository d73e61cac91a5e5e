//! Nothing is called what it is not, and nothing runs unseen, where look-ups
//! fail, callers leave and addresses change hands.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicBool, Ordering},
};

use push_manager_proto::pubsub::{
    GetUserNodeResponse, Outcome, PushMessageBatchResponse, PushMessageResponse, UserLocation,
};
use tokio::task::spawn;
use tonic::{Code, Status};

use crate::{
    bed::{eventually, outcomes},
    fakes::{FakeController, FakeNode, member},
    proxy::{Mode, Proxy},
    scene::{Listener, around, send_room},
};

fn not_here() -> FakeNode {
    FakeNode {
        one: Arc::new(|_| Ok(PushMessageResponse::default())),
        ..FakeNode::batches(|asked| {
            Ok(PushMessageBatchResponse {
                success: true,
                delivered_count: 0,
                failed_user_ids: asked.user_ids,
            })
        })
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pushes_whose_callers_left_still_count_against_the_limit() {
    let proxy = Proxy::to(FakeNode::obliging().serve().await).await;
    let controller = FakeController::with_members(&[("u", "node-1")]);
    let nodes = [("node-1", proxy.address())];
    let bed = around(controller, &nodes, |config| {
        config.limits.concurrent_pushes = 2
    })
    .await;
    proxy.set(Mode::BlackHole).await;
    let callers = [0, 1].map(|_| spawn(send_room(bed.client(), "room-001", "left alone")));
    let in_flight = || bed.metric("push_manager_pushes_in_flight", "");
    eventually("both run", || in_flight() == 2.0).await;
    for caller in callers {
        caller.abort();
        assert!(caller.await.unwrap_err().is_cancelled());
    }
    tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    let refused = bed.push_room("room-001", "one too many").await.unwrap_err();
    assert_eq!(refused.code(), Code::ResourceExhausted);
    assert_eq!(in_flight(), 2.0);
}

/// A Controller whose look-ups fail once `broken` is set.
fn breaking(broken: &Arc<AtomicBool>) -> FakeController {
    let (of_room, of_user) = (broken.clone(), broken.clone());
    FakeController {
        room: Arc::new(move |_| {
            if of_room.swap(true, Ordering::SeqCst) {
                return Err(Status::unavailable("store is down"));
            }
            Ok(vec![member("u", "node-1")])
        }),
        user: Arc::new(move |_| {
            if of_user.swap(true, Ordering::SeqCst) {
                return Err(Status::unavailable("store is down"));
            }
            Ok(at(&["node-1"]))
        }),
        ..FakeController::empty()
    }
}

fn at(nodes: &[&str]) -> GetUserNodeResponse {
    let location = |node: &&str| UserLocation {
        node_id: (*node).to_owned(),
        ..UserLocation::default()
    };
    GetUserNodeResponse {
        node_id: nodes[0].to_owned(),
        found: true,
        locations: nodes.iter().map(location).collect(),
        ..GetUserNodeResponse::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn when_the_fresh_look_up_fails_a_room_push_is_no_success() {
    let broken = Arc::new(AtomicBool::new(false));
    let nodes = [("node-1", not_here().serve().await)];
    let bed = around(breaking(&broken), &nodes, |_| {}).await;
    let answer = bed.push_room("room-001", "hello").await.unwrap();
    assert!(!answer.success, "{}", answer.message);
    let expected = [(Outcome::NodeGone, 1)].into();
    assert_eq!(outcomes(answer.receipt.as_ref()), expected);
    let failed = bed.metric(
        "push_manager_push_failed_total",
        "reason=\"controller_unavailable\"",
    );
    assert_eq!(failed, 1.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn when_the_fresh_look_up_fails_a_user_push_names_the_controller() {
    let broken = Arc::new(AtomicBool::new(false));
    let nodes = [("node-1", not_here().serve().await)];
    let bed = around(breaking(&broken), &nodes, |_| {}).await;
    let status = bed.push_user("u", "hello").await.unwrap_err();
    assert_eq!(status.code(), Code::Unavailable);
    assert!(status.message().contains("store is down"), "{status}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_moved_gets_the_push_though_another_device_took_it() {
    let (first, third) = (FakeNode::obliging(), FakeNode::obliging());
    let calls = third.calls.clone();
    let nodes = [
        ("a", first.serve().await),
        ("b", not_here().serve().await),
        ("c", third.serve().await),
    ];
    let moved = Arc::new(AtomicBool::new(false));
    let asked = moved.clone();
    let controller = FakeController {
        user: Arc::new(move |_| {
            let places: &[&str] = match asked.swap(true, Ordering::SeqCst) {
                false => &["a", "b"],
                true => &["a", "c"],
            };
            Ok(at(places))
        }),
        ..FakeController::empty()
    };
    let bed = around(controller, &nodes, |_| {}).await;
    let answer = bed.push_user("u", "hello").await.unwrap();
    assert!(answer.success);
    assert_eq!(calls.load(Ordering::SeqCst), 1, "c was called");
    let expected = [(Outcome::Delivered, 1)].into();
    assert_eq!(outcomes(answer.receipt.as_ref()), expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_learnt_address_that_changed_hands_loses_nobody() {
    // Once `gone`, another process listens at the first address, and has nobody.
    let gone = Arc::new(AtomicBool::new(false));
    let taken = gone.clone();
    let first = FakeNode::batches(move |asked| {
        let failed = taken.load(Ordering::SeqCst);
        let users = asked.user_ids;
        Ok(PushMessageBatchResponse {
            success: true,
            delivered_count: if failed { 0 } else { 1 },
            failed_user_ids: if failed { users } else { Vec::new() },
        })
    });
    let first = first.serve().await;
    let taught = Arc::new(Mutex::new(first.to_string()));
    let address = taught.clone();
    let controller = FakeController {
        room: Arc::new(|_| Ok(vec![member("u", "stranger")])),
        user: Arc::new(move |_| {
            Ok(GetUserNodeResponse {
                node_id: "stranger".into(),
                node_address: address.lock().unwrap().clone(),
                found: true,
                ..GetUserNodeResponse::default()
            })
        }),
        ..FakeController::empty()
    };
    let second = FakeNode::obliging().serve().await;
    let nodes = [("x", first), ("y", second)];
    let bed = around(controller, &nodes, |_| {}).await;
    assert!(bed.push_room("room-001", "one").await.unwrap().success);
    gone.store(true, Ordering::SeqCst);
    // As Controllers do that know no address.
    *taught.lock().unwrap() = "stranger".to_owned();
    for number in 0..2 {
        let answer = bed.push_room("room-001", "two").await.unwrap();
        let expected = [(Outcome::Delivered, 1)].into();
        assert_eq!(outcomes(answer.receipt.as_ref()), expected, "{number}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_room_on_nameless_nodes_uses_the_room_form_and_counts_who_is_missing() {
    let room_form = |delivered_count| {
        FakeNode::batches(move |asked| {
            assert!(asked.user_ids.is_empty() && asked.room_id == "room-001");
            Ok(PushMessageBatchResponse {
                success: true,
                delivered_count,
                failed_user_ids: Vec::new(),
            })
        })
    };
    let nodes = [
        ("x", room_form(40_000).serve().await),
        ("y", room_form(30_000).serve().await),
    ];
    let users: Vec<_> = (0..70_001)
        .map(|number| member(&format!("user-{number}"), "nameless"))
        .collect();
    let controller = FakeController {
        room: Arc::new(move |_| Ok(users.clone())),
        ..FakeController::empty()
    };
    let bed = around(controller, &nodes, |config| {
        config.controller.timeout = std::time::Duration::from_secs(20);
    })
    .await;
    let answer = bed.push_room("room-001", "hello").await.unwrap();
    let expected = [(Outcome::Delivered, 70_000), (Outcome::NodeGone, 1)].into();
    assert_eq!(outcomes(answer.receipt.as_ref()), expected);
    assert!(!answer.success);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_absent_member_does_not_spread_the_others_to_every_node() {
    let holder = FakeNode::batches(|asked| {
        let (here, gone): (Vec<_>, Vec<_>) =
            asked.user_ids.into_iter().partition(|user| user == "here");
        Ok(PushMessageBatchResponse {
            success: true,
            delivered_count: i32::try_from(here.len()).unwrap(),
            failed_user_ids: gone,
        })
    });
    let holder = holder.serve().await;
    let bystander = Listener::having(&[]).await;
    let address = holder.to_string();
    let controller = FakeController {
        room: Arc::new(|_| {
            Ok(vec![
                member("here", "stranger"),
                member("ghost", "stranger"),
            ])
        }),
        user: Arc::new(move |_| {
            Ok(GetUserNodeResponse {
                node_id: "stranger".into(),
                node_address: address.clone(),
                found: true,
                ..GetUserNodeResponse::default()
            })
        }),
        ..FakeController::empty()
    };
    let nodes = [("x", holder), ("y", bystander.address)];
    let bed = around(controller, &nodes, |_| {}).await;
    for _ in 0..3 {
        let answer = bed.push_room("room-001", "hello").await.unwrap();
        assert_eq!(answer.delivered_count, 1, "{}", answer.message);
    }
    assert!(
        bystander.take().batches.is_empty(),
        "it was asked for nobody"
    );
}
