//! The operator comes and goes; what runs goes on.

use push_manager_e2e::{
    hosts,
    judge::AFTERWARDS,
    lab::OPERATOR,
    people::People,
    space::{SOON, Space, scenario},
};
use push_manager_envtest::{Seen, eventually};
use tokio::time::sleep;

const RATE: u32 = 100;

async fn operators(space: &Space, replicas: &str) {
    let (object, count) = (
        format!("deployment/{OPERATOR}"),
        format!("--replicas={replicas}"),
    );
    let scale = ["scale", &object, &count];
    space.lab.at_operator(&scale).await.unwrap();
    let gone = async || -> Seen<()> {
        let left = space
            .lab
            .at_operator(&["get", "pods", "-o", "name"])
            .await?;
        if replicas == "0" && !left.is_empty() {
            Err(left.into())
        } else {
            Ok(())
        }
    };
    eventually(SOON, "the operators are gone", gone).await;
    if replicas != "0" {
        let status = ["rollout", "status", &object, "--timeout=90s"];
        space.lab.at_operator(&status).await.unwrap();
    }
}

async fn generation(space: &Space) -> String {
    space
        .path("deployment/push", "{.metadata.generation}")
        .await
        .unwrap()
}

/// Another operator than this one leads, and carries out that there be so many pods.
async fn another_leads(space: &Space, former: &str, replicas: &str) -> String {
    space
        .push_manager(&format!("  replicas: {replicas}\n"))
        .await;
    space
        .until("deployment/push", "{.spec.replicas}", replicas)
        .await;
    let follows = async || match space.leading_operator().await? {
        pod if pod == former => Seen::Err("the same".into()),
        pod => Ok(pod),
    };
    let pod = eventually(SOON, "another pod leads", follows).await;
    space.rolled_out("deployment/push").await;
    pod
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leader_pod_that_is_deleted_is_followed_by_another() {
    scenario("e2e-leader", async |space| {
        space.peers().await;
        space.push_manager("").await;
        let first = eventually(SOON, "a pod leads", async || space.leading_operator().await).await;
        let delete = ["delete", "pod", &first, "--wait=false"];
        space.lab.at_operator(&delete).await.unwrap();
        let second = another_leads(space, &first, "2").await;
        // So that it can't give its Lease back.
        let host = ["get", "pod", &second, "-o", "jsonpath={.spec.nodeName}"];
        let host = space.lab.at_operator(&host).await.unwrap();
        hosts::freeze(&host, &second).await;
        let kill = ["delete", "pod", &second, "--grace-period=0", "--force"];
        space.lab.at_operator(&kill).await.unwrap();
        another_leads(space, &second, "3").await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_an_operator_pushes_go_on_and_what_changed_is_carried_out_on_its_return() {
    scenario("e2e-no-operator", async |space| {
        let people = People::around(space, "  replicas: 2\n").await;
        let load = people.load_tried_once(RATE).await;
        operators(space, "0").await;
        let before = generation(space).await;
        space
            .must(&[
                "patch",
                "pm/push",
                "--type=merge",
                "-p",
                r#"{"spec":{"replicas":3}}"#,
            ])
            .await;
        let pod = space.servers().await.remove(0);
        space.must(&["delete", "pod", &pod]).await;
        space.rolled_out("deployment/push").await;
        assert_eq!(
            before,
            generation(space).await,
            "somebody changed the Deployment"
        );
        operators(space, "2").await;
        space
            .until("deployment/push", "{.spec.replicas}", "3")
            .await;
        space.rolled_out("deployment/push").await;
        sleep(AFTERWARDS).await;
        people.history(load).await.is_spotless();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_namespace_is_deleted_while_no_operator_runs() {
    scenario("e2e-deletion", async |space| {
        space.apply(&space.manifest("")).await;
        space
            .until("deployment/push", "{.spec.replicas}", "1")
            .await;
        operators(space, "0").await;
        let words = ["delete", "namespace", &space.name, "--timeout=90s"];
        let gone = space.lab.kubectl(&words).await.and_then(|run| run.ok());
        operators(space, "2").await;
        gone.expect("nothing that only an operator could do holds it up");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pause_holds_changes_back_and_says_so() {
    scenario("e2e-pause", async |space| {
        space.apply(&space.manifest("")).await;
        space
            .until("deployment/push", "{.spec.replicas}", "1")
            .await;
        let before = generation(space).await;
        space
            .apply(&space.manifest("  paused: true\n  replicas: 3\n"))
            .await;
        space
            .until(
                "pm/push",
                r#"{.status.conditions[?(@.type=="Paused")].status}"#,
                "True",
            )
            .await;
        let waits = r#"{.status.conditions[?(@.type=="Paused")].message}"#;
        let waits = space.path("pm/push", waits).await.unwrap();
        assert!(waits.contains("update Deployment push"), "{waits}");
        assert_eq!(before, generation(space).await, "a pause changes nothing");
        space
            .apply(&space.manifest("  paused: false\n  replicas: 3\n"))
            .await;
        space
            .until("deployment/push", "{.spec.replicas}", "3")
            .await;
    })
    .await;
}
