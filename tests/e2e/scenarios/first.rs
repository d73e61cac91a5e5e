//! What everybody does first.

use push_manager_e2e::{forward::Forward, settings::variable, space::scenario};
use serde_json::Value;

/// What README and the seed document tell to type, word by word.
const COMMANDS: [&str; 3] = [
    r#"{"room_id":"room-001","content":{"type":"TEXT","data":"Hello Room!","timestamp":1234567890,"metadata":{}}} pubsub.PushManagerService/PushToRoom"#,
    r#"{"user_id":"user-001","content":{"type":"TEXT","data":"Hello User!","timestamp":1234567890,"metadata":{}}} pubsub.PushManagerService/PushToUser"#,
    r#"{"content":{"type":"SYSTEM","data":"System Announcement","timestamp":1234567890,"metadata":{}}} pubsub.PushManagerService/BroadcastMessage"#,
];

#[tokio::test(flavor = "multi_thread")]
async fn three_grpcurl_commands_through_the_service_reach_people() {
    scenario("e2e-first", async |space| {
        space.peers().await;
        space.push_manager("").await;
        let doors = space.doors().await;
        println!("{doors:?}");
        let _forward = Forward::to(space, "service/push", 50053, 50053)
            .await
            .unwrap();
        let grpcurl = variable("GRPCURL").unwrap();
        for command in COMMANDS {
            let (body, method) = command.rsplit_once(' ').unwrap();
            let words = ["-plaintext", "-d", body, "localhost:50053", method];
            let answer = space
                .lab
                .program(grpcurl.as_ref(), &words)
                .await
                .unwrap()
                .ok()
                .unwrap();
            let answer: Value = serde_json::from_str(&answer).unwrap();
            println!("{answer}");
        }
    })
    .await;
}
