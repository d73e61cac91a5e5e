//! A room of 100,000 users, within the named limits.

use std::{sync::Arc, time::Duration};

use push_manager_config::Config;
use push_manager_proto::pubsub::{Outcome, PushMessageBatchResponse, UserInfo};
use tonic::Code;

use crate::{
    bed::{Bed, outcomes},
    fakes::{FakeController, FakeNode, member},
    scene::around,
};

const USERS: usize = 100_000;
const NODES: [&str; 3] = ["node-1", "node-2", "node-3"];

type Sizes = Arc<std::sync::Mutex<Vec<usize>>>;

/// The room's users, dealt out over three nodes.
fn crowd() -> Vec<UserInfo> {
    (0..USERS)
        .map(|at| member(&format!("user-{at:06}"), NODES[at % NODES.len()]))
        .collect()
}

/// Nodes that lack every user whose number ends in 99, and tell how many each call named.
async fn start(change: impl FnOnce(&mut Config)) -> (Bed, Sizes) {
    let users = crowd();
    let controller = FakeController {
        room: Arc::new(move |_| Ok(users.clone())),
        ..FakeController::empty()
    };
    let sizes = Sizes::default();
    let mut nodes = Vec::new();
    for id in NODES {
        let sizes = sizes.clone();
        let node = FakeNode::batches(move |asked| {
            sizes.lock().unwrap().push(asked.user_ids.len());
            let absent = asked.user_ids.iter().filter(|user| user.ends_with("99"));
            let failed_user_ids: Vec<String> = absent.cloned().collect();
            let delivered = asked.user_ids.len() - failed_user_ids.len();
            Ok(PushMessageBatchResponse {
                success: true,
                delivered_count: i32::try_from(delivered).unwrap(),
                failed_user_ids,
            })
        });
        nodes.push((id, node.serve().await));
    }
    let bed = around(controller, &nodes, |config| {
        config.controller.timeout = Duration::from_secs(20);
        config.fanout.deadline = Duration::from_secs(20);
        change(config);
    })
    .await;
    (bed, sizes)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_room_of_100_000_users_is_served_in_chunks_with_exact_counts() {
    let (bed, sizes) = start(|_| {}).await;
    let answer = bed.push_room("room-001", "hello").await.unwrap();
    assert!(answer.success, "{}", answer.message);
    assert_eq!(answer.delivered_count, 99_000);
    assert_eq!(
        outcomes(answer.receipt.as_ref()),
        [(Outcome::Delivered, 99_000), (Outcome::Offline, 1_000)].into()
    );
    assert_eq!(
        answer.message,
        "3 of 3 nodes reached; 99000 delivered, 1000 offline"
    );
    let sizes = std::mem::take(&mut *sizes.lock().unwrap());
    assert_eq!(
        sizes.iter().sum::<usize>(),
        USERS,
        "each user is named once"
    );
    // 33,334 users a node, at most 5,000 a call.
    assert_eq!(sizes.len(), 21);
    assert_eq!(sizes.iter().max(), Some(&5_000));
    let delivered = bed.metric("push_manager_push_success_total", "");
    assert_eq!(delivered, 99_000.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_room_of_100_000_users_loses_only_what_a_dead_node_holds() {
    let (bed, _) = start(|_| {}).await;
    let dead = crate::scene::nobody().await;
    crate::scene::put(&bed.memory, "node-3", dead.address());
    crate::bed::eventually("the node moved", || {
        let snapshot = bed.server.pool().snapshot();
        snapshot.nodes()[2].address().to_string() == dead.address().to_string()
    })
    .await;
    let answer = bed.push_room("room-001", "hello").await.unwrap();
    assert!(!answer.success);
    let counts = outcomes(answer.receipt.as_ref());
    assert_eq!(counts[&Outcome::NodeGone], 33_333);
    assert_eq!(counts.values().sum::<i64>(), 100_000);
    assert!(
        answer
            .message
            .starts_with("2 of 3 nodes reached; node-3: could not connect; ")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_room_beyond_the_controllers_message_limit_is_an_error_naming_the_limit() {
    let (bed, sizes) = start(|config| config.controller.max_message = 1 << 20).await;
    let status = bed.push_room("room-001", "hello").await.unwrap_err();
    assert_eq!(status.code(), Code::Unavailable);
    let message = status.message();
    assert!(message.starts_with("controller 127.0.0.1:"), "{message}");
    for words in ["controller.max_message", "1048576"] {
        assert!(message.contains(words), "{words}: {message}");
    }
    assert!(sizes.lock().unwrap().is_empty(), "nobody gets half a room");
}
