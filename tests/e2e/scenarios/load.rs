//! What happens to servers while pushes come: every one of them is accounted for.

use std::time::Duration;

use push_manager_e2e::{people::People, space::scenario};
use push_manager_envtest::{Seen, eventually};
use tokio::time::sleep;

/// Pushes a second: enough for one to be under way whenever something happens.
const RATE: u32 = 100;
/// Callers are sent on now and then, so that new servers get some of them.
const SENT_ON: &str = "  limits: {connectionAge: 5s}\n";

#[tokio::test(flavor = "multi_thread")]
async fn an_edit_rolls_all_pods_and_no_push_is_lost() {
    scenario("e2e-rollout", async |space| {
        let people = People::around(space, "  replicas: 2\n").await;
        let load = people.load_tried_once(RATE).await;
        let before = space.servers().await;
        space
            .push_manager("  replicas: 2\n  fanout: {chunk: 4000}\n")
            .await;
        let rolled = async || -> Seen<()> {
            let there = space.servers().await;
            match there.iter().find(|pod| before.contains(pod)) {
                Some(old) => Err(format!("{old} is still there").into()),
                None => Ok(()),
            }
        };
        eventually(Duration::from_mins(1), "all pods are new", rolled).await;
        space.rolled_out("deployment/push").await;
        sleep(Duration::from_secs(3)).await;
        people.history(load).await.is_spotless();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn scaling_from_one_to_three_to_ten_to_one_loses_nothing() {
    scenario("e2e-scale", async |space| {
        let people = People::around(space, SENT_ON).await;
        let load = people.load_tried_once(RATE).await;
        for replicas in ["3", "10", "1"] {
            space
                .must(&["scale", "pm/push", &format!("--replicas={replicas}")])
                .await;
            space
                .until("deployment/push", "{.spec.replicas}", replicas)
                .await;
            space.rolled_out("deployment/push").await;
            // Until callers are at all of them.
            sleep(Duration::from_secs(8)).await;
        }
        people.history(load).await.is_spotless();
    })
    .await;
}
