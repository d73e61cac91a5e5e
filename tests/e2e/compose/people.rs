//! People at the nodes, and what they must get.

use std::time::Duration;

use push_manager_e2e::{
    settings::variable,
    ws::{ClientSpec, Clients},
};
use serde_json::{Value, json};
use tokio::process::Command;
use tokio::time::sleep;

use crate::MANAGERS;
use crate::programs::{PATIENCE, eventually, ran, ready, said};

const ROOM: &str = "room-001";
/// A person on each node: name and the node's port.
const PEOPLE: [(&str, u16); 3] = [("user-001", 8080), ("user-002", 8081), ("user-003", 8082)];

pub(crate) async fn everyone_connects() -> Clients {
    let specs = PEOPLE.map(|(user, port)| ClientSpec {
        name: user.to_owned(),
        user: user.to_owned(),
        rooms: vec![ROOM.to_owned()],
        nodes: vec![format!("127.0.0.1:{port}")],
    });
    let clients = Clients::start(specs.to_vec());
    clients.all_present(PATIENCE).await.unwrap();
    clients
}

pub(crate) async fn every_manager_reaches_everyone(people: &Clients) {
    ready(9093).await;
    ready(9094).await;
    for port in MANAGERS {
        everyone_gets(port, people, &format!("through {port}")).await;
        let (user, _) = PEOPLE[1];
        let text = format!("to {user} through {port}");
        let answer = push(port, "PushToUser", json!({"user_id": user}), &text).await;
        assert_eq!(answer["success"], true, "{answer}");
        gets(people, user, &text).await;
        let text = format!("to all through {port}");
        let answer = push(port, "BroadcastMessage", json!({}), &text).await;
        assert_eq!(answer["totalDelivered"], PEOPLE.len(), "{answer}");
        for (user, _) in PEOPLE {
            gets(people, user, &text).await;
        }
    }
    let private = format!("to {} through 50053", PEOPLE[1].0);
    assert_eq!(count(people, PEOPLE[0].0, &private), 0);
}

/// Pushes to the room until the Controller knows everyone, then once more: that one counts.
pub(crate) async fn everyone_gets(port: u16, people: &Clients, text: &str) {
    let room = || json!({"room_id": ROOM});
    eventually("everyone in the room", async || {
        let answer = push(port, "PushToRoom", room(), "a trial").await;
        (answer["deliveredCount"] == PEOPLE.len()).then_some(())
    })
    .await;
    let answer = push(port, "PushToRoom", room(), text).await;
    assert_eq!(answer["success"], true, "{answer}");
    for (user, _) in PEOPLE {
        gets(people, user, text).await;
    }
}

/// Once, not twice.
async fn gets(people: &Clients, user: &str, text: &str) {
    assert!(people.got(user, text, PATIENCE).await, "`{text}` at {user}");
    sleep(Duration::from_millis(100)).await;
    assert_eq!(count(people, user, text), 1, "`{text}` at {user}");
}

fn count(people: &Clients, user: &str, text: &str) -> usize {
    let received = people.log().unwrap().received;
    let these = received
        .iter()
        .filter(|one| one.client == user && one.data == text);
    these.count()
}

/// A push by grpcurl; what isn't an answer is null.
async fn push(port: u16, method: &str, mut request: Value, text: &str) -> Value {
    request["content"] = json!({"type": "TEXT", "data": text, "timestamp": 1_234_567_890});
    let mut grpcurl = Command::new(variable("GRPCURL").unwrap_or_else(|_| "grpcurl".into()));
    grpcurl.args(["-plaintext", "-d", &request.to_string()]);
    grpcurl.arg(format!("localhost:{port}"));
    grpcurl.arg(format!("pubsub.PushManagerService/{method}"));
    let answer = ran(grpcurl).await;
    if !answer.success {
        eprintln!("{}", said(&answer));
    }
    serde_json::from_str(&answer.out).unwrap_or_default()
}
