//! A Connect-Node and a Controller-Manager with real WebSocket clients and real gRPC.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use std::time::Duration;

use futures::{SinkExt, StreamExt};
use push_manager_proto::pubsub::{
    GetRoomInfoRequest, GetRoomNodesRequest, GetRoomStatsRequest, GetUserNodeRequest,
    GetUserNodeResponse, JoinRoomRequest, MessageContent, PushMessageBatchRequest,
    PushMessageBatchResponse, PushMessageRequest,
    connect_node_service_client::ConnectNodeServiceClient,
    controller_service_client::ControllerServiceClient,
};
use push_manager_reference::{
    controller::{Controller, ControllerConfig},
    node::{Node, NodeConfig, NodeLimits},
};
use serde_json::Value;
use tokio::{net::TcpStream, time::timeout};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async,
    tungstenite::{self, Message, protocol::frame::coding::CloseCode},
};
use tonic::{Code, transport::Channel};

const PATIENCE: Duration = Duration::from_secs(10);

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

async fn node_with(limits: NodeLimits, controller: Option<&Controller>) -> Node {
    let config = NodeConfig {
        controller: controller.map(|controller| controller.address().to_string()),
        limits,
        ..NodeConfig::default()
    };
    Node::start(config).await.unwrap()
}

async fn node() -> Node {
    node_with(NodeLimits::default(), None).await
}

async fn controller() -> Controller {
    Controller::start(ControllerConfig::default())
        .await
        .unwrap()
}

async fn connect(node: &Node, query: &str) -> Socket {
    let url = format!("ws://{}/ws?{query}", node.http_addr());
    connect_async(url).await.unwrap().0
}

/// Reads the next frame as JSON, whatever it is.
async fn read(socket: &mut Socket) -> Value {
    loop {
        let frame = timeout(PATIENCE, socket.next())
            .await
            .expect("no frame in time");
        match frame.expect("the connection ended").unwrap() {
            Message::Text(text) => return serde_json::from_str(&text).unwrap(),
            Message::Ping(_) | Message::Pong(_) => {}
            other => panic!("expected text, got {other:?}"),
        }
    }
}

/// Reads the next push; confirmations are passed over.
async fn read_push(socket: &mut Socket) -> Value {
    loop {
        let frame = read(socket).await;
        if frame.get("data").is_some() {
            return frame;
        }
    }
}

/// Reads until the close frame.
async fn read_close(socket: &mut Socket) -> (CloseCode, String) {
    loop {
        let frame = timeout(PATIENCE, socket.next())
            .await
            .expect("no close in time");
        if let Message::Close(close) = frame.expect("ended without a close frame").unwrap() {
            let close = close.expect("a close frame without a reason");
            return (close.code, close.reason.to_string());
        }
    }
}

fn text(data: &str) -> MessageContent {
    MessageContent {
        r#type: "TEXT".to_owned(),
        data: data.to_owned(),
        timestamp: 1_234_567_890,
        ..MessageContent::default()
    }
}

async fn pusher(node: &Node) -> ConnectNodeServiceClient<Channel> {
    let url = format!("http://{}", node.grpc_address());
    ConnectNodeServiceClient::connect(url).await.unwrap()
}

async fn batch(node: &Node, users: &[&str], room: &str, data: &str) -> PushMessageBatchResponse {
    let request = PushMessageBatchRequest {
        user_ids: users.iter().map(|&user| user.to_owned()).collect(),
        room_id: room.to_owned(),
        content: Some(text(data)),
    };
    let answer = pusher(node).await.push_message_batch(request).await;
    answer.unwrap().into_inner()
}

async fn asker(controller: &Controller) -> ControllerServiceClient<Channel> {
    let url = format!("http://{}", controller.address());
    ControllerServiceClient::connect(url).await.unwrap()
}

async fn locate(controller: &Controller, user: &str) -> GetUserNodeResponse {
    let request = GetUserNodeRequest {
        user_id: user.to_owned(),
    };
    let answer = asker(controller).await.get_user_node(request).await;
    answer.unwrap().into_inner()
}

/// Waits for something that others bring about.
async fn until<F: Future<Output = bool>>(what: &str, mut check: impl FnMut() -> F) {
    let tried = timeout(PATIENCE, async {
        while !check().await {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    });
    tried
        .await
        .unwrap_or_else(|_| panic!("never happened: {what}"));
}

#[tokio::test]
async fn all_three_forms_reach_whom_they_name() {
    let node = node().await;
    let mut ann = connect(&node, "user_id=ann&user_name=Ann&room_id=r1").await;
    let mut bob = connect(&node, "user_id=bob&room_id=r1,r2").await;
    let mut eve = connect(&node, "user_id=eve").await;

    let named = batch(&node, &["ann", "eve", "nobody"], "r1", "named").await;
    assert_eq!((named.success, named.delivered_count), (true, 2));
    assert_eq!(named.failed_user_ids, ["nobody"]);
    assert_eq!(read_push(&mut ann).await["data"], "named");
    assert_eq!(read_push(&mut eve).await["data"], "named");

    let room = batch(&node, &[], "r1", "room").await;
    assert_eq!(room.delivered_count, 2);
    let push = read_push(&mut ann).await;
    assert_eq!(push["data"], "room");
    assert_eq!(
        (&push["room_id"], &push["node"]),
        (&"r1".into(), &"connect-node-1".into())
    );
    assert_eq!(
        (&push["type"], &push["timestamp"]),
        (&"TEXT".into(), &1_234_567_890.into())
    );
    assert!(push["at_ms"].as_u64().unwrap() > 1_600_000_000_000);
    assert_eq!(read_push(&mut bob).await["data"], "room");

    let everyone = batch(&node, &[], "", "全部").await;
    assert_eq!(everyone.delivered_count, 3);
    for socket in [&mut ann, &mut bob, &mut eve] {
        assert_eq!(read_push(socket).await["data"], "全部");
    }
    node.shutdown().await;
}

#[tokio::test]
async fn named_users_who_all_fail_are_all_listed() {
    let node = node().await;
    let answer = batch(&node, &["a", "b", "a"], "r", "x").await;
    assert_eq!((answer.success, answer.delivered_count), (true, 0));
    assert_eq!(answer.failed_user_ids, ["a", "b"]);
}

#[tokio::test]
async fn one_user_is_counted_once_and_every_device_gets_it() {
    let node = node().await;
    let mut phone = connect(&node, "user_id=ann&room_id=r").await;
    let mut desk = connect(&node, "user_id=ann&room_id=r").await;
    assert_eq!(batch(&node, &[], "r", "x").await.delivered_count, 1);
    let request = PushMessageRequest {
        user_id: "ann".to_owned(),
        room_id: String::new(),
        content: Some(text("y")),
    };
    let answer = pusher(&node)
        .await
        .push_message(request)
        .await
        .unwrap()
        .into_inner();
    assert!(answer.success, "{}", answer.message);
    for socket in [&mut phone, &mut desk] {
        assert_eq!(read_push(socket).await["data"], "x");
        assert_eq!(read_push(socket).await["data"], "y");
    }
    let stats = node.stats();
    assert_eq!(
        (stats.connections, stats.users, stats.rooms, stats.delivered),
        (2, 1, 1, 2)
    );
}

#[tokio::test]
async fn a_user_who_is_not_here_is_no_success() {
    let node = node().await;
    let request = PushMessageRequest {
        user_id: "ghost".to_owned(),
        room_id: String::new(),
        content: Some(text("x")),
    };
    let answer = pusher(&node)
        .await
        .push_message(request)
        .await
        .unwrap()
        .into_inner();
    assert!(!answer.success && answer.message.contains("ghost"));
    let missing = PushMessageRequest {
        user_id: "ann".to_owned(),
        ..PushMessageRequest::default()
    };
    let status = pusher(&node).await.push_message(missing).await.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);
    assert!(status.message().contains("content"));
}

#[tokio::test]
async fn a_slow_client_is_cut_with_a_reason_while_others_receive() {
    let limits = NodeLimits {
        queue_items: 8,
        ..NodeLimits::default()
    };
    let node = node_with(limits, None).await;
    let mut slow = connect(&node, "user_id=slow&room_id=r").await;
    let mut quick = connect(&node, "user_id=quick&room_id=r").await;
    let mut reader = tokio::task::JoinSet::new();
    reader.spawn(async move {
        let mut pushes = 0;
        while read_push(&mut quick).await["data"] != "end" {
            pushes += 1;
        }
        (pushes, quick)
    });
    // Large enough to fill what the system buffers for a client that doesn't read.
    let big = "x".repeat(1024 * 1024);
    let mut sent = 0;
    loop {
        let answer = batch(&node, &["slow", "quick"], "", &big).await;
        sent += 1;
        if answer.failed_user_ids == ["slow"] {
            assert_eq!(answer.delivered_count, 1);
            break;
        }
        assert!(sent < 100, "the slow client was never cut");
    }
    assert_eq!(batch(&node, &["quick"], "", "end").await.delivered_count, 1);
    let (pushes, _quick) = reader.join_next().await.unwrap().unwrap();
    assert_eq!(pushes, sent);
    let (code, reason) = read_close(&mut slow).await;
    assert_eq!(code, CloseCode::Policy);
    assert!(reason.starts_with("too slow"), "{reason}");
    until("the slow client is counted and gone", async || {
        let stats = node.stats();
        stats.cut == 1 && stats.connections == 1
    })
    .await;
    assert!(node.stats().dropped >= 1);
}

#[tokio::test]
async fn a_silent_client_is_cut_and_one_that_answers_pings_stays() {
    let limits = NodeLimits {
        ping_interval: Duration::from_millis(100),
        ..NodeLimits::default()
    };
    let node = node_with(limits, None).await;
    // A client answers pings only while it reads.
    let mut silent = connect(&node, "user_id=silent").await;
    let mut lively = connect(&node, "user_id=lively").await;
    let mut reader = tokio::task::JoinSet::new();
    reader.spawn(async move { while lively.next().await.is_some() {} });
    until("the silent one is cut", async || node.stats().cut == 1).await;
    let (code, reason) = read_close(&mut silent).await;
    assert_eq!(
        (code, reason.contains("no sign of life")),
        (CloseCode::Policy, true)
    );
    assert_eq!(node.stats().connections, 1);
}

#[tokio::test]
async fn bad_user_ids_get_400_with_a_sentence() {
    let node = node().await;
    let long = "x".repeat(257);
    for (query, said) in [
        ("", "user_id is missing"),
        ("?user_id=", "user_id is missing"),
        (&format!("?user_id={long}"), "257 bytes"),
        ("?user_id=a%07b", "control character"),
        ("?user_id=u&room_id=@lobby", "reserved"),
    ] {
        let url = format!("ws://{}/ws{query}", node.http_addr());
        let Err(tungstenite::Error::Http(answer)) = connect_async(url).await else {
            panic!("{query} was not refused");
        };
        assert_eq!(answer.status(), 400, "{query}");
        let body = String::from_utf8(answer.into_body().unwrap_or_default()).unwrap();
        assert!(body.contains(said), "{query}: {body}");
    }
    assert_eq!(node.stats().connections, 0);
}

#[tokio::test]
async fn a_full_node_turns_clients_away_with_503() {
    let limits = NodeLimits {
        max_connections: 1,
        ..NodeLimits::default()
    };
    let node = node_with(limits, None).await;
    let _one = connect(&node, "user_id=one").await;
    let url = format!("ws://{}/ws?user_id=two", node.http_addr());
    let Err(tungstenite::Error::Http(answer)) = connect_async(url).await else {
        panic!("the second client was let in");
    };
    assert_eq!(answer.status(), 503);
}

#[tokio::test]
async fn clients_join_and_leave_rooms_by_frames() {
    let controller = controller().await;
    let node = node_with(NodeLimits::default(), Some(&controller)).await;
    let mut ann = connect(&node, "user_id=ann").await;
    assert_eq!(read(&mut ann).await["joined"], "@lobby");
    assert_eq!(locate(&controller, "ann").await.room_id, "");
    ann.send(Message::text("what?")).await.unwrap();
    ann.send(Message::text(r#"{"join":"r"}"#)).await.unwrap();
    let joined = read(&mut ann).await;
    assert_eq!(
        (&joined["joined"], &joined["node"]),
        (&"r".into(), &"connect-node-1".into())
    );
    assert_eq!(locate(&controller, "ann").await.room_id, "r");
    assert_eq!(batch(&node, &[], "r", "x").await.delivered_count, 1);
    assert_eq!(read(&mut ann).await["data"], "x");
    ann.send(Message::text(r#"{"join":""}"#)).await.unwrap();
    assert!(
        read(&mut ann).await["error"]
            .as_str()
            .unwrap()
            .contains("room_id")
    );
    ann.send(Message::text(r#"{"leave":"r"}"#)).await.unwrap();
    assert_eq!(read(&mut ann).await["left"], "r");
    assert_eq!(batch(&node, &[], "r", "y").await.delivered_count, 0);
    until("ann is in the lobby again", async || {
        let found = locate(&controller, "ann").await;
        found.found && found.room_id.is_empty()
    })
    .await;
}

#[tokio::test]
async fn a_push_right_after_the_connect_finds_the_user() {
    let controller = controller().await;
    let node = node_with(NodeLimits::default(), Some(&controller)).await;
    for number in 0..20 {
        let user = format!("u{number}");
        let _socket = connect(&node, &format!("user_id={user}&room_id=r")).await;
        let found = locate(&controller, &user).await;
        assert!(found.found);
        assert_eq!(
            (found.node_id.as_str(), found.room_id.as_str()),
            ("connect-node-1", "r")
        );
        assert_eq!(found.node_address, node.grpc_address());
    }
}

#[tokio::test]
async fn only_the_last_device_leaves_the_room_at_the_controller() {
    let controller = controller().await;
    let node = node_with(NodeLimits::default(), Some(&controller)).await;
    let phone = connect(&node, "user_id=ann&room_id=r").await;
    let desk = connect(&node, "user_id=ann&room_id=r").await;
    drop(phone);
    until("the phone is gone", async || node.stats().connections == 1).await;
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert!(locate(&controller, "ann").await.found);
    drop(desk);
    until("ann left", async || !locate(&controller, "ann").await.found).await;
    assert_eq!(controller.stats().rooms, 0);
}

#[tokio::test]
async fn a_controller_that_restarted_learns_again_and_misses_no_leave() {
    let first = controller().await;
    let address = first.address();
    let node = node_with(NodeLimits::default(), Some(&first)).await;
    let ann = connect(&node, "user_id=ann&room_id=r").await;
    let _bob = connect(&node, "user_id=bob&room_id=r").await;
    first.kill().await;
    drop(ann);
    // Let in although nobody can be told.
    let _eve = connect(&node, "user_id=eve&room_id=r").await;
    let config = ControllerConfig {
        listen: address,
        ..ControllerConfig::default()
    };
    let second = Controller::start(config).await.unwrap();
    until("bob and eve are known", async || {
        locate(&second, "bob").await.found && locate(&second, "eve").await.found
    })
    .await;
    assert!(!locate(&second, "ann").await.found);
}

#[tokio::test]
async fn a_killed_nodes_users_expire() {
    let config = ControllerConfig {
        presence_ttl: Duration::from_millis(400),
        ..ControllerConfig::default()
    };
    let controller = Controller::start(config).await.unwrap();
    let limits = NodeLimits {
        resync_interval: Duration::from_millis(100),
        ..NodeLimits::default()
    };
    let node = node_with(limits, Some(&controller)).await;
    let mut ann = connect(&node, "user_id=ann&room_id=r").await;
    tokio::time::sleep(Duration::from_millis(800)).await;
    assert!(
        locate(&controller, "ann").await.found,
        "resyncs keep her alive"
    );
    node.kill().await;
    while let Some(Ok(frame)) = timeout(PATIENCE, ann.next()).await.unwrap() {
        assert!(!frame.is_close(), "a killed node says no goodbye");
    }
    assert!(locate(&controller, "ann").await.found, "nobody was told");
    until("she expires", async || {
        !locate(&controller, "ann").await.found
    })
    .await;
}

#[tokio::test]
async fn a_clean_shutdown_says_goodbye_and_tells_the_controller() {
    let controller = controller().await;
    let node = node_with(NodeLimits::default(), Some(&controller)).await;
    let mut ann = connect(&node, "user_id=ann&room_id=r").await;
    let mut reader = tokio::task::JoinSet::new();
    reader.spawn(async move { read_close(&mut ann).await });
    let started = tokio::time::Instant::now();
    node.shutdown().await;
    assert!(
        started.elapsed() < Duration::from_secs(2),
        "{:?}",
        started.elapsed()
    );
    let (code, reason) = reader.join_next().await.unwrap().unwrap();
    assert_eq!((code, reason.as_str()), (CloseCode::Away, "going away"));
    assert!(!locate(&controller, "ann").await.found);
}

#[tokio::test]
async fn a_user_on_two_nodes_has_two_locations() {
    let controller = controller().await;
    let one = node_with(NodeLimits::default(), Some(&controller)).await;
    let config = NodeConfig {
        id: "connect-node-2".to_owned(),
        controller: Some(controller.address().to_string()),
        ..NodeConfig::default()
    };
    let two = Node::start(config).await.unwrap();
    let _phone = connect(&one, "user_id=ann&user_name=Ann&room_id=r").await;
    let desk = connect(&two, "user_id=ann&user_name=Ann&room_id=r").await;
    let found = locate(&controller, "ann").await;
    assert_eq!(
        (found.node_id.as_str(), found.locations.len()),
        ("connect-node-2", 2)
    );
    let room = GetRoomInfoRequest {
        room_id: "r".to_owned(),
    };
    let mut asker = asker(&controller).await;
    let info = asker
        .get_room_info(room)
        .await
        .unwrap()
        .into_inner()
        .room
        .unwrap();
    assert_eq!(info.users.len(), 2);
    assert!(info.users.iter().all(|user| user.user_name == "Ann"));
    let room = GetRoomNodesRequest {
        room_id: "r".to_owned(),
    };
    let nodes = asker.get_room_nodes(room).await.unwrap().into_inner();
    assert_eq!(nodes.node_ids.len(), 2);
    let all = GetRoomStatsRequest::default();
    let stats = asker.get_room_stats(all).await.unwrap().into_inner();
    assert_eq!((stats.total_rooms, stats.total_users), (1, 1));
    drop(desk);
    until("only the phone is left", async || {
        locate(&controller, "ann").await.node_id == "connect-node-1"
    })
    .await;
}

#[tokio::test]
async fn the_controller_answers_unknowns_emptily_and_refuses_bad_ids() {
    let config = ControllerConfig {
        room_nodes: false,
        ..ControllerConfig::default()
    };
    let controller = Controller::start(config).await.unwrap();
    let mut asker = asker(&controller).await;
    let unknown = GetRoomInfoRequest {
        room_id: "nowhere".to_owned(),
    };
    let answer = asker.get_room_info(unknown).await.unwrap().into_inner();
    assert_eq!(answer.room, None);
    assert!(!locate(&controller, "nobody").await.found);
    let bad = asker.get_user_node(GetUserNodeRequest::default()).await;
    assert_eq!(bad.unwrap_err().code(), Code::InvalidArgument);
    let bad = JoinRoomRequest {
        room_id: "r".to_owned(),
        user_id: "u\n".to_owned(),
        node_id: "n".to_owned(),
        ..JoinRoomRequest::default()
    };
    let status = asker.join_room(bad).await.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);
    assert!(status.message().contains("user_id"), "{}", status.message());
    let off = asker.get_room_nodes(GetRoomNodesRequest::default()).await;
    assert_eq!(off.unwrap_err().code(), Code::Unimplemented);
}

#[tokio::test]
async fn page_counters_and_health_are_served() {
    let node = node().await;
    let _ann = connect(&node, "user_id=ann&room_id=r").await;
    let (head, page) = get(&node, "/").await;
    assert!(
        head.contains("200 OK") && head.contains("text/html"),
        "{head}"
    );
    for id in ["state", "messages", "received", "latency"] {
        assert!(page.contains(&format!("id=\"{id}\"")), "#{id}");
    }
    assert!(!page.contains("innerHTML"));
    let (_, stats) = get(&node, "/stats").await;
    let stats: Value = serde_json::from_str(&stats).unwrap();
    assert_eq!(
        (&stats["connections"], &stats["rooms"]),
        (&1.into(), &1.into())
    );
    assert_eq!(get(&node, "/healthz").await.1, "ok\n");
}

async fn get(node: &Node, path: &str) -> (String, String) {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let mut stream = TcpStream::connect(node.http_addr()).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nhost: node\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.to_owned(), body.to_owned())
}
