//! The commands that people and scripts type: words, JSON and exit codes.

use std::time::Duration;

use serde_json::Value;

use crate::{
    etcd::EtcdProcess,
    process::{Run, push_manager, run},
    system::{Manager, System},
};

async fn command(args: &[&str]) -> Run {
    run(push_manager(), args, &[]).await
}

fn json(run: &Run) -> Value {
    serde_json::from_str(&run.out).unwrap_or_else(|error| panic!("{error}: {run:?}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn push_says_what_became_of_it_in_words_in_json_and_in_its_exit_code() {
    let system = System::start(2, &["--set", "fanout.deadline=1s"]).await;
    let mut ann = system.nodes[0].join("ann", "room-001").await;
    let mut bob = system.nodes[1].join("bob", "room-001").await;
    let to = system.manager.grpc.to_string();
    let push = async |args: &[&str]| {
        command(&[&["push"], args, &["--to", &to, "--data", "hello"]].concat()).await
    };

    let room = push(&["room", "room-001", "--metadata", "colour=red"]).await;
    assert_eq!(room.code, 0, "{room:?}");
    assert!(
        room.out
            .starts_with("ok: 2 of 2 nodes reached; 2 delivered\npush "),
        "{room:?}"
    );
    assert_eq!(bob.data().await, "hello");
    let frame = ann.frame(Duration::from_secs(5)).await.unwrap();
    assert_eq!(
        (&frame["data"], &frame["metadata"]["colour"]),
        (&"hello".into(), &"red".into())
    );

    let room = json(&push(&["room", "room-001", "--exclude", "bob", "--json"]).await);
    assert_eq!(
        (&room["success"], &room["targets"]),
        (&true.into(), &2.into()),
        "{room}"
    );
    assert_eq!(room["outcomes"]["delivered"], 1, "{room}");
    assert_eq!(room["outcomes"]["excluded"], 1, "{room}");
    assert!(
        room["push_id"].as_str().is_some_and(|id| !id.is_empty()),
        "{room}"
    );
    assert_eq!(ann.data().await, "hello");
    assert!(bob.is_silent().await);

    assert_eq!(push(&["user", "bob"]).await.code, 0);
    assert_eq!(bob.data().await, "hello");
    let all = push(&["broadcast", "--json"]).await;
    assert_eq!(
        (all.code, &json(&all)["outcomes"]["delivered"]),
        (0, &2.into())
    );

    let nobody = push(&["user", "nobody"]).await;
    assert_eq!(nobody.code, 3, "{nobody:?}");
    assert!(
        nobody.out.contains("user nobody is not connected"),
        "{nobody:?}"
    );
    let nobody = push(&["user", "nobody", "--json"]).await;
    assert_eq!((nobody.code, &json(&nobody)["success"]), (3, &false.into()));

    let refused = push(&["user", "bad\u{1}id", "--json"]).await;
    assert_eq!(refused.code, 4, "{refused:?}");
    assert_eq!(json(&refused)["error"]["code"], "INVALID_ARGUMENT");
    assert!(refused.err.contains("user_id"), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn push_without_a_server_or_with_wrong_arguments_says_so() {
    let port = free_port();
    let to = format!("127.0.0.1:{port}");
    let away = command(&["push", "user", "ann", "--data", "x", "--to", &to]).await;
    assert_eq!(away.code, 4, "{away:?}");
    assert!(away.err.contains(&to), "{away:?}");
    assert!(away.err.to_lowercase().contains("refused"), "{away:?}");
    for wrong in [
        &["push", "room"][..],
        &["push", "nobody", "x"],
        &[
            "push",
            "user",
            "a",
            "--data",
            "x",
            "--metadata",
            "no-equals-sign",
        ],
        &["push", "user", "a", "--payload", "/nowhere/file"],
        &["push", "user", "a", "--data", "x", "--timeout", "-1"],
        &["no-such-command"],
        &["--no-such-flag"],
    ] {
        let run = command(wrong).await;
        assert_eq!(run.code, 2, "{wrong:?}: {run:?}");
        assert!(!run.err.is_empty(), "{wrong:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nodes_lists_what_etcd_has_and_what_was_skipped() {
    let etcd = EtcdProcess::start().await;
    let endpoint = etcd.endpoint();
    let nodes = async |args: &[&str]| {
        command(&[&["nodes", "--etcd-endpoints", &endpoint], args].concat()).await
    };
    let empty = nodes(&[]).await;
    assert_eq!(empty.code, 0, "{empty:?}");
    assert!(
        empty
            .out
            .contains("no Connect-Node is registered under connect-node/"),
        "{empty:?}"
    );

    let go = r#"{"Op":0,"Addr":"10.0.0.1:50052","Metadata":null}"#;
    let named = r#"{"Op":0,"Addr":"10.0.0.2:50052","Metadata":{"node_id":"connect-node-2"}}"#;
    etcd.put("connect-node/10.0.0.1:50052", go).await;
    etcd.put("connect-node/10.0.0.2:50052", named).await;
    etcd.put("/services/connect-node/connect-node-3", "10.0.0.3:50052")
        .await;
    etcd.put("connect-node/garbage", "{not json").await;
    etcd.put("connect-node/portless", r#"{"Op":0,"Addr":"10.0.0.4"}"#)
        .await;

    let table = nodes(&[]).await;
    assert_eq!(table.code, 0, "{table:?}");
    let row = |word: &str| table.out.lines().find(|line| line.contains(word)).unwrap();
    assert!(
        row("10.0.0.1:50052").starts_with("10.0.0.1:50052"),
        "{table:?}"
    );
    assert!(
        row("10.0.0.2:50052").starts_with("connect-node-2 "),
        "{table:?}"
    );
    assert!(
        row("10.0.0.3:50052").starts_with("connect-node-3 "),
        "{table:?}"
    );
    assert!(
        row("connect-node/garbage").starts_with("skipped "),
        "{table:?}"
    );
    assert!(
        row("connect-node/portless").starts_with("skipped "),
        "{table:?}"
    );

    let listed = json(&nodes(&["--json"]).await);
    let found = listed["nodes"].as_array().unwrap();
    assert_eq!(found.len(), 3, "{listed}");
    let second = found
        .iter()
        .find(|node| node["node_id"] == "connect-node-2")
        .unwrap();
    assert_eq!(second["address"], "10.0.0.2:50052", "{listed}");
    assert_eq!(second["key"], "connect-node/10.0.0.2:50052", "{listed}");
    let skipped = listed["skipped"].as_array().unwrap();
    assert_eq!(skipped.len(), 2, "{listed}");
    assert!(
        skipped.iter().all(|key| key["reason"].is_string()),
        "{listed}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn nodes_without_etcd_names_it() {
    let endpoint = format!("127.0.0.1:{}", free_port());
    let away = command(&["nodes", "--etcd-endpoints", &endpoint]).await;
    assert_eq!(away.code, 1, "{away:?}");
    assert!(
        away.err.contains("etcd") && away.err.contains(&endpoint),
        "{away:?}"
    );
    assert!(away.out.is_empty(), "{away:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn help_names_options_and_exit_codes() {
    for (args, words) in [
        (
            &["--help"][..],
            &[
                "serve",
                "dev",
                "push",
                "nodes",
                "config",
                "--set",
                "CONFIG_FILE",
            ][..],
        ),
        (
            &["serve", "--help"],
            &["--grpc-port", "--etcd-endpoints", "--set"],
        ),
        (
            &["dev", "--help"],
            &["--nodes", "--page-port", "--etcd", "--host"],
        ),
        (
            &["push", "--help"],
            &["room", "user", "broadcast", "--data", "--to", "--timeout"],
        ),
        (
            &["push", "room", "--help"],
            &["--exclude", "--data", "--json"],
        ),
        (&["push", "user", "--help"], &["--data", "--json"]),
        (&["push", "broadcast", "--help"], &["--data", "--json"]),
        (&["nodes", "--help"], &["--json", "--etcd-endpoints"]),
        (&["config", "--help"], &["check", "show"]),
        (&["config", "check", "--help"], &["--json"]),
        (&["config", "show", "--help"], &["--json", "--explain"]),
    ] {
        let help = command(args).await;
        assert_eq!(help.code, 0, "{args:?}");
        for word in words.iter().chain(&["Exit codes:"]) {
            assert!(
                help.out.contains(word),
                "{args:?} lacks {word}:\n{}",
                help.out
            );
        }
    }
    let version = command(&["--version"]).await;
    assert!(version.out.starts_with("push-manager "), "{version:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn push_to_a_server_that_is_not_ready_says_why() {
    let etcd = format!("127.0.0.1:{}", free_port());
    let manager = Manager::start(&["--etcd-endpoints", &etcd], &[]).await;
    let to = manager.grpc.to_string();
    let args = ["push", "broadcast", "--data", "x", "--json", "--to", &to];
    let refused = command(&args).await;
    assert_eq!(refused.code, 4, "{refused:?}");
    assert_eq!(json(&refused)["error"]["code"], "UNAVAILABLE");
    assert!(refused.err.contains("not ready"), "{refused:?}");
}

/// A port that nobody listened on a moment ago.
fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}
