//! A newer operator takes over from the version before.

use std::{path::Path, time::Duration};

use push_manager_e2e::{
    people::People,
    settings::variable,
    space::{SOON, Space, scenario},
};
use push_manager_envtest::{Seen, eventually};
use tokio::time::sleep;

const RATE: u32 = 100;

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

#[tokio::test(flavor = "multi_thread")]
async fn an_upgrade_of_the_operator_moves_no_pod() {
    scenario("e2e-upgrade", async |space| {
        downgrade(space).await;
        let leads = async || space.leading_operator().await;
        let before = eventually(SOON, "a pod leads", leads).await;
        let people = People::around(space, "  replicas: 2\n").await;
        let load = people.load_tried_once(RATE).await;
        let generation = async || {
            space
                .path("deployment/push", "{.metadata.generation}")
                .await
        };
        let (first, pods) = (generation().await.unwrap(), space.servers().await);
        space.lab.install_operator(&[]).await.unwrap();
        // The new one has looked once it leads and carries something out.
        let follows = async || match space.leading_operator().await? {
            pod if pod == before => Seen::Err("one of the version before".into()),
            pod => Ok(pod),
        };
        eventually(SOON, "a pod of the new version leads", follows).await;
        space.must(&["annotate", "pm", "push", "test=looked"]).await;
        space.must(&["delete", "service", "push-pods"]).await;
        space
            .until("service/push-pods", "{.spec.clusterIP}", "None")
            .await;
        sleep(Duration::from_secs(10)).await;
        assert_eq!(first, generation().await.unwrap(), "the Deployment changed");
        assert_eq!(pods, space.servers().await, "pods moved");
        people.history(load).await.is_spotless();
    })
    .await;
}
