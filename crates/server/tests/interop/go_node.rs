//! Connect-Nodes and a Controller in Go, as a plain Go service writes them.

use push_manager_config::Config;
use push_manager_proto::pubsub::{
    BroadcastMessageRequest, JoinRoomRequest, Outcome, PushToRoomRequest, PushToUserRequest,
    controller_service_client::ControllerServiceClient,
};
use push_manager_reference::controller::{Controller, ControllerConfig};
use serde_json::{Value, json};
use tonic::Request;

use crate::{
    bed::{client_of, eventually, loopback, outcomes, text},
    etcd::EtcdProcess,
    fakes::FakeController,
    programs::{Running, config_with, go, serve},
};

/// A Go node that holds what `holding` says, registered in etcd, and its address.
async fn go_node(etcd: &EtcdProcess, holding: &[&str]) -> (Running, String) {
    let mut command = go(&["node", "-etcd", &etcd.endpoint()]);
    command.args(holding);
    let mut node = Running::start(command);
    let address = node.line_with("event", "listening").await["addr"]
        .as_str()
        .unwrap()
        .to_owned();
    (node, address)
}

async fn go_controller(members: &[&str]) -> (Running, String) {
    let mut command = go(&["controller"]);
    for member in members {
        command.args(["-member", member]);
    }
    let mut controller = Running::start(command);
    let address = controller.line_with("event", "listening").await["addr"]
        .as_str()
        .unwrap()
        .to_owned();
    (controller, address)
}

fn sorted(list: &Value) -> Vec<&str> {
    let mut names: Vec<&str> = list
        .as_array()
        .map(|names| names.iter().filter_map(Value::as_str).collect())
        .unwrap_or_default();
    names.sort_unstable();
    names
}

/// The Controller's node ids name nothing in etcd (`Metadata` is null there),
/// and it repeats them as addresses: only asking all nodes by name is left.
#[tokio::test]
async fn go_nodes_that_no_id_resolves_to_are_asked_by_name_and_counted_truly() {
    let etcd = EtcdProcess::start().await;
    let (mut one, _) = go_node(&etcd, &["-member", "room-001=alice"]).await;
    let (mut two, _) = go_node(&etcd, &["-member", "room-001=bob", "-user", "zoe"]).await;
    let (_controller, at) = go_controller(&[
        "room-001=alice@connect-node-1",
        "room-001=bob@connect-node-2",
        "room-001=gone@connect-node-2",
    ])
    .await;
    let server = serve(&config_with(&etcd, &at), 2).await;
    let mut client = client_of(server.grpc_addr());

    let answer = client
        .push_to_room(PushToRoomRequest {
            room_id: "room-001".into(),
            content: Some(text("to the room")),
            ..PushToRoomRequest::default()
        })
        .await
        .unwrap()
        .into_inner();
    let ended = outcomes(answer.receipt.as_ref());
    assert_eq!(answer.delivered_count, 2, "{answer:?}");
    assert!(!answer.success, "the third's node is not known: {answer:?}");
    assert!(answer.message.contains("unresolved_node"), "{answer:?}");
    assert_eq!(
        ended,
        [(Outcome::Delivered, 2), (Outcome::NodeGone, 1)].into()
    );
    for (node, held) in [(&mut one, "alice"), (&mut two, "bob")] {
        let push = node.line_with("event", "push").await;
        assert_eq!(sorted(&push["user_ids"]), ["alice", "bob", "gone"]);
        assert_eq!(
            push["room_id"], "room-001",
            "the node looks users up by room"
        );
        assert_eq!(push["delivered"], json!([held]));
        assert_eq!(push["content"]["data"], "to the room");
    }

    let answer = client
        .push_to_user(PushToUserRequest {
            user_id: "bob".into(),
            content: Some(text("to bob")),
            ..PushToUserRequest::default()
        })
        .await
        .unwrap()
        .into_inner();
    assert!(answer.success, "{answer:?}");
    assert_eq!(
        outcomes(answer.receipt.as_ref()),
        [(Outcome::Delivered, 1)].into()
    );
    let push = two.line_with("event", "push").await;
    assert_eq!(push["room_id"], "room-001", "the Controller told the room");
    assert_eq!(push["delivered"], json!(["bob"]));

    let answer = client
        .push_to_user(PushToUserRequest {
            user_id: "gone".into(),
            content: Some(text("to nobody")),
            ..PushToUserRequest::default()
        })
        .await
        .unwrap()
        .into_inner();
    assert!(!answer.success, "{answer:?}");
    assert_eq!(
        outcomes(answer.receipt.as_ref()),
        [(Outcome::NodeGone, 1)].into()
    );

    let answer = client
        .broadcast_message(BroadcastMessageRequest {
            content: Some(text("to all")),
            ..BroadcastMessageRequest::default()
        })
        .await
        .unwrap()
        .into_inner();
    assert!(answer.success, "{answer:?}");
    assert_eq!(answer.total_delivered, 3, "alice, bob and zoe");
    for node in [&mut one, &mut two] {
        let push = loop {
            let push = node.line_with("event", "push").await;
            if push["content"]["data"] == "to all" {
                break push;
            }
        };
        assert_eq!(sorted(&push["user_ids"]), [""; 0]);
        assert_eq!(push["room_id"], "");
    }
}

#[tokio::test]
async fn an_address_that_the_controller_tells_leads_to_the_one_go_node() {
    let etcd = EtcdProcess::start().await;
    let (mut one, address) = go_node(&etcd, &["-user", "alice"]).await;
    let (mut two, _) = go_node(&etcd, &["-user", "alice"]).await;
    let controller = Controller::start(ControllerConfig {
        listen: loopback(),
        ..ControllerConfig::default()
    })
    .await
    .unwrap();
    let at = controller.address().to_string();
    ControllerServiceClient::connect(format!("http://{at}"))
        .await
        .unwrap()
        .join_room(JoinRoomRequest {
            room_id: "room-001".into(),
            user_id: "alice".into(),
            user_name: "Alice".into(),
            node_id: "connect-node-1".into(),
            node_address: address,
        })
        .await
        .unwrap();
    let server = serve(&config_with(&etcd, &at), 2).await;
    let mut client = client_of(server.grpc_addr());

    let answer = client
        .push_to_user(PushToUserRequest {
            user_id: "alice".into(),
            content: Some(text("hello")),
            ..PushToUserRequest::default()
        })
        .await
        .unwrap()
        .into_inner();
    assert!(answer.success, "{answer:?}");
    assert_eq!(one.line_with("event", "push").await["room_id"], "room-001");

    // The id's address is known from now on, also where only ids are named.
    let answer = client
        .push_to_room(PushToRoomRequest {
            room_id: "room-001".into(),
            content: Some(text("hello room")),
            ..PushToRoomRequest::default()
        })
        .await
        .unwrap()
        .into_inner();
    assert_eq!(answer.delivered_count, 1, "{answer:?}");
    let push = one.line_with("event", "push").await;
    assert_eq!(push["content"]["data"], "hello room");
    assert_eq!(two.ready_line(), None, "the other node was left in peace");
}

#[tokio::test]
async fn a_go_node_that_ends_leaves_etcd_and_the_pool() {
    let etcd = EtcdProcess::start().await;
    let (leaving, address) = go_node(&etcd, &["-user", "alice"]).await;
    let (mut staying, _) = go_node(&etcd, &["-user", "bob"]).await;
    let (_controller, at) = go_controller(&[]).await;
    let server = serve(&config_with(&etcd, &at), 2).await;
    let mut client = client_of(server.grpc_addr());
    let broadcast = || BroadcastMessageRequest {
        content: Some(text("hello")),
        ..BroadcastMessageRequest::default()
    };
    let answer = client.broadcast_message(broadcast()).await.unwrap();
    assert_eq!(answer.get_ref().total_delivered, 2);
    staying.line_with("event", "push").await;

    let (status, rest) = leaving.terminate().await;
    assert!(status.success(), "{status}");
    let stopped = json!({"event": "stopped"});
    assert_eq!(rest.last(), Some(&stopped), "in order: {rest:?}");
    assert_eq!(etcd.get(&format!("connect-node/{address}")).await, None);

    eventually("the pool let the node go", || {
        server.pool().snapshot().nodes().len() == 1
    })
    .await;
    let answer = client.broadcast_message(broadcast()).await.unwrap();
    let answer = answer.into_inner();
    assert!(answer.success, "{answer:?}");
    assert_eq!(answer.total_delivered, 1);
    staying.line_with("event", "push").await;
}

#[tokio::test]
async fn without_an_exporter_the_callers_trace_reaches_the_go_node() {
    let etcd = EtcdProcess::start().await;
    let (mut node, _) = go_node(&etcd, &["-user", "alice"]).await;
    let (_controller, at) = go_controller(&["room-001=alice@connect-node-1"]).await;
    let server = serve(&config_with(&etcd, &at), 1).await;

    let trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let mut request = Request::new(PushToRoomRequest {
        room_id: "room-001".into(),
        content: Some(text("traced")),
        ..PushToRoomRequest::default()
    });
    let metadata = request.metadata_mut();
    metadata.insert("traceparent", trace.parse().unwrap());
    metadata.insert("tracestate", "vendor=1".parse().unwrap());
    client_of(server.grpc_addr())
        .push_to_room(request)
        .await
        .unwrap();

    let push = node.line_with("event", "push").await;
    assert_eq!(push["headers"]["traceparent"], trace);
    assert_eq!(push["headers"]["tracestate"], "vendor=1");
    let left = push["deadline_ms"].as_i64().unwrap();
    assert!(
        (1..=2000).contains(&left),
        "the node learns its deadline: {left}"
    );
}

/// grpc-go takes 4 MiB a message unless told otherwise, and here is the most
/// that one call holds with the default limits, there and back.
#[tokio::test]
async fn the_fullest_call_fits_a_go_nodes_default_limit() {
    let etcd = EtcdProcess::start().await;
    let (mut node, address) = go_node(&etcd, &["-user", "alice"]).await;
    let limits = Config::default();
    let (users, longest) = (limits.fanout.chunk, limits.limits.max_id);
    let users: Vec<String> = (0..users).map(|n| format!("{n:0>longest$}")).collect();
    let members: Vec<_> = users.iter().map(|u| (u.as_str(), &*address)).collect();
    let at = FakeController::with_members(&members).serve().await;
    let server = serve(&config_with(&etcd, &at.to_string()), 1).await;

    let answer = client_of(server.grpc_addr())
        .push_to_room(PushToRoomRequest {
            room_id: "r".repeat(longest),
            content: Some(text(&"x".repeat(limits.limits.max_data))),
            ..PushToRoomRequest::default()
        })
        .await
        .unwrap()
        .into_inner();
    let count = i64::try_from(users.len()).unwrap();
    let ended = outcomes(answer.receipt.as_ref());
    assert_eq!(
        ended,
        [(Outcome::Offline, count)].into(),
        "all had their say"
    );
    let push = node.line_with("event", "push").await;
    assert_eq!(sorted(&push["user_ids"]).len(), users.len(), "in one call");
}
