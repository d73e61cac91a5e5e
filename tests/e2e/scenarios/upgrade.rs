//! A newer operator takes over from the version before.

use std::{path::Path, time::Duration};

use push_manager_e2e::{
    history::Allowed,
    lab::{OPERATOR, OPERATOR_NAMESPACE},
    people::People,
    settings::variable,
    space::{Space, scenario},
};
use tokio::time::sleep;

const RATE: u32 = 50;

/// Installs the version before, by its own chart.
async fn downgrade(space: &Space) {
    let image = variable("E2E_PREVIOUS_OPERATOR").unwrap();
    let (repository, tag) = image.rsplit_once(':').unwrap();
    let values = [
        format!("image.repository={repository}"),
        format!("image.tag={tag}"),
    ];
    let chart = variable("E2E_PREVIOUS_CHART").unwrap();
    space
        .lab
        .install_chart(Path::new(&chart), &values)
        .await
        .unwrap();
}

async fn image_of_the_operator(space: &Space) -> String {
    let deployment = format!("deployment/{OPERATOR}");
    let path = "jsonpath={.spec.template.spec.containers[0].image}";
    let words = [
        "--namespace",
        OPERATOR_NAMESPACE,
        "get",
        &deployment,
        "-o",
        path,
    ];
    space
        .lab
        .kubectl(&words)
        .await
        .and_then(|run| run.ok())
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upgrade_of_the_operator_moves_no_pod() {
    scenario("e2e-upgrade", async |space| {
        downgrade(space).await;
        let before = image_of_the_operator(space).await;
        space.peers().await;
        space.push_manager("  replicas: 2\n").await;
        space.rolled_out("deployment/push").await;
        let people = People::connect(space).await;
        let load = people.load(RATE).await;
        let generation = async || {
            space
                .path("deployment/push", "{.metadata.generation}")
                .await
        };
        let (first, pods) = (generation().await.unwrap(), space.servers().await);
        space.lab.install_operator(&[]).await.unwrap();
        assert_ne!(
            before,
            image_of_the_operator(space).await,
            "both are the same"
        );
        // The new one has looked once it carries something out.
        space.must(&["annotate", "pm", "push", "test=looked"]).await;
        space.must(&["delete", "service", "push-pods"]).await;
        space
            .until("service/push-pods", "{.spec.clusterIP}", "None")
            .await;
        sleep(Duration::from_secs(10)).await;
        assert_eq!(first, generation().await.unwrap(), "the Deployment changed");
        assert_eq!(pods, space.servers().await, "pods moved");
        let verdict = people.verdict(load).await.clean(Allowed::default());
        verdict.unwrap_or_else(|error| panic!("{error}"));
    })
    .await;
}
