//! The clients with real Connect-Nodes.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use std::{
    collections::BTreeMap,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use push_manager_e2e::history::{Allowed, History, Push, Target};
use push_manager_e2e::ws::{ClientSpec, Clients};
use push_manager_proto::pubsub::{
    MessageContent, PushMessageBatchRequest, PushMessageRequest,
    connect_node_service_client::ConnectNodeServiceClient,
};
use push_manager_reference::node::{Node, NodeConfig};
use tokio::time::sleep;
use tonic::transport::Channel;

const PATIENCE: Duration = Duration::from_secs(10);
/// Smaller than in the field: here all is one process.
const MARGIN: Duration = Duration::from_millis(100);

async fn node() -> Node {
    Node::start(NodeConfig::default()).await.unwrap()
}

fn spec(name: &str, user: &str, rooms: &[&str], nodes: &[&Node]) -> ClientSpec {
    let address = |node: &&Node| node.http_addr().to_string();
    ClientSpec {
        name: name.to_owned(),
        user: user.to_owned(),
        rooms: rooms.iter().map(|&room| room.to_owned()).collect(),
        nodes: nodes.iter().map(address).collect(),
    }
}

async fn pusher(node: &Node) -> ConnectNodeServiceClient<Channel> {
    let url = format!("http://{}", node.grpc_address());
    ConnectNodeServiceClient::connect(url).await.unwrap()
}

fn text(data: &str) -> MessageContent {
    MessageContent {
        r#type: "TEXT".to_owned(),
        data: data.to_owned(),
        ..MessageContent::default()
    }
}

fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    u64::try_from(since.as_millis()).unwrap()
}

/// Pushes to a user and writes down what a caller would have been told.
async fn to_user(node: &Node, user: &str, data: &str) -> Push {
    let request = PushMessageRequest {
        user_id: user.to_owned(),
        room_id: String::new(),
        content: Some(text(data)),
    };
    let sent_ms = now_ms();
    let answer = pusher(node).await.push_message(request).await.unwrap();
    let count = u64::from(answer.into_inner().success);
    told(Target::User(user.to_owned()), data, sent_ms, count)
}

async fn to_room(node: &Node, room: &str, data: &str) -> Push {
    let request = PushMessageBatchRequest {
        user_ids: Vec::new(),
        room_id: room.to_owned(),
        content: Some(text(data)),
    };
    let sent_ms = now_ms();
    let answer = pusher(node).await.push_message_batch(request).await;
    let count = answer.unwrap().into_inner().delivered_count;
    let target = Target::Room(room.to_owned());
    told(target, data, sent_ms, u64::try_from(count).unwrap())
}

fn told(target: Target, data: &str, sent_ms: u64, delivered: u64) -> Push {
    Push {
        seq: 0,
        data: data.to_owned(),
        target,
        sent_ms,
        ended_ms: now_ms(),
        tries: 1,
        sends: 1,
        ok: true,
        code: "OK".to_owned(),
        error: String::new(),
        success: true,
        total_delivered: delivered,
        targets: delivered,
        push_id: String::new(),
        outcomes: BTreeMap::from([("delivered".to_owned(), delivered)]),
    }
}

#[tokio::test]
async fn what_a_node_delivers_is_logged_and_the_books_are_clean() {
    let node = node().await;
    let clients = Clients::start(vec![
        spec("phone", "ann", &["r"], &[&node]),
        spec("desk", "bob", &["r", "s", "r"], &[&node]),
        spec("idle", "eve & co", &[], &[&node]),
    ]);
    clients.all_present(PATIENCE).await.unwrap();
    sleep(Duration::from_millis(300)).await;
    let pushes = vec![
        to_user(&node, "ann", "one").await,
        to_room(&node, "r", "two").await,
        to_user(&node, "eve & co", "three").await,
    ];
    for (client, last) in [("phone", "two"), ("desk", "two"), ("idle", "three")] {
        assert!(clients.got(client, last, PATIENCE).await, "{client}");
    }
    // The clients must outlive the pushes by the margin to be judged.
    sleep(Duration::from_millis(1_500)).await;
    let log = clients.stop().await.unwrap();
    let history = History {
        pushes,
        clients: log.clients,
        received: log.received,
    };
    let verdict = history.check_with(MARGIN);
    let verdict = verdict.clean(Allowed::default()).unwrap();
    assert_eq!((verdict.received, verdict.unsure), (4, 0), "{verdict}");
    let mut torn = history;
    torn.received.pop();
    let verdict = torn.check_with(MARGIN);
    assert_eq!(verdict.lost.len(), 1, "{verdict}");
}

#[tokio::test]
async fn a_client_that_is_cut_goes_to_the_next_node() {
    let (first, second) = (node().await, node().await);
    let clients = Clients::start(vec![spec("phone", "ann", &["r"], &[&first, &second])]);
    clients.all_present(PATIENCE).await.unwrap();
    assert_eq!(first.stats().connections, 1);
    to_user(&first, "ann", "before").await;
    assert!(clients.got("phone", "before", PATIENCE).await);

    first.kill().await;
    while clients.joins() < 2 {
        sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(second.stats().connections, 1);
    to_user(&second, "ann", "after").await;
    assert!(clients.got("phone", "after", PATIENCE).await);

    let log = clients.log().unwrap();
    let [was, is] = log.clients[0].present[..] else {
        panic!("two connections, not {:?}", log.clients[0].present);
    };
    assert!(was.from_ms <= was.until_ms && was.until_ms <= is.from_ms);
    assert!(is.from_ms <= is.until_ms);
    let data: Vec<&str> = log.received.iter().map(|got| got.data.as_str()).collect();
    assert_eq!(data, ["before", "after"]);
    drop(clients);
    while second.stats().connections > 0 {
        sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn a_goodbye_ends_the_presence() {
    let node = node().await;
    let clients = Clients::start(vec![spec("phone", "ann", &[], &[&node])]);
    clients.all_present(PATIENCE).await.unwrap();
    node.shutdown().await;
    while clients.present() > 0 {
        sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(clients.log().unwrap().clients[0].present.len(), 1);
}

#[tokio::test]
async fn who_is_not_let_in_says_why() {
    let node = node().await;
    let clients = Clients::start(vec![
        spec("phone", "ann", &[], &[&node]),
        spec("odd", "eve", &["@lobby"], &[&node]),
    ]);
    let error = clients.all_present(Duration::from_millis(500)).await;
    let error = error.unwrap_err();
    assert_eq!(
        (error.absent, error.all, error.example.as_str()),
        (1, 2, "odd")
    );
    assert!(error.to_string().contains("reserved"), "{error}");
}
