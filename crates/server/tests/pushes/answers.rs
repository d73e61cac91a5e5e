//! What callers are told is what happened.

use push_manager_proto::pubsub::Outcome;

use crate::bed::{Bed, outcomes};

#[tokio::test(flavor = "multi_thread")]
async fn a_room_push_reaches_every_member_on_every_node() {
    let bed = Bed::start(3).await;
    let mut clients = Vec::new();
    for node in 0..3 {
        clients.push(bed.join(node, &format!("user-{node}"), "room-001").await);
    }
    let answer = bed.push_room("room-001", "hello").await.unwrap();
    assert!(answer.success, "{}", answer.message);
    assert_eq!(answer.delivered_count, 3);
    assert_eq!(outcomes(answer.receipt.as_ref())[&Outcome::Delivered], 3);
    assert_eq!(answer.message, "3 of 3 nodes reached; 3 delivered");
    for client in &mut clients {
        assert_eq!(client.data().await, "hello");
        assert!(client.is_silent().await);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_excluded_user_gets_nothing_and_is_counted() {
    let bed = Bed::start(2).await;
    let mut first = bed.join(0, "a", "room-001").await;
    let mut second = bed.join(1, "b", "room-001").await;
    let answer = bed
        .push_room_without("room-001", "hello", &["b", "stranger"])
        .await
        .unwrap();
    assert!(answer.success);
    assert_eq!(answer.delivered_count, 1);
    let outcomes = outcomes(answer.receipt.as_ref());
    assert_eq!(
        (outcomes[&Outcome::Delivered], outcomes[&Outcome::Excluded]),
        (1, 1)
    );
    assert_eq!(first.data().await, "hello");
    assert!(second.is_silent().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_push_reaches_all_devices_on_all_nodes_and_counts_once() {
    let bed = Bed::start(2).await;
    let mut phone = bed.join(0, "u", "room-001").await;
    let mut tablet = bed.join(0, "u", "room-002").await;
    let mut desk = bed.join(1, "u", "room-001").await;
    let answer = bed.push_user("u", "hello").await.unwrap();
    assert!(answer.success);
    assert_eq!(outcomes(answer.receipt.as_ref())[&Outcome::Delivered], 1);
    for device in [&mut phone, &mut tablet, &mut desk] {
        assert_eq!(device.data().await, "hello");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broadcast_reaches_everyone_and_counts_what_nodes_report() {
    let bed = Bed::start(3).await;
    let mut a = bed.join(0, "a", "room-001").await;
    let mut b = bed.join(2, "b", "room-002").await;
    let answer = bed.broadcast("news").await.unwrap();
    assert!(answer.success);
    assert_eq!(answer.total_delivered, 2);
    assert_eq!(outcomes(answer.receipt.as_ref())[&Outcome::Delivered], 2);
    assert_eq!(
        (a.data().await, b.data().await),
        ("news".into(), "news".into())
    );
}
