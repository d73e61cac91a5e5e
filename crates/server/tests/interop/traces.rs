//! The three programs, each a process of its own, and one trace over them all.

use std::net::SocketAddr;

use push_manager_proto::pubsub::{PushToRoomRequest, PushToUserRequest};
use serde_json::Value;
use tokio::process::Command;
use tonic::Request;

use crate::{
    bed::{client_of, eventually, text},
    otlp::{Collector, Seen},
    programs::{Running, product},
    ws::Ws,
};

fn with_traces(name: &str, collector: SocketAddr) -> Command {
    let mut command = Command::new(product(name));
    // Nothing of the tester's own settings.
    for (variable, _) in std::env::vars_os() {
        let name = variable.to_string_lossy();
        if ["OTEL_", "PM_", "ETCD_"]
            .iter()
            .any(|p| name.starts_with(p))
        {
            command.env_remove(variable);
        }
    }
    command
        .env("OTEL_EXPORTER_OTLP_ENDPOINT", format!("http://{collector}"))
        .env("OTEL_BSP_SCHEDULE_DELAY", "100")
        .env("LOG_FORMAT", "json")
        .env("LOG_LEVEL", "info")
        .env_remove("CONFIG_FILE");
    command
}

/// Waits for the line that a program logs when it is up, and reads addresses from it.
async fn up(program: &mut Running, message: &str, fields: [&str; 2]) -> [SocketAddr; 2] {
    let line = program.line_with("message", message).await;
    let address = |field: &str| match line.get(field).and_then(Value::as_str) {
        Some(address) => address.parse().unwrap(),
        None => panic!("{field} in {line}"),
    };
    fields.map(address)
}

/// Controller, node and server, and where their clients reach the last two.
struct System {
    _programs: [Running; 3],
    push: SocketAddr,
    page: SocketAddr,
}

async fn start(collector: SocketAddr) -> System {
    let mut command = with_traces("push-manager-controller", collector);
    command.args(["--bind", "127.0.0.1", "--grpc-port", "0"]);
    let mut controller = Running::start_logging(command);
    let [knows, _] = up(&mut controller, "controller-manager is up", ["grpc"; 2]).await;

    let mut command = with_traces("push-manager-node", collector);
    command.args([
        "--bind",
        "127.0.0.1",
        "--grpc-port",
        "0",
        "--http-port",
        "0",
    ]);
    command.args(["--id", "connect-node-1", "--advertise", "127.0.0.1"]);
    command.args(["--controller", &knows.to_string(), "--etcd="]);
    let mut node = Running::start_logging(command);
    let [takes, page] = up(&mut node, "connect-node is up", ["grpc", "http"]).await;

    let mut command = with_traces("push-manager", collector);
    command.args(["serve", "--grpc-port", "0", "--metrics-port", "0"]);
    command.args(["--controller-address", &knows.to_string()]);
    for set in [
        "grpc.host=127.0.0.1".to_owned(),
        "metrics.host=127.0.0.1".to_owned(),
        "discovery.kind=static".to_owned(),
        format!("discovery.nodes=connect-node-1={takes}"),
    ] {
        command.args(["--set", &set]);
    }
    let mut server = Running::start_logging(command);
    let [push, _] = up(&mut server, "push-manager started", ["grpc", "metrics"]).await;
    System {
        _programs: [controller, node, server],
        push,
        page,
    }
}

const CALLER: &str = "00f067aa0ba902b7";

fn traced<T>(message: T, trace: &str) -> Request<T> {
    let mut request = Request::new(message);
    let header = format!("00-{trace}-{CALLER}-01");
    request
        .metadata_mut()
        .insert("traceparent", header.parse().unwrap());
    request
}

/// The names and services from a span up to the caller's.
fn way_up(spans: &[Seen], from: &Seen) -> Vec<(String, String)> {
    let mut way = vec![(from.service.clone(), from.name.clone())];
    let mut parent = from.parent.as_str();
    while parent != CALLER {
        let span = spans
            .iter()
            .find(|span| span.id == parent)
            .unwrap_or_else(|| panic!("no span {parent} above {way:?} in {spans:#?}"));
        way.push((span.service.clone(), span.name.clone()));
        parent = &span.parent;
    }
    way
}

fn names(way: &[(String, String)]) -> Vec<(&str, &str)> {
    way.iter().map(|(s, n)| (s.as_str(), n.as_str())).collect()
}

/// Waits until the Controller's and the node's spans are there, and checks the
/// way from each up to the caller.
async fn one_joined_trace(collector: &Collector, trace: &str, api: &str, calls: [&str; 2]) {
    let [look_up, push] = calls;
    let (asked, served) = (
        format!("pubsub.ControllerService/{look_up}"),
        format!("pubsub.ConnectNodeService/{push}"),
    );
    eventually("all spans have arrived", || {
        let spans = collector.trace(trace);
        [asked.as_str(), &served, api]
            .iter()
            .all(|name| spans.iter().any(|span| span.name == *name))
            && spans.iter().filter(|s| s.service == "push-manager").count() >= 3
    })
    .await;
    let spans = collector.trace(trace);
    let at = |name: &str| spans.iter().find(|span| span.name == name).unwrap();
    assert_eq!(
        names(&way_up(&spans, at(&asked))),
        [
            ("controller-manager", asked.as_str()),
            ("push-manager", look_up),
            ("push-manager", api)
        ]
    );
    assert_eq!(
        names(&way_up(&spans, at(&served))),
        [
            ("connect-node", served.as_str()),
            ("push-manager", push),
            ("push-manager", api)
        ]
    );
}

#[tokio::test]
async fn a_callers_push_is_one_joined_trace_over_all_three_programs() {
    let (collector, address) = Collector::start().await;
    let system = start(address).await;
    let mut alice = Ws::join(system.page, "alice", "room-001").await;
    let mut client = client_of(system.push);

    let room = "4bf92f3577b34da6a3ce929d0e0e4736";
    let request = PushToRoomRequest {
        room_id: "room-001".into(),
        content: Some(text("to the room")),
        ..PushToRoomRequest::default()
    };
    // The join may reach the Controller a moment after it reached the client.
    let mut trace = String::new();
    for attempt in 0..100_u32 {
        trace = format!("{attempt:04x}{}", &room[4..]);
        let answer = client.push_to_room(traced(request.clone(), &trace)).await;
        if answer.unwrap().get_ref().delivered_count == 1 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    assert_eq!(alice.data().await, "to the room");
    // A room's members are named to their node, one or many, in one batch.
    let calls = ["GetRoomInfo", "PushMessageBatch"];
    one_joined_trace(&collector, &trace, "PushToRoom", calls).await;

    let user = "aaaaaaaa77b34da6a3ce929d0e0e4736";
    let request = PushToUserRequest {
        user_id: "alice".into(),
        content: Some(text("to alice")),
        ..PushToUserRequest::default()
    };
    let answer = client.push_to_user(traced(request, user)).await.unwrap();
    assert!(answer.get_ref().success);
    let calls = ["GetUserNode", "PushMessage"];
    one_joined_trace(&collector, user, "PushToUser", calls).await;
}
