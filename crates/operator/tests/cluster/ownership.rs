//! Whose objects are whose.

use std::time::Duration;

use kube::api::{DeleteParams, PropagationPolicy};
use kube::{Api, ResourceExt};
use push_manager_operator::api::PushManager;
use serde_json::json;

use crate::objects::{Room, version};
use crate::operator::shared;

const SERVICE: (&str, &str, &str) = ("", "v1", "Service");
const DEPLOYMENT: (&str, &str, &str) = ("apps", "v1", "Deployment");

#[tokio::test]
async fn an_object_of_the_same_name_that_is_anothers_is_never_taken_over() {
    let room = Room::open(shared().await, "foreign").await;
    room.kubectl(&["create", "service", "clusterip", "push", "--tcp=80:80"])
        .await;
    let before = room.object(SERVICE, "push").await.unwrap();
    room.apply("push", json!({})).await;
    room.apply("other", json!({})).await;
    let condition = room
        .condition("push", "Degraded", "True", "NameConflict")
        .await;
    assert!(condition.message.contains("Service push"), "{condition:?}");
    assert!(condition.message.contains("is left alone"), "{condition:?}");
    // The rest of it is there, and others go on.
    room.settled("push").await;
    room.settled("other").await;
    room.condition("other", "Degraded", "False", "AsExpected")
        .await;
    let after = room.object(SERVICE, "push").await.unwrap();
    assert_eq!(version(&after), version(&before));
    let events = room.events("push").await;
    assert!(
        events.iter().any(|e| e.starts_with("Warning NameConflict")),
        "{events:?}"
    );

    room.kubectl(&["delete", "service", "push"]).await;
    room.condition("push", "Degraded", "False", "AsExpected")
        .await;
    assert!(room.object(SERVICE, "push").await.is_some());
}

#[tokio::test]
async fn two_push_managers_whose_children_share_a_name_do_not_fight() {
    let room = Room::open(shared().await, "siblings").await;
    room.apply("push", json!({})).await;
    room.settled("push").await;
    // Its Service has the name of the other's headless one.
    room.apply("push-pods", json!({})).await;
    let condition = room
        .condition("push-pods", "Degraded", "True", "NameConflict")
        .await;
    assert!(
        condition.message.contains("belongs to PushManager push"),
        "{condition:?}"
    );
    room.condition("push", "Degraded", "False", "AsExpected")
        .await;
}

#[tokio::test]
async fn a_push_manager_that_is_deleted_takes_its_children_along_and_can_come_back() {
    let room = Room::open(shared().await, "deleted").await;
    room.apply("push", json!({})).await;
    room.settled("push").await;
    let first = room.object(DEPLOYMENT, "push").await.unwrap();
    room.kubectl(&["delete", "pm", "push"]).await;
    room.apply("push", json!({"replicas": 2})).await;
    // Kubernetes learns of a new kind, and then collects what its objects own, within a minute.
    let collected = Duration::from_mins(2);
    room.within_time(collected, "its second Deployment is there", async || {
        let now = room.object(DEPLOYMENT, "push").await.ok_or("none")?;
        if version(&now).0 != version(&first).0 && now["spec"]["replicas"] == 2 {
            Ok(())
        } else {
            Err(format!("{}", now["metadata"]).into())
        }
    })
    .await;
    room.condition("push", "Degraded", "False", "AsExpected")
        .await;
    room.kubectl(&["delete", "pm", "push"]).await;
    room.within_time(collected, "nothing is left", async || {
        let left = room.kubectl(&[
            "get",
            "deploy,svc,cm,sa,pdb",
            "-o",
            "name",
            "-l",
            "app.kubernetes.io/instance=push",
        ]);
        let left = left.await;
        if left.trim().is_empty() {
            Ok(())
        } else {
            Err(left.into())
        }
    })
    .await;
}

#[tokio::test]
async fn children_that_were_orphaned_are_adopted_again_without_a_change_of_pods() {
    let room = Room::open(shared().await, "orphaned").await;
    room.apply("push", json!({})).await;
    room.settled("push").await;
    let api: Api<PushManager> = Api::namespaced(room.client().await, &room.namespace);
    let orphan = DeleteParams {
        propagation_policy: Some(PropagationPolicy::Orphan),
        ..DeleteParams::default()
    };
    api.delete("push", &orphan).await.unwrap();
    let collected = Duration::from_mins(2);
    room.within_time(collected, "the children have no owner", async || {
        let deployment = room.deployment("push").await.ok_or("gone")?;
        if deployment.owner_references().is_empty() {
            Ok(())
        } else {
            Err("not yet".into())
        }
    })
    .await;
    let before = room.deployment("push").await.unwrap();
    room.apply("push", json!({})).await;
    room.condition("push", "Degraded", "False", "AsExpected")
        .await;
    let pm = room.push_manager("push").await;
    room.eventually("the children are its own", async || {
        let deployment = room.deployment("push").await.ok_or("gone")?;
        let owner = deployment.owner_references().first().map(|o| o.uid.clone());
        if owner == pm.uid() {
            Ok(())
        } else {
            Err(format!("{owner:?}").into())
        }
    })
    .await;
    let after = room.deployment("push").await.unwrap();
    assert_eq!(after.uid(), before.uid());
    assert_eq!(after.metadata.generation, before.metadata.generation);
}
