//! The three commands that everyone tries first, word for word.

use std::{fs::File, path::Path, time::Duration};

use serde_json::Value;
use tokio::time::{Instant, sleep};

use crate::{
    process::{Run, run, tool},
    system::System,
};

const ROOM: &str = r#"grpcurl -plaintext -d '{"room_id":"room-001","content":{"type":"TEXT","data":"Hello Room!","timestamp":1234567890,"metadata":{}}}' localhost:50053 pubsub.PushManagerService/PushToRoom"#;
const USER: &str = r#"grpcurl -plaintext -d '{"user_id":"user-001","content":{"type":"TEXT","data":"Hello User!","timestamp":1234567890,"metadata":{}}}' localhost:50053 pubsub.PushManagerService/PushToUser"#;
const ALL: &str = r#"grpcurl -plaintext -d '{"content":{"type":"SYSTEM","data":"System Announcement","timestamp":1234567890,"metadata":{}}}' localhost:50053 pubsub.PushManagerService/BroadcastMessage"#;

/// Holds the port that the commands name for this test alone.
async fn lock_the_port() -> File {
    let path = std::env::temp_dir().join("push-manager-port-50053.lock");
    let file = File::options()
        .create(true)
        .append(true)
        .open(path)
        .unwrap();
    let deadline = Instant::now() + Duration::from_secs(120);
    while file.try_lock().is_err() {
        assert!(Instant::now() < deadline, "another test holds port 50053");
        sleep(Duration::from_millis(100)).await;
    }
    file
}

async fn shell(command: &str) -> Run {
    let grpcurl = tool("GRPCURL");
    let folder = grpcurl.parent().unwrap().display();
    let path = format!("{folder}:{}", std::env::var("PATH").unwrap());
    run(Path::new("/bin/sh"), &["-c", command], &[("PATH", &path)]).await
}

async fn answer(command: &str) -> Value {
    let Run { code, out, err } = shell(command).await;
    assert_eq!(code, 0, "{command}\n{err}");
    serde_json::from_str(&out).unwrap_or_else(|error| panic!("{error}: {out}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_three_commands_reach_people_on_three_nodes() {
    let _port = lock_the_port().await;
    let system = System::start(3, &["--grpc-port", "50053"]).await;
    let mut first = system.nodes[0].join("user-001", "room-001").await;
    let mut second = system.nodes[1].join("user-002", "room-001").await;
    let mut third = system.nodes[2].join("user-003", "room-002").await;

    let room = answer(ROOM).await;
    assert_eq!(room["success"], true, "{room}");
    assert_eq!(room["deliveredCount"], 2, "{room}");
    assert_eq!(room["message"], "2 of 2 nodes reached; 2 delivered");
    assert_eq!(first.data().await, "Hello Room!");
    assert_eq!(second.data().await, "Hello Room!");

    let user = answer(USER).await;
    assert_eq!(user["success"], true, "{user}");
    assert_eq!(first.data().await, "Hello User!");

    let all = answer(ALL).await;
    assert_eq!(all["success"], true, "{all}");
    assert_eq!(all["totalDelivered"], 3, "{all}");
    for client in [&mut first, &mut second, &mut third] {
        assert_eq!(client.data().await, "System Announcement");
        assert!(client.is_silent().await, "nothing comes twice");
    }
}
