//! The operator's program with exactly what its chart gives it: arguments, variables, account.

use std::net::TcpListener;
use std::time::Duration;

use push_manager_envtest::{Cluster, Process, Seen};
use serde_json::Value;

use crate::run::operator;

const PROGRAM: &str = env!("CARGO_BIN_EXE_push-manager-operator");
const SOON: Duration = Duration::from_secs(30);
const PORT: u64 = 8080;

async fn get(cluster: &Cluster, args: &[&str]) -> Seen<Value> {
    let ran = cluster
        .kubectl(&[&["get", "-o", "json"], args].concat())
        .await;
    if ran.success {
        Ok(serde_json::from_str(&ran.stdout)?)
    } else {
        Err(ran.stderr.into())
    }
}

/// What the kubelet would make of a container's variables.
fn variables(container: &Value, namespace: &str) -> Vec<(String, String)> {
    let variables = container["env"].as_array().unwrap().iter();
    variables
        .map(|variable| {
            let field = &variable["valueFrom"]["fieldRef"]["fieldPath"];
            let value = match (variable["value"].as_str(), field.as_str()) {
                (Some(value), _) => value,
                (None, Some("metadata.namespace")) => namespace,
                (None, Some("metadata.name")) => "operator-0",
                (None, other) => panic!("{other:?} of {variable}"),
            };
            (
                variable["name"].as_str().unwrap().to_owned(),
                value.to_owned(),
            )
        })
        .collect()
}

/// Runs the program as the release `name` would, until it has made a Deployment of the PushManager
/// `push` of the same namespace.
pub(crate) async fn reconciles(cluster: &Cluster, namespace: &str, name: &str) {
    let deployment = ["deployment", name, "-n", namespace];
    let deployment = get(cluster, &deployment).await.unwrap();
    let pod = &deployment["spec"]["template"]["spec"];
    let container = &pod["containers"][0];
    assert_eq!(container["ports"][0]["containerPort"], PORT);
    let args = container["args"].as_array().unwrap();
    let args: Vec<String> = args
        .iter()
        .map(|arg| arg.as_str().unwrap().to_owned())
        .collect();

    // What differs from a pod: where the log's level is mounted, and a port that is free.
    let folder = tempfile::tempdir().unwrap();
    let level = folder.path().join("level");
    std::fs::write(&level, "info").unwrap();
    let port = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let account = pod["serviceAccountName"].as_str().unwrap();
    let kubeconfig = cluster.kubeconfig_for(namespace, account).await;
    let ours = [
        ("KUBECONFIG", kubeconfig.display().to_string()),
        ("LOG_LEVEL_FILE", level.display().to_string()),
        ("HTTP_ADDRESS", port.to_string()),
    ];
    let given = variables(container, namespace);
    let mut env: Vec<(&str, String)> = given.iter().map(|(n, v)| (n.as_str(), v.clone())).collect();
    env.retain(|(name, _)| !ours.iter().any(|(own, _)| own == name));
    env.extend(ours);
    let log = folder.path().join("log");
    let _running = Process::start_with("operator", PROGRAM.as_ref(), &args, &env, &log);

    for probe in ["startupProbe", "livenessProbe", "readinessProbe"] {
        let path = container[probe]["httpGet"]["path"].as_str().unwrap();
        operator(&[
            "check",
            &format!("--url=http://{port}{path}"),
            "--timeout=30s",
        ]);
    }
    let said = |words: &str| -> Seen<()> {
        let text = std::fs::read_to_string(&log)?;
        if text.contains(words) {
            Ok(())
        } else {
            Err(text.into())
        }
    };
    let made = async || get(cluster, &["deployment", "push", "-n", namespace]).await;
    let what = "the PushManager has a Deployment";
    let made = cluster.eventually(namespace, SOON, what, made).await;
    let image = &made["spec"]["template"]["spec"]["containers"][0]["image"];
    assert_eq!(
        *image,
        format!("push-manager:{}", env!("CARGO_PKG_VERSION"))
    );
    assert!(said("forbidden").is_err(), "it lacks a right");

    std::fs::write(&level, "debug").unwrap();
    let what = "the log's level follows its file";
    let followed = async || said("level=debug").or_else(|_| said("level=\"debug\""));
    cluster.eventually(namespace, SOON, what, followed).await;
}
