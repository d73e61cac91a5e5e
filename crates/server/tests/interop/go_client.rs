//! A business server in Go: it resolves `etcd:///push-manager`, as grpc-go and
//! etcd's own resolver do it.

use std::{collections::BTreeSet, time::Duration};

use prost::Message;
use prost_types::{FileDescriptorProto, FileDescriptorSet};
use push_manager::server::{Drained, Server};
use push_manager_proto::pubsub::BroadcastMessageRequest;
use serde_json::Value;
use tokio::time::{sleep, timeout};

use crate::{
    bed::{client_of, text},
    etcd::EtcdProcess,
    fakes::{FakeController, FakeNode},
    programs::{Running, config_with, go, serve},
};

/// What one line of the Go client must be: an answer, and nothing failed.
fn answered(line: &Value) -> &Value {
    assert_eq!(line["code"], "OK", "{line}");
    assert_eq!(line["answer"]["success"], true, "{line}");
    line
}

fn key_of(server: &Server) -> String {
    format!("push-manager/{}", server.grpc_addr())
}

async fn registered(etcd: &EtcdProcess, server: &Server, wanted: bool) {
    let key = key_of(server);
    let seen = async {
        while etcd.get(&key).await.is_some() != wanted {
            sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(Duration::from_secs(10), seen)
        .await
        .unwrap_or_else(|_| panic!("{key} in etcd: never {wanted}"));
}

/// A node that counts one user, registered in etcd, and a Controller that
/// knows them as the only member of every room.
async fn peers(etcd: &EtcdProcess) -> String {
    let node = FakeNode::batches(|asked| {
        let named = i32::try_from(asked.user_ids.len()).unwrap();
        Ok(push_manager_proto::pubsub::PushMessageBatchResponse {
            success: true,
            delivered_count: named.max(1),
            failed_user_ids: Vec::new(),
        })
    })
    .serve()
    .await;
    let value = format!(r#"{{"Op":0,"Addr":"{node}","Metadata":null}}"#);
    etcd.put(&format!("connect-node/{node}"), value).await;
    let mut controller = FakeController::with_members(&[("alice", &node.to_string())]);
    controller.user = FakeController::with_user_at(&node.to_string(), "").user;
    controller.serve().await.to_string()
}

#[tokio::test]
async fn a_go_client_finds_push_manager_in_etcd_and_pushes() {
    let etcd = EtcdProcess::start().await;
    let controller = peers(&etcd).await;
    let server = serve(&config_with(&etcd, &controller), 1).await;
    registered(&etcd, &server, true).await;

    for (push, count) in [
        (&["room", "room-001", "hello"][..], "delivered_count"),
        (&["user", "alice", "hello"], "success"),
        (&["broadcast", "hello"], "total_delivered"),
    ] {
        let mut command = go(&["push", "-etcd", &etcd.endpoint()]);
        command.args(push);
        let line = Running::start(command).line().await;
        let answer = &answered(&line)["answer"];
        assert_eq!(line["peer"], server.grpc_addr().to_string());
        assert!(answer[count] == 1 || answer[count] == true, "{line}");
        assert_eq!(answer["receipt"]["targets"], "1", "{line}");
        assert_eq!(answer["receipt"]["push_id"], answer["push_id"], "{line}");
    }
}

/// The key goes at the drain's start while the instance still serves, so that
/// clients have turned elsewhere before the first connection ends.
#[tokio::test]
async fn a_go_client_loses_no_call_when_a_second_replica_takes_over_from_a_draining_one() {
    let etcd = EtcdProcess::start().await;
    let controller = peers(&etcd).await;
    let mut config = config_with(&etcd, &controller);
    config.drain.notice = Duration::from_secs(2);
    let first = serve(&config, 1).await;
    registered(&etcd, &first, true).await;
    let at = first.grpc_addr().to_string();

    let endpoint = etcd.endpoint();
    let command = go(&[
        "push",
        "-etcd",
        &endpoint,
        "-every",
        "10ms",
        "broadcast",
        "x",
    ]);
    let mut trickle = Running::start(command);
    assert_eq!(answered(&trickle.line().await)["peer"], at);

    let second = serve(&config, 1).await;
    let mut seen = BTreeSet::new();
    while seen.len() < 2 {
        let line = trickle.line().await;
        seen.insert(answered(&line)["peer"].as_str().unwrap().to_owned());
    }

    let (key, address) = (key_of(&first), first.grpc_addr());
    let draining = tokio::spawn(first.drain());
    while etcd.get(&key).await.is_some() {
        assert!(!draining.is_finished(), "the key goes before the end");
        sleep(Duration::from_millis(20)).await;
    }
    // The resolver's watch gets its moment; what was printed until then may name either.
    sleep(Duration::from_millis(300)).await;
    while let Some(line) = trickle.ready_line() {
        answered(&line);
    }
    for _ in 0..20 {
        let line = trickle.line().await;
        assert_eq!(answered(&line)["peer"], second.grpc_addr().to_string());
    }
    let still = client_of(address)
        .broadcast_message(BroadcastMessageRequest {
            content: Some(text("late")),
            ..BroadcastMessageRequest::default()
        })
        .await;
    assert!(
        still.is_ok(),
        "it serves until the notice is over: {still:?}"
    );
    assert!(!draining.is_finished());

    assert_eq!(draining.await.unwrap(), Drained::Clean);
    for _ in 0..20 {
        answered(&trickle.line().await);
    }
    let (status, rest) = trickle.terminate().await;
    assert!(status.success());
    for line in rest.iter().filter(|line| line["event"] == "answer") {
        answered(line);
    }
}

/// The Go code is checked in; a change in `proto/` must reach it.
#[tokio::test]
async fn the_generated_go_code_is_that_of_the_protos() {
    let printed = go(&["descriptors"]).output().await.unwrap();
    assert!(printed.status.success());
    let theirs = files(&printed.stdout);
    let ours = files(push_manager_proto::DESCRIPTORS);
    assert_eq!(ours.len(), 4);
    for (ours, theirs) in ours.iter().zip(&theirs) {
        assert_eq!(
            ours,
            theirs,
            "{}: run tests/interop/go/generate.sh",
            ours.name()
        );
    }
    assert_eq!(ours.len(), theirs.len());
}

/// This product's files, without what is said about them in other languages or comments.
fn files(set: &[u8]) -> Vec<FileDescriptorProto> {
    let mut files = FileDescriptorSet::decode(set).unwrap().file;
    files.retain(|file| file.name().starts_with("pubsub/"));
    files.sort_by(|a, b| a.name().cmp(b.name()));
    for file in &mut files {
        file.source_code_info = None;
        file.options = None;
    }
    files
}
