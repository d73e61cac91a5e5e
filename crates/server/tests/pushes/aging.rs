//! Connections of callers end when they are old, so that callers find new instances.

use std::time::Duration;

use push_manager::channel::Failure;
use push_manager_proto::pubsub::push_manager_service_client::PushManagerServiceClient;
use tokio::{task::JoinSet, time::Instant};
use tonic::transport::Channel;

use crate::{
    bed::{client_of, eventually},
    fakes::{FakeController, FakeNode},
    proxy::Proxy,
    scene::{around, room_request},
};

/// Callers push for so long.
const PUSHES_FOR: Duration = Duration::from_secs(3);

/// Pushes one after the other; how many were answered. What surely went unsent is sent again: the
/// libraries of gRPC do that by themselves, tonic leaves it to who calls.
async fn push(mut client: PushManagerServiceClient<Channel>, until: Instant) -> u32 {
    let mut answered = 0;
    while Instant::now() < until {
        let request = room_request("room-001", "hello");
        let mut answer = client.push_to_room(request.clone()).await;
        if answer
            .as_ref()
            .is_err_and(|status| Failure::of(status) == Failure::Unsent)
        {
            answer = client.push_to_room(request).await;
        }
        let answer = answer.unwrap_or_else(|status| panic!("push {answered}: {status}"));
        assert_eq!(answer.into_inner().delivered_count, 1);
        answered += 1;
    }
    answered
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_is_old_is_replaced_and_no_push_fails_by_it() {
    let controller = FakeController::with_members(&[("u", "node-1")]);
    let node = FakeNode::obliging().serve().await;
    let bed = around(controller, &[("node-1", node)], |config| {
        config.limits.connection_age = Duration::from_secs(1);
    })
    .await;
    let server = Proxy::to(bed.server.grpc_addr()).await;
    let client = client_of(server.address());
    let until = Instant::now() + PUSHES_FOR;
    let callers = (0..4).map(|_| push(client.clone(), until));
    let answered = callers.collect::<JoinSet<u32>>().join_all().await;
    assert!(answered.iter().all(|pushes| *pushes > 5), "{answered:?}");
    let connections = server.accepted();
    assert!((2..=4).contains(&connections), "{connections}");
    eventually("the old ones are closed", || server.open() <= 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_grows_as_old_as_it_likes_where_no_age_is_set() {
    let controller = FakeController::with_members(&[("u", "node-1")]);
    let node = FakeNode::obliging().serve().await;
    let bed = around(controller, &[("node-1", node)], |_| {}).await;
    let server = Proxy::to(bed.server.grpc_addr()).await;
    let mut client = client_of(server.address());
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(2) {
        let push = client.push_to_room(room_request("room-001", "hello")).await;
        assert!(push.unwrap().into_inner().success);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(server.accepted(), 1);
}
