//! Kinds that a cluster may lack: rendered where it knows them, and nowhere else.

use std::time::Duration;

use push_manager_envtest::{Cluster, Seen};

use crate::run::{MONITORING, OPERATOR, Ran, SERVER, chart, kinds, program, template};
use crate::schemas;

const SOON: Duration = Duration::from_secs(20);
const ON: [(&str, &str); 2] = [
    (
        OPERATOR,
        "crds.enabled=false,rbac.enabled=false,serviceMonitor.enabled=true,alerts.enabled=true",
    ),
    (
        SERVER,
        "observability.serviceMonitor.enabled=true,observability.alerts.enabled=true",
    ),
];

/// Installs a chart in a real cluster, or only asks what that would be.
fn install(cluster: &Cluster, namespace: &str, name: &str, set: &str, more: &[&str]) -> Ran {
    let chart = chart(name);
    let chart = chart.to_str().unwrap();
    let args = ["install", name, chart, "-n", namespace, "--set", set];
    program("HELM", &[&args, more].concat(), Some(&cluster.kubeconfig()))
}

#[test]
fn a_cluster_that_knows_no_monitoring_gets_none() {
    for (name, set) in ON {
        let objects = template(name, "push", &["--set", set]);
        let optional = kinds(&objects)
            .into_iter()
            .find(|kind| MONITORING.contains(kind));
        assert_eq!(optional, None, "{name}");
    }
}

#[tokio::test]
async fn monitoring_is_there_once_the_cluster_knows_it_and_the_api_server_takes_it() {
    let cluster = Cluster::shared().await;
    let namespace = cluster.namespace("monitoring").await;
    for (name, set) in ON {
        let ran = install(cluster, &namespace, name, set, &["--dry-run=server"]);
        assert!(ran.success, "{}", ran.said);
        assert!(!ran.said.contains("monitoring.coreos.com/v1"), "{name}");
        assert!(ran.said.contains("has no effect"), "{name}: {}", ran.said);
    }
    for definition in schemas::monitoring() {
        let apply = ["apply", "-f", "-"];
        let ran = cluster.kubectl_with(&apply, &definition.to_string()).await;
        assert!(ran.success, "{}", ran.stderr);
    }
    let known = async || -> Seen<()> {
        let args = ["get", "servicemonitors,prometheusrules", "-n", &namespace];
        let ran = cluster.kubectl(&args).await;
        if ran.success {
            Ok(())
        } else {
            Err(ran.stderr.into())
        }
    };
    cluster
        .eventually(&namespace, SOON, "the kinds are served", known)
        .await;
    for (name, set) in ON {
        let ran = install(cluster, &namespace, name, set, &[]);
        assert!(ran.success, "{}", ran.said);
        assert!(!ran.said.contains("has no effect"), "{}", ran.said);
        for kind in MONITORING {
            let ran = cluster
                .kubectl(&["get", kind, name, "-n", &namespace])
                .await;
            assert!(ran.success, "{name}: {}", ran.stderr);
        }
    }
}
