//! Outages of the Controller and of discovery, and bad entries in etcd.

use std::{sync::Arc, time::Duration};

use push_manager::{discovery::memory::MemoryNodes, readiness::State, server::Server};
use push_manager_proto::pubsub::{BroadcastMessageRequest, Outcome};
use push_manager_reference::controller::{Controller, ControllerConfig};
use tokio::time::Instant;
use tonic::{Code, Request, Status};

use crate::{
    bed::{Bed, client_of, config, eventually, loopback, outcomes, start_node, sum, text},
    etcd::EtcdProcess,
    fakes::FakeController,
    proxy::{Mode, Proxy},
    scene::{around, nobody, room_request, send_room},
    ws::Ws,
};

/// What waits for nobody takes less than this, also on a busy machine.
const PROMPT: Duration = Duration::from_secs(1);

#[tokio::test(flavor = "multi_thread")]
async fn a_controller_that_is_down_is_unavailable_by_name_and_counted() {
    let down = nobody().await;
    let address = down.address().to_string();
    let mut config = config();
    config.controller.address.clone_from(&address);
    let bed = Bed::around(config, MemoryNodes::default()).await;
    let room = bed.push_room("room-001", "hello").await.unwrap_err();
    let user = bed.push_user("user-001", "hello").await.unwrap_err();
    for status in [room, user] {
        assert_eq!(status.code(), Code::Unavailable);
        let message = status.message();
        assert!(message.contains(&address), "{message}");
        assert!(message.contains("could not connect"), "{message}");
    }
    for method in ["GetRoomInfo", "GetUserNode"] {
        let labels = format!("method=\"{method}\",status=\"UNAVAILABLE\"");
        let asked = bed.metric("push_manager_controller_requests_total", &labels);
        assert_eq!(asked, 1.0, "{method}");
    }
    let failed = bed.metric(
        "push_manager_push_failed_total",
        "reason=\"controller_unavailable\"",
    );
    assert_eq!(failed, 2.0);
    let answered = bed.metric("push_manager_api_requests_total", "status=\"UNAVAILABLE\"");
    assert_eq!(answered, 2.0);
    // A broadcast needs no Controller.
    assert!(bed.broadcast("news").await.unwrap().success);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_controller_past_its_deadline_is_unavailable_by_name_and_counted() {
    let controller = FakeController::with_members(&[("u", "node-1")]);
    let proxy = Proxy::to(controller.serve().await).await;
    let address = proxy.address().to_string();
    let mut config = config();
    config.controller.address.clone_from(&address);
    config.controller.timeout = Duration::from_millis(400);
    let bed = Bed::around(config, MemoryNodes::default()).await;
    bed.push_room("room-001", "warm").await.unwrap();

    proxy.set(Mode::BlackHole).await;
    let began = Instant::now();
    let status = bed.push_room("room-001", "hello").await.unwrap_err();
    assert!(began.elapsed() >= Duration::from_millis(400));
    assert!(began.elapsed() < Duration::from_millis(400) + PROMPT);
    assert_eq!(status.code(), Code::Unavailable);
    for words in [address.as_str(), "400 ms", "controller.timeout"] {
        assert!(status.message().contains(words), "{words}: {status}");
    }
    let late = bed.metric(
        "push_manager_controller_requests_total",
        "method=\"GetRoomInfo\",status=\"DEADLINE_EXCEEDED\"",
    );
    assert_eq!(late, 1.0);
    let failed = bed.metric(
        "push_manager_push_failed_total",
        "reason=\"controller_unavailable\"",
    );
    assert_eq!(failed, 1.0);
    proxy.set(Mode::Pass).await;
    bed.push_room("room-001", "back").await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn not_found_is_an_empty_answer() {
    let controller = FakeController {
        room: Arc::new(|_| Err(Status::not_found("no such room"))),
        user: Arc::new(|_| Err(Status::not_found("no such user"))),
        ..FakeController::empty()
    };
    let bed = around(controller, &[], |_| {}).await;
    let room = bed.push_room("room-001", "hello").await.unwrap();
    assert!(room.success);
    assert_eq!(
        room.message,
        "room room-001 is unknown or empty: nobody to deliver to"
    );
    let user = bed.push_user("u", "hello").await.unwrap();
    assert!(!user.success);
    assert_eq!(user.message, "user u is not connected");
}

#[tokio::test(flavor = "multi_thread")]
async fn trouble_with_the_controllers_store_is_unavailable_in_its_own_words() {
    let controller = FakeController {
        room: Arc::new(|_| Err(Status::unavailable("the store is away"))),
        user: Arc::new(|_| Err(Status::internal("out of its mind"))),
        ..FakeController::empty()
    };
    let bed = around(controller, &[], |_| {}).await;
    let room = bed.push_room("room-001", "hello").await.unwrap_err();
    let user = bed.push_user("u", "hello").await.unwrap_err();
    for (status, words) in [(room, "the store is away"), (user, "out of its mind")] {
        assert_eq!(status.code(), Code::Unavailable);
        assert!(
            status.message().starts_with("controller 127.0.0.1:"),
            "{status}"
        );
        assert!(status.message().contains(words), "{status}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_callers_short_deadline_is_kept_when_the_controller_is_silent() {
    let proxy = Proxy::to(FakeController::empty().serve().await).await;
    proxy.set(Mode::BlackHole).await;
    let mut config = config();
    config.controller.address = proxy.address().to_string();
    config.controller.timeout = Duration::from_secs(3);
    let bed = Bed::around(config, MemoryNodes::default()).await;
    let within = async |millis| {
        let mut request = Request::new(room_request("room-001", "hello"));
        request.set_timeout(Duration::from_millis(millis));
        bed.client().push_to_room(request).await.unwrap_err()
    };
    let status = within(2_700).await;
    assert_eq!(
        status.code(),
        Code::Unavailable,
        "it had its time: {status}"
    );
    let status = within(500).await;
    assert_eq!(
        status.code(),
        Code::DeadlineExceeded,
        "it had not: {status}"
    );
    let message = status.message();
    assert!(message.contains(&proxy.address().to_string()), "{message}");
    assert!(
        message.contains("deadline of the push exceeded"),
        "{message}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn discovery_that_never_synced_is_unavailable_not_ready() {
    let etcd = nobody().await;
    let mut config = config();
    config.etcd.endpoints = vec![etcd.address().to_string()];
    config.etcd.dial_timeout = Duration::from_millis(300);
    config.registration.enabled = false;
    let server = Server::start(&config, None).await.unwrap();
    let mut client = client_of(server.grpc_addr());
    let status = client
        .push_to_room(room_request("room-001", "hello"))
        .await
        .unwrap_err();
    assert_eq!(status.code(), Code::Unavailable);
    let message = status.message().to_owned();
    assert!(message.starts_with("not ready: "), "{message}");
    assert!(message.contains(&etcd.address().to_string()), "{message}");
    let metrics = || server.metrics().render().unwrap();
    let not_ready = "reason=\"not_ready\"";
    assert_eq!(
        sum(&metrics(), "push_manager_push_failed_total", not_ready),
        1.0
    );
    assert!(matches!(server.readiness().state(), State::Waiting(_)));
}

#[tokio::test(flavor = "multi_thread")]
async fn discovery_that_synced_empty_is_ok_with_0() {
    let etcd = EtcdProcess::start().await;
    let mut config = config();
    config.etcd.endpoints = vec![etcd.endpoint()];
    config.registration.enabled = false;
    let members = FakeController::with_members(&[("a", "connect-node-1"), ("b", "connect-node-2")]);
    config.controller.address = members.serve().await.to_string();
    let server = Server::start(&config, None).await.unwrap();
    eventually("the empty set is known", || {
        server.readiness().state().why_not().is_none()
    })
    .await;
    let mut client = client_of(server.grpc_addr());
    let everyone = BroadcastMessageRequest {
        content: Some(text("news")),
        options: None,
    };
    let answer = client
        .broadcast_message(everyone)
        .await
        .unwrap()
        .into_inner();
    assert!(answer.success);
    assert_eq!(answer.total_delivered, 0);
    assert_eq!(
        answer.message,
        "no Connect-Node is registered: nobody to deliver to"
    );
    // Members at nodes that are not there: no error, and no success either.
    let answer = client
        .push_to_room(room_request("room-001", "hello"))
        .await
        .unwrap()
        .into_inner();
    assert_eq!(answer.delivered_count, 0);
    assert!(!answer.success);
    assert_eq!(
        outcomes(answer.receipt.as_ref()),
        [(Outcome::NodeGone, 2)].into()
    );
    assert!(
        answer.message.contains("unresolved_node"),
        "{}",
        answer.message
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn garbage_and_duplicate_ids_in_etcd_are_skipped_counted_and_hurt_nobody() {
    let etcd = EtcdProcess::start().await;
    let controller = Controller::start(ControllerConfig {
        listen: loopback(),
        ..ControllerConfig::default()
    })
    .await
    .unwrap();
    let node = start_node("connect-node-1", controller.address()).await;
    let older = nobody().await;
    let entry = |address: &str| {
        format!(r#"{{"Op":0,"Addr":"{address}","Metadata":{{"node_id":"connect-node-1"}}}}"#)
    };
    let key = |address: &str| format!("connect-node/{address}");
    let (dead, alive) = (older.address().to_string(), node.grpc_addr().to_string());
    etcd.put(&key(&dead), entry(&dead)).await;
    etcd.put(&key(&alive), entry(&alive)).await;
    etcd.put("connect-node/garbage", "{not json").await;
    etcd.put("connect-node/no-port", r#"{"Op":0,"Addr":"10.0.0.1"}"#)
        .await;
    etcd.put("connect-node/huge", vec![b'x'; 1 << 20]).await;
    let mut config = config();
    config.etcd.endpoints = vec![etcd.endpoint()];
    config.registration.enabled = false;
    config.controller.address = controller.address().to_string();
    let server = Server::start(&config, None).await.unwrap();
    eventually("the set is known", || {
        server.readiness().state().why_not().is_none()
    })
    .await;
    let skipped = |reason: &str| {
        let labels = format!("reason=\"{reason}\"");
        sum(
            &server.metrics().render().unwrap(),
            "push_manager_discovery_skipped_total",
            &labels,
        )
    };
    let (json, address, too_large) = (skipped("json"), skipped("address"), skipped("too_large"));
    assert_eq!((json, address, too_large), (1.0, 1.0, 1.0));
    assert_eq!(skipped("duplicate_id"), 1.0);
    let mut person = Ws::join(node.http_addr(), "u", "room-001").await;
    let answer = send_room(client_of(server.grpc_addr()), "room-001", "hello").await;
    assert!(answer.success, "{}", answer.message);
    assert_eq!(person.data().await, "hello", "the newest registration wins");

    // Each put makes the set be looked at again; what is known already is not counted again.
    etcd.put("connect-node/garbage", "{still not json").await;
    eventually("a changed value counts anew", || skipped("json") == 2.0).await;
    assert_eq!(skipped("duplicate_id"), 1.0);
    etcd.del(&key(&alive)).await;
    eventually("the older registration is used now", || {
        let snapshot = server.pool().snapshot();
        let nodes = snapshot.nodes();
        nodes.len() == 1 && nodes[0].address().to_string() == dead
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fleet_that_comes_and_goes_at_once_is_followed_at_once() {
    const NODES: usize = 2_000;
    let etcd = EtcdProcess::start().await;
    let mut config = config();
    config.etcd.endpoints = vec![etcd.endpoint()];
    config.registration.enabled = false;
    let server = Server::start(&config, None).await.unwrap();
    eventually("it is in step", || {
        server.readiness().state().why_not().is_none()
    })
    .await;
    fill(&etcd, NODES).await;
    eventually("all are known", || {
        server.pool().snapshot().nodes().len() == NODES
    })
    .await;
    etcd.del_prefix("connect-node/").await;
    eventually("all are gone", || {
        server.pool().snapshot().nodes().is_empty()
    })
    .await;
}

/// Registers so many nodes, through one connection.
async fn fill(etcd: &EtcdProcess, nodes: usize) {
    let client = etcd.client().await;
    for port in 1..=nodes {
        let address = format!("127.0.0.1:{port}");
        let key = format!("connect-node/{address}");
        client.kv_client().put(key, address, None).await.unwrap();
    }
}
