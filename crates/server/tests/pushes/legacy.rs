//! What old nodes answer, and what is made of it.

use std::sync::Arc;

use push_manager_proto::pubsub::{
    Outcome, PushMessageBatchRequest, PushMessageBatchResponse, PushMessageResponse,
};
use tonic::Status;

use crate::{
    bed::{Bed, outcomes},
    fakes::{FakeController, FakeNode},
    scene::around,
};

type Batch = Result<PushMessageBatchResponse, Status>;

fn answer(success: bool, delivered_count: i32, failed: &[&str]) -> Batch {
    Ok(PushMessageBatchResponse {
        success,
        delivered_count,
        failed_user_ids: failed.iter().map(ToString::to_string).collect(),
    })
}

/// A room of a, b and c, all at one node that answers so.
async fn room_of_three(
    answer: impl Fn(PushMessageBatchRequest) -> Batch + Send + Sync + 'static,
) -> (Bed, FakeNode) {
    let members = [("a", "node-1"), ("b", "node-1"), ("c", "node-1")];
    let node = FakeNode::batches(answer);
    let nodes = [("node-1", node.clone().serve().await)];
    let bed = around(FakeController::with_members(&members), &nodes, |_| {}).await;
    (bed, node)
}

/// Pushes to the room and checks how it ended for its users; gives the message.
async fn ends(given: Batch, expected: &[(Outcome, i64)], reason: &str, success: bool) -> String {
    let (bed, node) = room_of_three(move |_| given.clone()).await;
    let answer = bed.push_room("room-001", "hello").await.unwrap();
    let expected = expected.iter().copied().collect();
    assert_eq!(
        outcomes(answer.receipt.as_ref()),
        expected,
        "{}",
        answer.message
    );
    assert_eq!(answer.success, success);
    let delivered = expected.get(&Outcome::Delivered).copied().unwrap_or(0);
    assert_eq!(i64::from(answer.delivered_count), delivered);
    let failed: i64 = expected
        .iter()
        .filter(|(outcome, _)| !matches!(outcome, Outcome::Delivered | Outcome::Offline))
        .map(|(_, count)| count)
        .sum();
    let labels = format!("node_id=\"node-1\",reason=\"{reason}\"");
    let counted = bed.metric("push_manager_node_failed_targets_total", &labels);
    let whole = bed.metric(
        "push_manager_push_failed_total",
        &format!("reason=\"{reason}\""),
    );
    assert_eq!((counted, whole), (failed as f64, failed as f64), "{reason}");
    let calls = node.calls.load(std::sync::atomic::Ordering::SeqCst);
    assert_eq!(calls, 1, "an answer is not asked for again");
    answer.message
}

#[tokio::test(flavor = "multi_thread")]
async fn success_with_count_0_and_no_failed_ids_means_all_who_were_asked() {
    ends(
        answer(true, 0, &[]),
        &[(Outcome::Delivered, 3)],
        "none",
        true,
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_count_of_devices_is_not_taken_for_users() {
    ends(
        answer(true, 7, &[]),
        &[(Outcome::Delivered, 3)],
        "none",
        true,
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn failed_ids_are_offline_where_a_fresh_look_up_says_the_same() {
    let given = answer(true, 2, &["b"]);
    let expected = [(Outcome::Delivered, 2), (Outcome::Offline, 1)];
    ends(given, &expected, "none", true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn not_found_means_that_none_of_them_is_there() {
    let given = Err(Status::not_found("no such user"));
    ends(given, &[(Outcome::Offline, 3)], "none", true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_count_that_is_too_small_leaves_the_rest_unknown() {
    let expected = [(Outcome::Delivered, 1), (Outcome::Unknown, 2)];
    ends(answer(true, 1, &[]), &expected, "unaccounted", false).await;
    let expected = [
        (Outcome::Delivered, 1),
        (Outcome::Offline, 1),
        (Outcome::Unknown, 1),
    ];
    ends(answer(true, 1, &["c"]), &expected, "unaccounted", false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_success_without_counts_is_a_refusal() {
    let message = ends(
        answer(false, 0, &[]),
        &[(Outcome::Rejected, 3)],
        "node_refused",
        false,
    );
    assert_eq!(
        message.await,
        "0 of 1 nodes reached; node-1: node refused the push; 3 rejected"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_without_the_batch_call_rejects() {
    let given = Err(Status::unimplemented("unknown method PushMessageBatch"));
    let message = ends(given, &[(Outcome::Rejected, 3)], "node_error", false).await;
    assert_eq!(
        message,
        "0 of 1 nodes reached; node-1: node answered with an error; 3 rejected"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_internal_error_may_hide_deliveries_and_is_unknown() {
    let given = Err(Status::internal("broken after half of them"));
    ends(given, &[(Outcome::Unknown, 3)], "node_error", false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unavailable_that_is_answered_may_come_from_a_proxy_and_is_unknown() {
    let given = Err(Status::unavailable("upstream reset"));
    ends(given, &[(Outcome::Unknown, 3)], "node_error", false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_room_form_without_a_word_counts_as_one_target() {
    let node = FakeNode::batches(|_| Err(Status::internal("broken")));
    let nodes = [("node-1", node.serve().await)];
    let controller = FakeController {
        room_nodes: Arc::new(|_| Ok(vec!["node-1".into()])),
        ..FakeController::empty()
    };
    let bed = around(controller, &nodes, |config| {
        config.routing.strategy = push_manager_config::Strategy::Room;
    })
    .await;
    let answer = bed.push_room("room-001", "hello").await.unwrap();
    assert!(!answer.success);
    assert_eq!(
        outcomes(answer.receipt.as_ref()),
        [(Outcome::Unknown, 1)].into()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broadcast_counts_failed_ids_as_targets_who_are_offline() {
    let (bed, _) = room_of_three(|asked| {
        assert!(asked.user_ids.is_empty() && asked.room_id.is_empty());
        answer(true, 40, &["x", "y"])
    })
    .await;
    let answer = bed.broadcast("news").await.unwrap();
    assert!(answer.success);
    assert_eq!(answer.total_delivered, 40);
    assert_eq!(
        outcomes(answer.receipt.as_ref()),
        [(Outcome::Delivered, 40), (Outcome::Offline, 2)].into()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_single_users_answer_is_success_offline_or_an_error() {
    let cases: [(Result<bool, Status>, Outcome); 4] = [
        (Ok(true), Outcome::Delivered),
        (Ok(false), Outcome::Offline),
        (Err(Status::not_found("no such user")), Outcome::Offline),
        (Err(Status::internal("broken")), Outcome::Unknown),
    ];
    for (given, outcome) in cases {
        let node = FakeNode {
            one: Arc::new(move |_| {
                let message = String::new();
                let success = given.clone()?;
                Ok(PushMessageResponse { success, message })
            }),
            ..FakeNode::obliging()
        };
        let nodes = [("node-1", node.serve().await)];
        let bed = around(FakeController::with_user_at("node-1", ""), &nodes, |_| {}).await;
        let answer = bed.push_user("u", "hello").await.unwrap();
        assert_eq!(answer.success, outcome == Outcome::Delivered);
        assert_eq!(outcomes(answer.receipt.as_ref()), [(outcome, 1)].into());
    }
}
