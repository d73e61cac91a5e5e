//! `--kube`: the release program against an API server that knows pods, and pods that are replicas.

#![allow(
    dead_code,
    missing_docs,
    unreachable_pub,
    clippy::pedantic,
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a test fails by panicking, its helpers included"
)]

#[path = "support/cluster.rs"]
mod cluster;
#[path = "support/fake.rs"]
mod fake;
#[path = "support/lines.rs"]
mod lines;
#[path = "support/terminal.rs"]
mod terminal;

use std::{net::SocketAddr, time::Duration};

use cluster::Cluster;
use fake::Fake;
use lines::{Lines, counted, row};
use push_manager_proto::admin::{
    Heartbeat, ReplicaRow, RowsPart, WatchResponse, watch_response::Kind,
};
use serde_json::Value;
use tokio::time::{Instant, sleep};

/// How often the console asks, and prints.
const INTERVAL: Duration = Duration::from_millis(500);
/// For a machine with two busy cores.
const SLACK: Duration = Duration::from_secs(1);
/// What begins, or begins anew after a first pause, needs no longer.
const SOON: Duration = Duration::from_secs(5);
/// The longest pause between attempts, and the attempt.
const LATER: Duration = Duration::from_secs(12);

/// A replica that counted so many pushes.
async fn manager(pushes: u64) -> Fake {
    Fake::playing(move |_, _, frames| {
        tokio::spawn(async move {
            let replica = ReplicaRow {
                pushes,
                discovery_up: true,
                ..ReplicaRow::default()
            };
            let part = RowsPart {
                replica: Some(replica),
                ..RowsPart::default()
            };
            let mut frame = WatchResponse {
                epoch: pushes,
                seq: 1,
                kind: Some(Kind::Snapshot(part)),
                ..WatchResponse::default()
            };
            while frames.send(Ok(frame.clone())).await.is_ok() {
                sleep(Duration::from_millis(250)).await;
                frame.kind = Some(Kind::Heartbeat(Heartbeat {}));
                frame.monotonic_ns += 250_000_000;
            }
        });
    })
    .await
}

fn watching(cluster: &Cluster, name: &str) -> Lines {
    let config = cluster.kubeconfig();
    let env = [("KUBECONFIG", config.to_str().unwrap())];
    Lines::in_env(&["--kube", name], &env)
}

/// These pods are live, and no other row is there.
fn shows(document: &Value, pods: &[&str]) -> bool {
    let rows = document["replicas"].as_array().unwrap();
    let live = |pod: &&str| row(document, "replicas", "target", pod)["freshness"] == "live";
    rows.len() == pods.len() && pods.iter().all(live) && counted(document).0.len() == pods.len()
}

fn says(document: &Value, words: &str) -> bool {
    let rows = document["replicas"].as_array().unwrap();
    let why = |row: &Value| row["why"].as_str().is_some_and(|why| why.contains(words));
    rows.len() == 1 && rows.iter().all(why)
}

fn nowhere() -> SocketAddr {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_running_pod_is_a_replica_as_pods_come_and_go() {
    let cluster = Cluster::start().await;
    let (first, second, third) = (manager(1).await, manager(10).await, manager(100).await);
    cluster.put("fan-a", "Running", first.address);
    cluster.put("fan-b", "Running", second.address);
    cluster.put("fan-c", "Pending", nowhere());
    let lines = watching(&cluster, "push-fanout");
    let of = |pods: &'static [&'static str], pushes: u64| {
        move |document: &Value| shows(document, pods) && document["totals"]["pushes"] == pushes
    };
    let began = Instant::now();
    lines
        .shows("both", began, SOON, of(&["fan-a", "fan-b"], 11))
        .await;

    // A pod's link lives on while other pods come and go.
    let forwards = cluster.forwards();
    // One that is asked to end is watched to its end.
    cluster.terminate("fan-a");
    sleep(INTERVAL * 2).await;
    let line = lines.next().await;
    assert!(shows(&line.document, &["fan-a", "fan-b"]));
    cluster.delete("fan-a");
    lines
        .shows("the other", Instant::now(), SOON, of(&["fan-b"], 10))
        .await;
    cluster.put("fan-c", "Running", third.address);
    lines
        .shows(
            "the new one",
            Instant::now(),
            SOON,
            of(&["fan-b", "fan-c"], 110),
        )
        .await;
    assert_eq!(cluster.forwards(), forwards + 1, "one new link");

    // None is left: it says so, and goes on looking.
    for pod in ["fan-b", "fan-c"] {
        cluster.delete(pod);
    }
    let none = |document: &Value| says(document, "app.kubernetes.io/instance=push-fanout");
    lines.shows("none", Instant::now(), SOON, none).await;
    cluster.put("fan-d", "Running", first.address);
    lines
        .shows("a later one", Instant::now(), SOON, of(&["fan-d"], 1))
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forward_that_is_cut_is_made_anew_and_an_unreachable_port_says_why() {
    let cluster = Cluster::start().await;
    let mut before = manager(1).await;
    cluster.put("fan-a", "Running", before.address);
    let lines = watching(&cluster, "prod/push-fanout");
    let live = |document: &Value| shows(document, &["fan-a"]);
    lines.shows("the pod", Instant::now(), SOON, live).await;

    // The container restarts: its connections are cut, and its port refuses for a while.
    before.die();
    cluster.put("fan-a", "Running", nowhere());
    let refused = |document: &Value| says(document, "an error occurred forwarding 7000");
    let line = lines.shows("why", Instant::now(), SOON, refused).await;
    assert_eq!(counted(&line.document), (String::new(), "a".to_owned()));

    let after = manager(2).await;
    cluster.put("fan-a", "Running", after.address);
    let again = |document: &Value| live(document) && document["totals"]["pushes"] == 2;
    lines
        .shows("the pod again", Instant::now(), LATER, again)
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watch_that_is_too_old_lists_again_and_cuts_no_link() {
    let cluster = Cluster::start().await;
    let (first, second) = (manager(1).await, manager(2).await);
    cluster.put("fan-a", "Running", first.address);
    let lines = watching(&cluster, "push-fanout");
    lines
        .shows("the pod", Instant::now(), SOON, |document| {
            shows(document, &["fan-a"])
        })
        .await;
    let (forwards, lists) = (cluster.forwards(), cluster.lists());
    let compacted = Instant::now();
    cluster.compact();
    cluster.put("fan-b", "Running", second.address);
    lines
        .shows("what came meanwhile", compacted, LATER, |document| {
            shows(document, &["fan-a", "fan-b"])
        })
        .await;
    assert!(cluster.lists() > lists);
    assert_eq!(cluster.forwards(), forwards + 1);
    for line in lines.since(compacted) {
        let first = row(&line.document, "replicas", "target", "fan-a");
        assert_eq!(first["freshness"], "live", "{first:#}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_api_server_refuses_it_says_what_it_needs_and_then_goes_on() {
    let cluster = Cluster::start().await;
    let one = manager(1).await;
    cluster.put("fan-a", "Running", one.address);
    cluster.refuse(Some((
        403,
        "pods is forbidden: User \"u\" cannot list resource \"pods\"",
    )));
    let lines = watching(&cluster, "push-fanout");
    let needs = |document: &Value| {
        says(document, "cannot list resource") && says(document, "create on pods/portforward")
    };
    lines
        .shows("what it needs", Instant::now(), SOON, needs)
        .await;
    cluster.refuse(Some((500, "the store is away")));
    let away = |document: &Value| says(document, "the store is away");
    lines
        .shows("another reason", Instant::now(), LATER, away)
        .await;
    cluster.refuse(None);
    let live = |document: &Value| shows(document, &["fan-a"]);
    lines.shows("the pod", Instant::now(), LATER, live).await;

    // Refused from now on: what is known stays.
    let refused = Instant::now();
    cluster.refuse(Some((403, "no longer")));
    cluster.compact();
    sleep(Duration::from_secs(3)).await;
    assert!(lines.since(refused).iter().all(|line| live(&line.document)));
}

#[tokio::test(flavor = "multi_thread")]
async fn once_prints_the_pods_and_ends() {
    let cluster = Cluster::start().await;
    let one = manager(7).await;
    cluster.put("fan-a", "Running", one.address);
    let config = cluster.kubeconfig();
    let printed = tokio::process::Command::new(terminal::program())
        .args(["--kube", "push-fanout", "--once", "--json"])
        .env("KUBECONFIG", config)
        .output()
        .await
        .unwrap();
    assert_eq!(printed.status.code(), Some(0), "{printed:?}");
    let document: Value = serde_json::from_slice(&printed.stdout).unwrap();
    assert!(shows(&document, &["fan-a"]), "{document:#}");
    assert_eq!(document["totals"]["pushes"], 7);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_and_a_context_lead_to_another_cluster() {
    let cluster = Cluster::start().await;
    let one = manager(7).await;
    cluster.put("fan-a", "Running", one.address);
    let config = cluster.kubeconfig();
    let once = |context: &'static str| {
        let mut pushtop = tokio::process::Command::new(terminal::program());
        pushtop.args(["--kube", "push-fanout", "--once", "--json"]);
        pushtop.args(["--kubeconfig", config.to_str().unwrap()]);
        pushtop.args(["--context", context]);
        pushtop.env("KUBECONFIG", "/nowhere/at/all");
        async move { pushtop.output().await.unwrap() }
    };
    let printed = once("x").await;
    assert_eq!(printed.status.code(), Some(0), "{printed:?}");
    let document: Value = serde_json::from_slice(&printed.stdout).unwrap();
    assert!(shows(&document, &["fan-a"]), "{document:#}");

    let printed = once("elsewhere").await;
    assert_eq!(printed.status.code(), Some(1), "{printed:?}");
    let why = String::from_utf8_lossy(&printed.stderr);
    assert!(why.contains("elsewhere"), "{why}");
}
