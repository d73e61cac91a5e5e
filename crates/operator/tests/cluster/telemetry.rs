//! What the operator tells of itself: metrics, health, traces, and how loud its log is.

use std::time::Duration;

use push_manager_envtest::eventually;
use serde_json::json;
use tokio::io::AsyncReadExt;
use tokio::net::TcpListener;

use crate::objects::Room;
use crate::operator::{Operator, SOON, get, shared};

/// A collector that takes what it is sent and answers nothing: that it was sent is the point.
async fn listens_for(listener: TcpListener, words: &str) {
    let mut heard = Vec::new();
    loop {
        let (mut caller, _) = listener.accept().await.unwrap();
        let mut bytes = [0; 4096];
        while let Ok(Ok(read)) =
            tokio::time::timeout(Duration::from_secs(20), caller.read(&mut bytes)).await
        {
            heard.extend_from_slice(&bytes[..read]);
            if heard
                .windows(words.len())
                .any(|window| window == words.as_bytes())
            {
                return;
            }
            if read == 0 {
                break;
            }
        }
    }
}

#[tokio::test]
async fn reconciles_are_traced_counted_and_their_operator_is_healthy() {
    let cluster = shared().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let collector = format!("http://{}", listener.local_addr().unwrap());
    let room = Room::open(cluster, "telemetry").await;
    // One of its own beside the shared one, for this namespace: they agree on everything.
    let folder = tempfile::tempdir().unwrap();
    let level = folder.path().join("level");
    std::fs::write(&level, "info\n").unwrap();
    let env = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", collector),
        ("OTEL_BSP_SCHEDULE_DELAY", "200".to_owned()),
        ("LOG_LEVEL_FILE", level.display().to_string()),
    ];
    let args = [
        "--leader-election",
        "false",
        "--namespaces",
        &room.namespace,
    ];
    let operator = Operator::start_with(cluster, "traced", &args, &env).await;
    operator.says("reconciling").await;
    let heard = listens_for(listener, "reconcile");
    room.apply("push", json!({})).await;
    tokio::time::timeout(SOON, heard)
        .await
        .expect("spans are sent");
    room.settled("push").await;

    let address = operator.address().await;
    let page = get(&address, "/metrics").await;
    for line in [
        "push_manager_operator_reconciles_total{result=\"ok\"}",
        "push_manager_operator_reconcile_duration_seconds_count",
        "push_manager_operator_watched_objects{kind=\"Deployment\"}",
        "push_manager_operator_objects{condition=\"Available\",status=\"False\"} 1",
        "process_resident_memory_bytes",
    ] {
        assert!(page.contains(line), "{line}: {page}");
    }
    assert!(get(&address, "/healthz").await.starts_with("HTTP/1.1 200"));
    assert!(get(&address, "/readyz").await.starts_with("HTTP/1.1 200"));

    std::fs::write(&level, "debug\n").unwrap();
    eventually(SOON, "the log's level follows the file", async || {
        let log = operator.log();
        if log.contains("the log's level changed") && log.contains("level=\"debug\"") {
            Ok(())
        } else {
            Err(log)
        }
    })
    .await;
}
