//! Clusters whose processes are stopped, killed and left behind.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use k8s_openapi::api::core::v1::ConfigMap;
use kube::Api;
use kube::api::PostParams;
use push_manager_envtest::{AuditEvent, Cluster, Kubelet, Options, Seen, eventually};
use serde_json::json;
use tokio::time::{Instant, timeout};

const SOON: Duration = Duration::from_secs(10);

/// Whether a process is there; one that only waits to be reaped is not.
fn runs(id: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
    // The state follows the name, which is in parentheses.
    let state = stat.rsplit_once(") ").map(|(_, fields)| fields);
    state.is_some_and(|fields| !fields.starts_with('Z'))
}

async fn until_gone(ids: &[u32], folder: &Path) {
    eventually(SOON, "processes and data are gone", async || -> Seen<()> {
        let left: Vec<_> = ids.iter().filter(|id| runs(**id)).collect();
        match (left.is_empty(), folder.exists()) {
            (true, false) => Ok(()),
            (_, folder) => Err(format!("processes {left:?}, folder: {folder}").into()),
        }
    })
    .await;
}

fn map(name: &str) -> ConfigMap {
    serde_json::from_value(json!({"metadata": {"name": name}})).unwrap()
}

#[tokio::test]
async fn it_starts_within_seconds_and_leaves_nothing() {
    let before = Instant::now();
    let cluster = Cluster::start(Options::default()).await;
    let took = before.elapsed();
    eprintln!("started in {took:?}");
    // Machines that do much else at once are slow.
    assert!(took < Duration::from_secs(30), "{took:?}");
    let (ids, folder) = (cluster.process_ids(), cluster.folder().to_owned());
    assert!(ids.iter().all(|id| runs(*id)), "{ids:?}");
    drop(cluster);
    assert!(!folder.exists());
    assert!(!ids.iter().any(|id| runs(*id)), "{ids:?}");
}

#[tokio::test]
async fn objects_outlive_the_api_server() {
    let cluster = Cluster::start(Options::default()).await;
    let namespace = cluster.namespace("kept").await;
    let client = cluster.client().await;
    let maps: Api<ConfigMap> = Api::namespaced(client, &namespace);
    let made = maps.create(&PostParams::default(), &map("kept")).await;
    let made = made.unwrap();

    cluster.stop_api_server();
    assert!(maps.get("kept").await.is_err());
    cluster.start_api_server().await;
    let found = maps.get("kept").await.unwrap();
    assert_eq!(found.metadata.uid, made.metadata.uid);

    cluster.pause_api_server();
    let unanswered = timeout(Duration::from_millis(300), maps.get("kept")).await;
    assert!(unanswered.is_err(), "{unanswered:?}");
    cluster.resume_api_server();
    maps.get("kept").await.unwrap();
}

#[tokio::test]
async fn controllers_outlast_the_api_server_and_can_be_stopped_and_started() {
    let cluster = Cluster::start(Options {
        controllers: true,
        audit: true,
    })
    .await;
    let kept = cluster.namespace("kept").await;
    let _kubelet = Kubelet::run(cluster.kubelet_client().await, &kept);
    let mark = cluster.audit_mark().await;
    cluster.restart_api_server().await;
    // It returns when controllers have done their part.
    let namespace = cluster.namespace("after").await;
    let events = cluster.audit_since(mark).await;
    let made = |user: &str, resource: &str, name: &str| {
        let is_it = |event: &AuditEvent| {
            (event.user.as_str(), event.resource.as_str()) == (user, resource)
                && (event.name.as_str(), event.code) == (name, 201)
        };
        events.iter().any(is_it)
    };
    assert!(made("admin", "namespaces", &namespace), "{events:?}");
    let controllers = "system:kube-controller-manager";
    assert!(
        made(controllers, "serviceaccounts", "default"),
        "{events:?}"
    );

    cluster.stop_controllers();
    // Pods can be created here, which needs a service account.
    cluster.namespace("alone").await;
    let deploy = ["create", "deployment", "web", "--image=web", "-n", &kept];
    assert!(cluster.kubectl(&deploy).await.success);
    let phases = ["get", "pods", "-n", &kept, "-o=jsonpath={..phase}"];
    assert_eq!(cluster.kubectl(&phases).await.stdout, "");

    cluster.start_controllers().await;
    let what = "a Pod is made, and runs";
    let look = async || match cluster.kubectl(&phases).await {
        pods if pods.stdout == "Running" => Ok(()),
        other => Err(format!("{other:?}")),
    };
    cluster.eventually(&kept, SOON, what, look).await;
}

#[test]
fn a_missing_program_is_an_error_that_says_what_to_do() {
    let run = Command::new(env!("CARGO_BIN_EXE_push-manager-envtest"))
        .env_remove("KUBE_APISERVER")
        .output()
        .unwrap();
    let said = String::from_utf8(run.stderr).unwrap();
    assert!(!run.status.success());
    assert!(said.contains("KUBE_APISERVER must name"), "{said}");
    assert!(said.contains("`cargo xtask test`"), "{said}");
}

#[tokio::test]
async fn nothing_outlives_a_killed_process() {
    let mut holder = Command::new(env!("CARGO_BIN_EXE_push-manager-envtest"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let (mut ids, mut folder) = (Vec::new(), None);
    for line in BufReader::new(holder.stdout.take().unwrap()).lines() {
        match line.unwrap().split_once(' ') {
            Some(("process", id)) => ids.push(id.parse().unwrap()),
            Some(("folder", path)) => folder = Some(PathBuf::from(path)),
            Some(("until", _)) => break,
            _ => {}
        }
    }
    let folder = folder.expect("it names its folder");
    assert_eq!(ids.len(), 4, "etcd, API server, controllers, janitor");
    assert!(ids.iter().all(|id| runs(*id)), "{ids:?}");
    holder.kill().unwrap();
    holder.wait().unwrap();
    until_gone(&ids, &folder).await;
}
