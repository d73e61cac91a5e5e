//! Pods of both charts where only restricted ones are admitted.

use std::time::Duration;

use push_manager_envtest::{Cluster, Seen};
use serde_json::{Value, json};

use crate::run::{OPERATOR, SERVER, chart, only, program, template};

const SOON: Duration = Duration::from_secs(30);
const WANTED: u64 = 2;

async fn get(cluster: &Cluster, args: &[&str]) -> Value {
    let ran = cluster
        .kubectl(&[&["get", "-o", "json"], args].concat())
        .await;
    assert!(ran.success, "{}", ran.stderr);
    serde_json::from_str(&ran.stdout).unwrap()
}

/// A namespace that admits restricted pods alone.
async fn restricted(cluster: &Cluster) -> String {
    let namespace = cluster.namespace("restricted").await;
    let label = "pod-security.kubernetes.io/enforce=restricted";
    let ran = cluster
        .kubectl(&["label", "namespace", &namespace, label])
        .await;
    assert!(ran.success, "{}", ran.stderr);
    namespace
}

#[tokio::test]
async fn pods_are_admitted_where_only_restricted_ones_are() {
    let cluster = Cluster::shared().await;
    let namespace = restricted(cluster).await;
    // What is cluster-wide is another test's.
    let within = format!("crds.enabled=false,watchNamespaces={{{namespace}}}");
    for name in [OPERATOR, SERVER] {
        let path = chart(name);
        let mut args = vec!["install", name, path.to_str().unwrap(), "-n", &namespace];
        let replicas = format!("replicas={WANTED}");
        args.extend(["--set", &replicas]);
        if name == OPERATOR {
            args.extend(["--set", &within]);
        }
        let ran = program("HELM", &args, Some(&cluster.kubeconfig()));
        assert!(ran.success, "{}", ran.said);
    }
    for name in [OPERATOR, SERVER] {
        let look = async || -> Seen<()> {
            let deployment = get(cluster, &["deployment", name, "-n", &namespace]).await;
            let status = &deployment["status"];
            let conditions = status["conditions"].as_array().into_iter().flatten();
            let failed: Vec<_> = conditions
                .filter(|condition| condition["type"] == "ReplicaFailure")
                .collect();
            assert!(failed.is_empty(), "{name}: {failed:?}");
            match status["replicas"].as_u64() {
                Some(WANTED) => Ok(()),
                other => Err(format!("{other:?} pods").into()),
            }
        };
        let what = format!("the pods of {name} are admitted");
        cluster.eventually(&namespace, SOON, &what, look).await;
    }
}

#[tokio::test]
async fn pods_of_helm_test_are_admitted_too_and_others_are_not() {
    let cluster = Cluster::shared().await;
    let namespace = restricted(cluster).await;
    for name in [OPERATOR, SERVER] {
        let objects = template(name, "push", &["-n", &namespace]);
        let mut pod = only(&objects, "Pod").clone();
        // Its account is made by the release, which is not here.
        pod["spec"]["serviceAccountName"] = "default".into();
        let apply = ["apply", "--dry-run=server", "-f", "-"];
        let ran = cluster.kubectl_with(&apply, &pod.to_string()).await;
        assert!(ran.success, "{name}: {}", ran.stderr);
        let container = &mut pod["spec"]["containers"][0];
        container["securityContext"]["capabilities"] = json!({});
        let ran = cluster.kubectl_with(&apply, &pod.to_string()).await;
        assert!(
            ran.stderr.contains("violates PodSecurity"),
            "{}",
            ran.stderr
        );
    }
}
