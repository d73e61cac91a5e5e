//! The autoscaler, on what the kubelets say of real pods.

use std::time::Duration;

use push_manager_e2e::{
    people::People,
    settings::variable,
    space::{Space, scenario},
};
use push_manager_envtest::{Seen, eventually};

const METRICS: &str = include_str!("../manifests/metrics-server.yaml");
/// Between two looks of the autoscaler are 15 s, and it waits for figures first.
const PATIENCE: Duration = Duration::from_mins(4);
/// A twentieth of a core and more is used by so many pushes a second.
const RATE: u32 = 300;

/// It stays for those who come later. One that does not answer must not stay: while a kind of the
/// API server's is not served, no namespace is deleted.
async fn metrics_server(space: &Space) {
    let image = variable("E2E_METRICS_SERVER").unwrap();
    let manifests = METRICS.replace("METRICS_SERVER_IMAGE", &image);
    let applied = space
        .lab
        .kubectl_with(&["apply", "-f", "-"], &manifests)
        .await;
    applied.and_then(|run| run.ok()).unwrap();
    let service = "apiservice/v1beta1.metrics.k8s.io";
    let words = [
        "wait",
        "--for=condition=Available",
        service,
        "--timeout=90s",
    ];
    let answers = space.lab.kubectl(&words).await.and_then(|run| run.ok());
    if let Err(error) = answers {
        let gone = space
            .lab
            .kubectl(&["delete", service])
            .await
            .and_then(|run| run.ok());
        panic!("the metrics server does not answer: {error}; {gone:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_autoscaler_adds_pods_under_load_and_an_edit_leaves_them() {
    scenario("e2e-autoscaler", async |space| {
        metrics_server(space).await;
        space.peers().await;
        let spec = "  autoscaling: {minReplicas: 1, maxReplicas: 3, targetCPUUtilization: 50}\n";
        space.push_manager(spec).await;
        let people = People::connect(space).await;
        let load = people.load(RATE).await;
        let replicas = async || space.path("deployment/push", "{.spec.replicas}").await;
        let more = async || match replicas().await? {
            one if one == "1" => {
                let hpa = space.kubectl(&["describe", "hpa", "push"]).await?;
                Err(hpa.into())
            }
            count => Seen::Ok(count),
        };
        let count = eventually(PATIENCE, "the autoscaler adds a pod", more).await;
        space
            .apply(&space.manifest(&format!("{spec}  observability: {{logLevel: debug}}\n")))
            .await;
        let level = async || {
            let file = space.path("configmap/push-config", "{.data}").await?;
            if file.contains("debug") {
                Seen::Ok(())
            } else {
                Err(file.into())
            }
        };
        eventually(Duration::from_secs(30), "the edit is carried out", level).await;
        assert!(
            replicas().await.unwrap() >= count,
            "the edit took pods away"
        );
        space.rolled_out("deployment/push").await;
        let verdict = people.verdict(load).await;
        assert!(
            verdict.lost.is_empty() && verdict.doubled.is_empty(),
            "{verdict}"
        );
    })
    .await;
}
