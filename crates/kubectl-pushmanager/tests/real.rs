//! The plugin as kubectl runs it, against a real API server and a PushManager that the operator
//! keeps. There is no kubelet, so no port is forwarded: what the pods' own word would be is tried
//! in `plugin.rs`.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test fails by panicking"
)]

use std::path::Path;
use std::process::Output;
use std::time::Duration;

use flate2::read::GzDecoder;
use push_manager_envtest::{Cluster, Kubelet, Options, eventually};
use push_manager_operator::operator::{Run, run};
use serde_json::Value;
use tokio::sync::OnceCell;
use tokio_util::sync::CancellationToken;

const SOON: Duration = Duration::from_secs(40);
/// Planted where a bundle must not show it.
const SECRET: &str = "hunter2-correct-horse";

const PUSH: &str = r"
apiVersion: pushmanager.io/v1alpha1
kind: PushManager
metadata: {name: push}
spec:
  replicas: 2
  etcd: {endpoints: ['etcd:2379'], authSecretRef: {name: etcd-push}}
  controller: {address: 'controller:50051'}
  podTemplate:
    env: [{name: UPSTREAM_PASSWORD, value: hunter2-correct-horse}]
    annotations: {example.com/api-token: hunter2-correct-horse}
---
apiVersion: v1
kind: Secret
metadata: {name: etcd-push}
stringData: {username: push, password: hunter2-correct-horse}
";

/// A cluster whose operator runs within this process.
async fn cluster() -> &'static Cluster {
    static CLUSTER: OnceCell<&'static Cluster> = OnceCell::const_new();
    *CLUSTER
        .get_or_init(|| async {
            let options = Options {
                controllers: true,
                audit: true,
            };
            let cluster: &'static Cluster = Box::leak(Box::new(Cluster::start(options).await));
            let crd = concat!(env!("CARGO_MANIFEST_DIR"), "/../../dist/crd.yaml");
            let applied = cluster
                .kubectl(&["apply", "--server-side", "-f", crd])
                .await;
            assert!(applied.success, "{}", applied.stderr);
            std::thread::spawn(move || operator(cluster));
            cluster
        })
        .await
}

/// Tests have runtimes of their own, the operator outlives each.
fn operator(cluster: &Cluster) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let run_it = Run {
            namespaces: Vec::new(),
            image_repository: "push-manager".to_owned(),
            concurrency: 4,
            http_address: None,
            lease_namespace: None,
            identity: "test".to_owned(),
        };
        let client = cluster.client().await;
        run(client, run_it, CancellationToken::new()).await.unwrap();
    });
}

/// `kubectl pushmanager …`, by way of kubectl.
fn plugin(cluster: &Cluster, namespace: &str, args: &[&str]) -> Output {
    let program = Path::new(env!("CARGO_BIN_EXE_kubectl-pushmanager"));
    let beside = program.parent().unwrap().display();
    let path = format!("{beside}:{}", std::env::var("PATH").unwrap());
    let kubectl = std::env::var_os("KUBECTL").expect("`cargo xtask test` names kubectl");
    std::process::Command::new(kubectl)
        .arg("pushmanager")
        .args(["-n", namespace])
        .args(args)
        .env("PATH", path)
        .env("KUBECONFIG", cluster.kubeconfig())
        .output()
        .unwrap()
}

fn said(output: &Output) -> String {
    let (out, errors) = (&output.stdout, &output.stderr);
    format!(
        "{}{}",
        String::from_utf8_lossy(out),
        String::from_utf8_lossy(errors)
    )
}

async fn running(cluster: &Cluster, prefix: &str) -> (String, Kubelet) {
    let namespace = cluster.namespace(prefix).await;
    let kubelet = Kubelet::run(cluster.kubelet_client().await, &namespace);
    let applied = cluster
        .kubectl_with(&["-n", &namespace, "apply", "-f", "-"], PUSH)
        .await;
    assert!(applied.success, "{}", applied.stderr);
    let wait = [
        "-n",
        &namespace,
        "wait",
        "pm/push",
        "--for=condition=Available",
        "--timeout=40s",
    ];
    let waited = cluster.kubectl(&wait).await;
    assert!(waited.success, "{}", waited.stderr);
    (namespace, kubelet)
}

#[tokio::test]
async fn status_tells_what_the_operator_says_and_why_no_pod_answers() {
    let cluster = cluster().await;
    let (namespace, _kubelet) = running(cluster, "status").await;
    let output = plugin(cluster, &namespace, &["status", "push"]);
    let text = said(&output);
    for words in [
        "Available",
        "Progressing",
        "Degraded",
        "Paused",
        "InstancesReady",
        "push.",
    ] {
        assert!(text.contains(words), "{words}: {text}");
    }
    assert_eq!(
        output.status.code(),
        Some(3),
        "no pod can be reached: {text}"
    );

    let output = plugin(cluster, &namespace, &["status", "push", "-o", "json"]);
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(told["pods"].as_array().map(Vec::len), Some(2), "{told:#}");
}

#[tokio::test]
async fn a_pod_with_another_configuration_is_named() {
    let cluster = cluster().await;
    let (namespace, _kubelet) = running(cluster, "drift").await;
    let labels = "app.kubernetes.io/instance=push";
    let listed = cluster
        .kubectl(&["-n", &namespace, "get", "pods", "-l", labels, "-o", "name"])
        .await;
    let pod = listed
        .stdout
        .lines()
        .next()
        .unwrap()
        .trim_start_matches("pod/")
        .to_owned();
    let other = "pushmanager.io/config-hash=another";
    let changed = cluster
        .kubectl(&[
            "-n",
            &namespace,
            "annotate",
            "pod",
            &pod,
            "--overwrite",
            other,
        ])
        .await;
    assert!(changed.success, "{}", changed.stderr);
    let text = said(&plugin(cluster, &namespace, &["status", "push"]));
    let line = text
        .lines()
        .find(|line| line.contains(&pod) && line.contains("onfig"));
    assert!(line.is_some(), "{text}");
}

#[tokio::test]
async fn a_name_that_is_not_there_is_told_with_those_that_are() {
    let cluster = cluster().await;
    let (namespace, _kubelet) = running(cluster, "names").await;
    let output = plugin(cluster, &namespace, &["status", "psuh"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(said(&output).contains("push"), "{}", said(&output));
}

#[tokio::test]
async fn a_bundle_has_what_is_needed_and_no_secret_and_none_was_read() {
    let cluster = cluster().await;
    let (namespace, _kubelet) = running(cluster, "bundle").await;
    let mark = cluster.audit_mark().await;
    let folder = std::env::temp_dir().join(format!("bundle-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let file = folder.join("bundle.tar.gz");
    let name = file.to_str().unwrap();
    let output = plugin(cluster, &namespace, &["diagnose", "push", "--output", name]);
    let text = said(&output);
    let bytes = std::fs::read(&file).unwrap_or_else(|_| panic!("{text}"));
    let mut archive = tar::Archive::new(GzDecoder::new(bytes.as_slice()));
    let mut whole = String::new();
    for entry in archive.entries().unwrap() {
        let mut entry = entry.unwrap();
        whole.push_str(&entry.path().unwrap().display().to_string());
        whole.push('\n');
        let mut content = Vec::new();
        std::io::Read::read_to_end(&mut entry, &mut content).unwrap();
        whole.push_str(&String::from_utf8_lossy(&content));
    }
    for words in [
        "Deployment",
        "PodDisruptionBudget",
        "EndpointSlice",
        "Degraded",
        "UPSTREAM_PASSWORD",
    ] {
        assert!(whole.contains(words), "{words} is missing");
    }
    assert!(!whole.contains(SECRET), "the secret is in the bundle");
    let events = cluster.audit_since(mark).await;
    let here = events.iter().filter(|event| event.namespace == namespace);
    let read: Vec<_> = here.filter(|event| event.resource == "secrets").collect();
    assert!(read.is_empty(), "{read:?}");
    std::fs::remove_dir_all(&folder).unwrap();
}

#[tokio::test]
async fn without_the_definition_it_says_what_to_install() {
    let options = Options::default();
    let cluster = Cluster::start(options).await;
    let output = plugin(&cluster, "default", &["status", "push"]);
    assert_eq!(output.status.code(), Some(1));
    let text = said(&output).to_lowercase();
    assert!(text.contains("install the operator"), "{text}");
    eventually(SOON, "the cluster still answers", async || {
        let listed = cluster.kubectl(&["get", "namespaces"]).await;
        if listed.success {
            Ok(())
        } else {
            Err(listed.stderr)
        }
    })
    .await;
}
