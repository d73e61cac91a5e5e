//! The metrics page, read by promtool and by whoever built on the names.

use std::{
    collections::{BTreeMap, BTreeSet},
    process::Stdio,
};

use push_manager::ids::NodeId;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    process::Command,
};

use crate::{bed::Bed, programs::program};

/// The body of `/metrics`, fetched over HTTP.
async fn page(bed: &Bed) -> String {
    let mut stream = TcpStream::connect(bed.server.metrics_addr()).await.unwrap();
    stream
        .write_all(b"GET /metrics HTTP/1.0\r\nHost: localhost\r\n\r\n")
        .await
        .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.0 200"), "{head}");
    assert!(head.contains("text/plain"), "{head}");
    body.to_owned()
}

/// A system that has seen every kind of ending that can be had at once.
async fn after_all_kinds_of_traffic() -> Bed {
    let mut bed = Bed::start(2).await;
    let mut alice = bed.join(0, "alice", "room-001").await;
    let _bob = bed.join(1, "bob", "room-001").await;
    bed.push_room("room-001", "hello").await.unwrap();
    bed.push_user("alice", "hello").await.unwrap();
    bed.push_user("nobody", "hello").await.unwrap();
    bed.push_room_without("room-001", "hello", &["alice"])
        .await
        .unwrap();
    bed.push_room("", "hello").await.unwrap_err();
    alice.data().await;

    // A node that is registered, but where nothing listens.
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = closed.local_addr().unwrap().to_string();
    drop(closed);
    let gone = NodeId::new("connect-node-9");
    bed.memory.put(gone, address.parse().unwrap(), None);
    crate::bed::eventually("three nodes are known", || {
        bed.server.pool().snapshot().nodes().len() == 3
    })
    .await;
    let answer = bed.broadcast("hello").await.unwrap();
    assert!(!answer.success);

    bed.controller.take().unwrap().shutdown().await;
    bed.push_room("room-001", "hello").await.unwrap_err();
    bed
}

#[tokio::test]
async fn promtool_finds_nothing_to_say_about_the_metrics() {
    let bed = after_all_kinds_of_traffic().await;
    let text = page(&bed).await;
    let mut promtool = Command::new(program("PROMTOOL"))
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut input = promtool.stdin.take().unwrap();
    input.write_all(text.as_bytes()).await.unwrap();
    drop(input);
    let output = promtool.wait_with_output().await.unwrap();
    let said = [output.stdout, output.stderr].concat();
    assert_eq!(String::from_utf8_lossy(&said), "");
    assert!(output.status.success());
}

/// Names that dashboards and alerts were built on, their type and their labels.
const CONTRACT: [(&str, &str, &[&str]); 6] = [
    (
        "push_manager_api_requests_total",
        "counter",
        &["api", "status"],
    ),
    ("push_manager_api_duration_seconds", "histogram", &["api"]),
    ("push_manager_node_connections", "gauge", &["node_id"]),
    ("push_manager_push_success_total", "counter", &[]),
    ("push_manager_push_failed_total", "counter", &["reason"]),
    ("push_manager_push_total", "counter", &[]),
];

#[tokio::test]
async fn the_contracts_metrics_are_there_with_their_labels() {
    let bed = after_all_kinds_of_traffic().await;
    let text = page(&bed).await;
    let types = types(&text);
    for (name, kind, labels) in CONTRACT {
        assert_eq!(types.get(name).copied(), Some(kind), "{name}");
        let wanted: BTreeSet<&str> = labels.iter().copied().collect();
        assert_eq!(labels_of(&text, name, kind), Some(wanted), "{name}");
    }
    for series in [
        r#"push_manager_api_requests_total{api="PushToRoom",status="OK"} 2"#,
        r#"push_manager_api_requests_total{api="PushToRoom",status="INVALID_ARGUMENT"} 1"#,
        r#"push_manager_api_requests_total{api="PushToRoom",status="UNAVAILABLE"} 1"#,
        r#"push_manager_api_requests_total{api="PushToUser",status="OK"} 2"#,
        r#"push_manager_api_duration_seconds_count{api="BroadcastMessage"} 1"#,
        r#"push_manager_node_connections{node_id="connect-node-1"} 1"#,
        r#"push_manager_push_failed_total{reason="connect_failed"} 1"#,
        r#"push_manager_push_failed_total{reason="controller_unavailable"} 1"#,
        // alice and bob, alice, bob alone, alice and bob.
        "push_manager_push_success_total 6",
        "push_manager_push_total 6",
    ] {
        assert!(
            text.lines().any(|line| line == series),
            "{series} in\n{text}"
        );
    }
}

fn types(text: &str) -> BTreeMap<&str, &str> {
    text.lines()
        .filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' '))
        .collect()
}

/// The label names of a metric's series, less a bucket's own.
fn labels_of<'t>(text: &'t str, name: &str, kind: &str) -> Option<BTreeSet<&'t str>> {
    let series = match kind {
        "histogram" => format!("{name}_count"),
        _ => name.to_owned(),
    };
    text.lines().find_map(|line| {
        let rest = line.strip_prefix(&series)?;
        if rest.starts_with(' ') {
            return Some(BTreeSet::new());
        }
        let (labels, _) = rest.strip_prefix('{')?.split_once('}')?;
        let names = labels
            .split(',')
            .map(|pair| pair.split('=').next().unwrap());
        Some(names.collect())
    })
}
