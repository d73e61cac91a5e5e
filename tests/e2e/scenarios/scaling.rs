//! The autoscaler, on what the kubelets say of real pods.

use std::time::Duration;

use push_manager_e2e::{
    people::People,
    run::Run,
    settings::variable,
    space::{Space, scenario},
};
use push_manager_envtest::{Seen, eventually};

const METRICS: &str = include_str!("../manifests/metrics-server.yaml");
/// Between two looks of the autoscaler are 15 s, and it waits for figures first.
const PATIENCE: Duration = Duration::from_mins(4);
/// A twentieth of a core and more is used by so many pushes a second.
const RATE: u32 = 300;

const SERVICE: &str = "apiservice/v1beta1.metrics.k8s.io";

/// Where there is one already, that is taken. Ours stays for those who come later; one that does not
/// answer must not stay: while a kind of the API server's is not served, no namespace is deleted.
async fn metrics_server(space: &Space) {
    let wait = ["wait", "--for=condition=Available", SERVICE];
    let within = |time| [&wait[..], &[time]].concat();
    if space.lab.must(&["get", SERVICE]).await.is_ok() {
        let answers = space.lab.must(&within("--timeout=90s")).await;
        answers.unwrap_or_else(|error| panic!("the metrics server there is silent: {error}"));
        return;
    }
    let image = variable("E2E_METRICS_SERVER").unwrap();
    let manifests = METRICS.replace("METRICS_SERVER_IMAGE", &image);
    let apply = ["apply", "-f", "-"];
    let applied = space.lab.kubectl_with(&apply, &manifests).await;
    applied.and_then(Run::ok).unwrap();
    if let Err(error) = space.lab.must(&within("--timeout=90s")).await {
        let gone = space.lab.must(&["delete", SERVICE]).await;
        panic!("the metrics server does not answer: {error}; {gone:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_autoscaler_adds_pods_under_load_and_an_edit_leaves_them() {
    scenario("e2e-autoscaler", async |space| {
        metrics_server(space).await;
        let spec = "  autoscaling: {minReplicas: 1, maxReplicas: 3, targetCPUUtilization: 50}\n";
        let people = People::around(space, spec).await;
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
        let before = space.servers().await;
        // An edit that rolls all pods.
        let edited = format!("{spec}  fanout: {{chunk: 4000}}\n");
        space.apply(&space.manifest(&edited)).await;
        let rolled = async || -> Seen<()> {
            // All along, not only at the end.
            let now = replicas().await?;
            assert!(now >= count, "the edit took pods away: {now} of {count}");
            let there = space.servers().await;
            match there.iter().find(|pod| before.contains(pod)) {
                Some(old) => Err(format!("{old} is still there").into()),
                None => Ok(()),
            }
        };
        eventually(Duration::from_mins(2), "the edit is carried out", rolled).await;
        space.rolled_out("deployment/push").await;
        // A load that moves the autoscaler may be more than a small machine answers in time.
        people.history(load).await.is_honest();
    })
    .await;
}
