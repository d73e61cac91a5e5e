//! The console against real managers: what it says is what they count and people received.

use std::time::Duration;

use push_manager_proto::{
    admin::{ActRequest, Verb, admin_service_client::AdminServiceClient},
    pubsub::{MessageContent, PushToRoomRequest, PushToUserRequest},
};
use serde_json::Value;

use crate::{
    etcd::EtcdProcess,
    process::{run, tool},
    system::{ControllerProcess, Manager, NodeProcess, until},
    ws::Ws,
};

async fn manager(etcd: &EtcdProcess, controller: &ControllerProcess) -> Manager {
    let (endpoint, address) = (etcd.endpoint(), controller.grpc.to_string());
    let env = [
        ("ETCD_ENDPOINTS", endpoint.as_str()),
        ("CONTROLLER_ADDRESS", address.as_str()),
    ];
    let manager = Manager::start(&[], &env).await;
    manager.ready().await;
    manager
}

/// One look at these managers.
async fn look(managers: &[&str]) -> (i32, Value) {
    let mut args = vec!["--once", "--json", "--interval", "250ms", "--timeout", "4s"];
    for address in managers {
        args.extend(["--addr", address]);
    }
    let ended = run(&tool("PUSHTOP"), &args, &[]).await;
    let document = serde_json::from_str(&ended.out);
    (
        ended.code,
        document.unwrap_or_else(|error| panic!("{error}: {ended:?}")),
    )
}

fn kinds(document: &Value) -> Vec<&str> {
    let problems = document["problems"].as_array().unwrap().iter();
    problems
        .map(|problem| problem["kind"].as_str().unwrap())
        .collect()
}

fn content() -> Option<MessageContent> {
    Some(MessageContent {
        r#type: "TEXT".into(),
        data: "x".into(),
        ..MessageContent::default()
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn the_console_says_what_managers_count_and_people_received() {
    let etcd = EtcdProcess::start().await;
    let controller = ControllerProcess::start(&[]).await;
    let mut nodes = Vec::new();
    for number in 1..=3 {
        let id = format!("connect-node-{number}");
        let args = ["--etcd-metadata"];
        nodes.push(NodeProcess::start(&id, &etcd.endpoint(), controller.grpc, &args).await);
    }
    let mut managers = Vec::new();
    for _ in 0..3 {
        managers.push(manager(&etcd, &controller).await);
    }
    let addresses: Vec<String> = managers
        .iter()
        .map(|manager| manager.admin.to_string())
        .collect();
    let addresses: Vec<&str> = addresses.iter().map(String::as_str).collect();
    let mut people = Vec::new();
    for (number, node) in nodes.iter().enumerate() {
        people.push(node.join(&format!("user-{number}"), "room").await);
    }
    for manager in &managers {
        manager.nodes(3).await;
        let mut client = manager.client();
        for _ in 0..4 {
            let room = PushToRoomRequest {
                room_id: "room".into(),
                content: content(),
                ..PushToRoomRequest::default()
            };
            client.push_to_room(room).await.unwrap();
            let user = PushToUserRequest {
                user_id: "user-1".into(),
                content: content(),
                options: None,
            };
            client.push_to_user(user).await.unwrap();
        }
    }
    let mut received = 0;
    for person in &mut people {
        received += all_of(person).await;
    }

    let (code, document) = look(&addresses).await;
    let totals = &document["totals"];
    assert_eq!(code, 0, "{document:#}");
    assert_eq!(totals["counted"].as_array().unwrap().len(), 3);
    let mut counted = 0.0;
    for manager in &managers {
        counted += manager.metric("push_manager_push_success_total", "").await;
    }
    assert_eq!(
        totals["delivered"].as_f64().unwrap(),
        counted,
        "as /metrics counts"
    );
    assert_eq!(totals["delivered"], received, "as people received");
    assert_eq!(totals["pushes"], 24);
    let by_node = document["nodes"].as_array().unwrap().iter();
    let by_node: i64 = by_node
        .map(|node| node["delivered"].as_i64().unwrap())
        .sum();
    assert_eq!(totals["delivered"], by_node);
    assert!(
        document["nodes"]
            .as_array()
            .unwrap()
            .iter()
            .all(|node| node["state"] == "ready")
    );

    // An operator drains a node at one manager: the console shows it there, and only there.
    let url = format!("http://{}", addresses[0]);
    let mut admin = AdminServiceClient::connect(url).await.unwrap();
    let drain = ActRequest {
        verb: Verb::Drain.into(),
        node: "connect-node-2".into(),
        reason: "test".into(),
        ..ActRequest::default()
    };
    admin.act(drain).await.unwrap();
    let (_, document) = look(&addresses).await;
    let node = &document["nodes"][1];
    assert_eq!(
        (&node["id"], &node["state"]),
        (&"connect-node-2".into(), &"draining".into())
    );
    assert_eq!(node["replicas"]["a"]["hold"], "drained");
    assert_eq!(node["replicas"]["b"]["hold"], "none");

    // A manager dies: its figures are left out, and that is said.
    managers[2].process.kill();
    let (code, document) = look(&addresses).await;
    assert_eq!(document["totals"]["left_out"], serde_json::json!(["c"]));
    assert_eq!(document["totals"]["pushes"], 16);
    assert_eq!(document["replicas"][2]["link"], "retrying");
    assert!(kinds(&document).contains(&"replica_down"), "{document:#}");
    assert_eq!(code, 3, "a problem of severity error");

    // A node's process is stopped: nobody answers there, which its oldest call shows.
    nodes[2].process.signal("STOP");
    let mut client = managers[0].client();
    let silent = async {
        let user = PushToUserRequest {
            user_id: "user-2".into(),
            content: content(),
            options: None,
        };
        drop(client.push_to_user(user).await);
    };
    let watching = async {
        let seen = async || kinds(&look(&addresses[..1]).await.1).contains(&"node_silent");
        until("the silent node is a problem", seen).await;
    };
    tokio::join!(silent, watching);
    nodes[2].process.signal("CONT");
}

/// Frames with data until nothing more comes.
async fn all_of(person: &mut Ws) -> i64 {
    let mut received = 0;
    while let Some(frame) = person.frame(Duration::from_millis(700)).await {
        received += i64::from(frame.get("data").is_some());
    }
    received
}
