//! grpcurl, with no proto file at hand.

use std::{
    fs::File,
    net::IpAddr,
    process::{Output, Stdio},
};

use push_manager::dev::{Dev, DevPlan};
use push_manager_config::{Config, DiscoveryKind};
use serde_json::Value;
use tokio::process::Command;
use tonic::transport::Endpoint;
use tonic_reflection::pb::{v1, v1alpha};

use crate::{
    bed::{Bed, eventually},
    programs::program,
    ws::Ws,
};

const ROOM: &str = r#"grpcurl -plaintext -d '{"room_id":"room-001","content":{"type":"TEXT","data":"Hello Room!","timestamp":1234567890,"metadata":{}}}' localhost:50053 pubsub.PushManagerService/PushToRoom"#;
const USER: &str = r#"grpcurl -plaintext -d '{"user_id":"user-001","content":{"type":"TEXT","data":"Hello User!","timestamp":1234567890,"metadata":{}}}' localhost:50053 pubsub.PushManagerService/PushToUser"#;
const EVERYONE: &str = r#"grpcurl -plaintext -d '{"content":{"type":"SYSTEM","data":"System Announcement","timestamp":1234567890,"metadata":{}}}' localhost:50053 pubsub.PushManagerService/BroadcastMessage"#;

/// The one who holds this file has port 50053.
async fn usual_port() -> File {
    let path = std::env::temp_dir().join("push-manager-port-50053.lock");
    let take = move || {
        let file = File::create(path).unwrap();
        file.lock().unwrap();
        file
    };
    tokio::task::spawn_blocking(take).await.unwrap()
}

/// Runs a line as a person would type it, with grpcurl on the path.
async fn shell(line: &str) -> Value {
    let grpcurl = program("GRPCURL");
    let folder = grpcurl.parent().unwrap().to_str().unwrap();
    let path = format!("{folder}:{}", std::env::var("PATH").unwrap());
    let output = Command::new("sh")
        .args(["-c", line])
        .env("PATH", path)
        .stdin(Stdio::null())
        .output()
        .await
        .unwrap();
    serde_json::from_str(&printed(output)).unwrap()
}

async fn grpcurl(args: &[&str]) -> String {
    let output = Command::new(program("GRPCURL")).args(args).output().await;
    printed(output.unwrap())
}

fn printed(output: Output) -> String {
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}: {errors}", output.status);
    String::from_utf8(output.stdout).unwrap()
}

async fn dev() -> Dev {
    let mut config = Config::default();
    config.grpc.host = "127.0.0.1".into();
    config.metrics.host = "127.0.0.1".into();
    config.metrics.port = 0;
    config.discovery.kind = DiscoveryKind::Memory;
    assert_eq!(config.grpc.port, 50053);
    let plan = DevPlan {
        nodes: 3,
        host: IpAddr::from([127, 0, 0, 1]),
        first_page: 0,
        demo: false,
    };
    match Dev::start(config, plan).await {
        Ok(dev) => dev,
        Err(error) => panic!(
            "port 50053 must be free for this test (is `cargo xtask dev` running?): {error:?}"
        ),
    }
}

#[tokio::test]
async fn the_three_usual_commands_run_verbatim_against_dev() {
    let _port = usual_port().await;
    let dev = dev().await;
    eventually("dev is ready", || {
        dev.server().readiness().state().why_not().is_none()
    })
    .await;
    let pages = dev.pages();
    let mut joined = Ws::join(pages[0], "user-001", "room-001").await;
    let mut other = Ws::join(pages[2], "user-002", "room-001").await;

    let answer = shell(ROOM).await;
    assert_eq!(answer["success"], true, "{answer}");
    assert_eq!(answer["deliveredCount"], 2, "{answer}");
    assert_eq!(joined.data().await, "Hello Room!");
    assert_eq!(other.data().await, "Hello Room!");

    let answer = shell(USER).await;
    assert_eq!(answer["success"], true, "{answer}");
    assert_eq!(joined.data().await, "Hello User!");

    let answer = shell(EVERYONE).await;
    assert_eq!(answer["success"], true, "{answer}");
    assert_eq!(answer["totalDelivered"], 2, "{answer}");
    assert_eq!(joined.data().await, "System Announcement");
    assert_eq!(other.data().await, "System Announcement");
    dev.stop().await;
}

#[tokio::test]
async fn grpcurl_lists_and_describes_without_a_proto_file() {
    let bed = Bed::start(1).await;
    let at = bed.server.grpc_addr().to_string();
    let services = grpcurl(&["-plaintext", &at, "list"]).await;
    for service in [
        "grpc.health.v1.Health",
        "grpc.reflection.v1.ServerReflection",
        "pubsub.PushManagerService",
    ] {
        assert!(services.lines().any(|line| line == service), "{services}");
    }
    let methods = grpcurl(&["-plaintext", &at, "list", "pubsub.PushManagerService"]).await;
    assert_eq!(methods.lines().count(), 3, "{methods}");
    let described = grpcurl(&["-plaintext", &at, "describe", "pubsub.MessageContent"]).await;
    for field in [
        "string type = 1;",
        "string data = 2;",
        "int64 timestamp = 3;",
        "map<string, string> metadata = 4;",
        "bytes payload = 5;",
    ] {
        assert!(described.contains(field), "{field} in {described}");
    }
}

#[tokio::test]
async fn reflection_answers_in_v1_and_v1alpha() {
    let bed = Bed::start(1).await;
    let at = format!("http://{}", bed.server.grpc_addr());
    let channel = Endpoint::from_shared(at).unwrap().connect_lazy();
    let symbol = "pubsub.PushManagerService.PushToRoom";

    let mut client = v1::server_reflection_client::ServerReflectionClient::new(channel.clone());
    let question = v1::ServerReflectionRequest {
        host: String::new(),
        message_request: Some(
            v1::server_reflection_request::MessageRequest::FileContainingSymbol(symbol.into()),
        ),
    };
    let answers = client.server_reflection_info(tokio_stream::once(question));
    let answer = answers.await.unwrap().into_inner().message().await.unwrap();
    let answer = answer.unwrap().message_response.unwrap();
    let v1::server_reflection_response::MessageResponse::FileDescriptorResponse(found) = answer
    else {
        panic!("v1: {answer:?}");
    };

    let mut client = v1alpha::server_reflection_client::ServerReflectionClient::new(channel);
    let question = v1alpha::ServerReflectionRequest {
        host: String::new(),
        message_request: Some(
            v1alpha::server_reflection_request::MessageRequest::FileContainingSymbol(symbol.into()),
        ),
    };
    let answers = client.server_reflection_info(tokio_stream::once(question));
    let answer = answers.await.unwrap().into_inner().message().await.unwrap();
    let answer = answer.unwrap().message_response.unwrap();
    let v1alpha::server_reflection_response::MessageResponse::FileDescriptorResponse(alpha) =
        answer
    else {
        panic!("v1alpha: {answer:?}");
    };
    assert!(!found.file_descriptor_proto.is_empty());
    assert_eq!(found.file_descriptor_proto, alpha.file_descriptor_proto);
}

#[tokio::test]
async fn grpcurl_asks_for_the_health_of_each_service() {
    let bed = Bed::start(1).await;
    let at = bed.server.grpc_addr().to_string();
    let check = "grpc.health.v1.Health/Check";
    for service in ["", "pubsub.PushManagerService"] {
        let question = format!(r#"{{"service":"{service}"}}"#);
        let answer = grpcurl(&["-plaintext", "-d", &question, &at, check]).await;
        let answer: Value = serde_json::from_str(&answer).unwrap();
        assert_eq!(answer["status"], "SERVING", "{service:?}: {answer}");
    }
    let unknown = Command::new(program("GRPCURL"))
        .args(["-plaintext", "-d", r#"{"service":"nobody"}"#, &at, check])
        .output()
        .await
        .unwrap();
    let errors = String::from_utf8_lossy(&unknown.stderr).into_owned();
    assert!(errors.contains("NotFound"), "{errors}");
}
