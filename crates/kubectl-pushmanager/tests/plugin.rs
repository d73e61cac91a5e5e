//! The program itself, against an API server that knows PushManagers and forwards ports to managers.

#![allow(
    dead_code,
    missing_docs,
    unreachable_pub,
    clippy::pedantic,
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test fails by panicking, its helpers included"
)]

#[path = "support/cluster.rs"]
mod cluster;
#[path = "support/manager.rs"]
mod manager;

#[path = "plugin/confirm.rs"]
mod confirm;
#[path = "plugin/diagnose.rs"]
mod diagnose;
#[path = "plugin/drain.rs"]
mod drain;
#[path = "plugin/logs.rs"]
mod logs;
#[path = "plugin/status.rs"]
mod status;
#[path = "plugin/top.rs"]
mod top;

use std::process::{Output, Stdio};

use cluster::{Cluster, PUSH_MANAGERS};
use manager::{Manager, Takes};
use serde_json::{Value, json};
use tokio::process::Command;

const HASH: &str = "9f3c";

/// A cluster with the PushManager `push`, which is well.
async fn cluster() -> Cluster {
    let cluster = Cluster::start().await;
    cluster.put(PUSH_MANAGERS, "push", json!({
        "apiVersion": "pushmanager.io/v1alpha1", "kind": "PushManager",
        "metadata": { "generation": 1, "labels": {} },
        "spec": { "replicas": 2 },
        "status": {
            "observedGeneration": 1, "readyReplicas": 2, "configHash": HASH,
            "conditions": [{ "type": "Available", "status": "True", "reason": "Ready", "message": "" }],
        },
    }));
    cluster
}

fn program(cluster: &Cluster, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kubectl-pushmanager"));
    command.args(arguments).stdin(Stdio::null());
    command
        .env("KUBECONFIG", cluster.kubeconfig())
        .kill_on_drop(true);
    command
}

async fn run(cluster: &Cluster, arguments: &[&str]) -> Output {
    program(cluster, arguments).output().await.unwrap()
}

fn out(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn document(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"))
}
