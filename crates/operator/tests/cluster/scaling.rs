//! How many instances run: by the spec, through the scale, by an autoscaler.

use push_manager_envtest::Kubelet;
use serde_json::json;

use crate::objects::Room;
use crate::operator::shared;

async fn replicas(room: &Room) -> Option<i32> {
    room.deployment("push").await?.spec?.replicas
}

async fn runs(room: &Room, wanted: i32) {
    room.eventually(
        &format!("{wanted} are asked for"),
        async || match replicas(room).await {
            Some(replicas) if replicas == wanted => Ok(()),
            other => Err(format!("{other:?}").into()),
        },
    )
    .await;
}

/// Waits until the operator has looked at the newest spec.
async fn seen(room: &Room) {
    room.settled("push").await;
}

#[tokio::test]
async fn kubectl_scales_a_push_manager() {
    let room = Room::open(shared().await, "scale").await;
    let _kubelet = Kubelet::run(room.cluster.kubelet_client().await, &room.namespace);
    room.apply("push", json!({"replicas": 1})).await;
    runs(&room, 1).await;
    room.kubectl(&["scale", "pm", "push", "--replicas", "3"])
        .await;
    runs(&room, 3).await;
    room.condition("push", "Progressing", "False", "RolledOut")
        .await;
    let pods = ["get", "pods", "-o", "name", "-l"];
    let selector = room
        .push_manager("push")
        .await
        .status
        .unwrap()
        .selector
        .unwrap();
    let listed = room
        .kubectl(&[&pods[..], &[selector.as_str()]].concat())
        .await;
    assert_eq!(listed.lines().count(), 3, "{listed}");
    room.kubectl(&["scale", "pm", "push", "--replicas", "0"])
        .await;
    runs(&room, 0).await;
    room.condition("push", "Available", "False", "ScaledToZero")
        .await;
    let why = room
        .refused(&["scale", "pm", "push", "--replicas", "1001"])
        .await;
    assert!(why.contains("less than or equal to 1000"), "{why}");
}

#[tokio::test]
async fn an_autoscaler_takes_over_without_dropping_pods_and_an_edit_does_not_reset_it() {
    let room = Room::open(shared().await, "hpa").await;
    let _kubelet = Kubelet::run(room.cluster.kubelet_client().await, &room.namespace);
    room.apply("push", json!({"replicas": 5})).await;
    runs(&room, 5).await;
    room.condition("push", "Progressing", "False", "RolledOut")
        .await;

    // On: what runs goes on running, though `replicas` says something else by now.
    room.patch(
        "pm/push",
        json!({"spec": {
            "replicas": 1, "autoscaling": {"minReplicas": 2, "maxReplicas": 9},
        }}),
    )
    .await;
    seen(&room).await;
    assert_eq!(replicas(&room).await, Some(5));
    // An edit before the autoscaler said anything.
    room.patch("pm/push", json!({"spec": {"fanout": {"retries": 1}}}))
        .await;
    seen(&room).await;
    assert_eq!(replicas(&room).await, Some(5));

    room.autoscale("push", 7).await;
    room.patch("pm/push", json!({"spec": {"fanout": {"retries": 3}}}))
        .await;
    seen(&room).await;
    room.condition("push", "Progressing", "False", "RolledOut")
        .await;
    assert_eq!(replicas(&room).await, Some(7));
    room.eventually("the field is the autoscaler's alone", async || {
        let deployment = room
            .object(("apps", "v1", "Deployment"), "push")
            .await
            .ok_or("gone")?;
        let entries = deployment["metadata"]["managedFields"]
            .as_array()
            .unwrap()
            .clone();
        let owners: Vec<String> = entries
            .iter()
            .filter(|e| e["fieldsV1"]["f:spec"].get("f:replicas").is_some())
            .map(|e| e["manager"].to_string())
            .collect();
        if owners == ["\"kube-controller-manager\""] {
            Ok(())
        } else {
            Err(format!("{owners:?}").into())
        }
    })
    .await;
    let told = room.push_manager("push").await.status.unwrap();
    assert_eq!((told.desired_replicas, told.ready_replicas), (7, 7));

    // Off: the spec decides again, and the autoscaler is gone.
    room.patch(
        "pm/push",
        json!({"spec": {"replicas": 2, "autoscaling": null}}),
    )
    .await;
    runs(&room, 2).await;
    let hpa = ("autoscaling", "v2", "HorizontalPodAutoscaler");
    room.eventually("the autoscaler is gone", async || {
        match room.object(hpa, "push").await {
            Some(_) => Err("there".into()),
            None => Ok(()),
        }
    })
    .await;
}

#[tokio::test]
async fn an_autoscaler_is_never_left_at_nothing_and_comes_back_as_large_as_it_was() {
    let room = Room::open(shared().await, "zero").await;
    room.apply(
        "push",
        json!({"autoscaling": {"minReplicas": 2, "maxReplicas": 9}}),
    )
    .await;
    runs(&room, 2).await;
    room.kubectl(&["scale", "deployment/push", "--replicas", "0"])
        .await;
    runs(&room, 2).await;
    room.autoscale("push", 6).await;
    room.eventually("six are told", async || {
        let told = room.push_manager("push").await.status.unwrap_or_default();
        if told.desired_replicas == 6 {
            Ok(())
        } else {
            Err(format!("{told:?}").into())
        }
    })
    .await;
    room.kubectl(&["delete", "deployment", "push"]).await;
    runs(&room, 6).await;
}

#[tokio::test]
async fn one_made_with_an_autoscaler_starts_within_its_bounds() {
    let room = Room::open(shared().await, "bounds").await;
    room.apply(
        "push",
        json!({"replicas": 1, "autoscaling": {"minReplicas": 3, "maxReplicas": 9}}),
    )
    .await;
    runs(&room, 3).await;
}

#[tokio::test]
async fn while_paused_nothing_changes_and_it_is_said() {
    let room = Room::open(shared().await, "paused").await;
    room.apply("push", json!({"replicas": 1})).await;
    room.settled("push").await;
    room.patch("pm/push", json!({"spec": {"paused": true, "replicas": 3}}))
        .await;
    let condition = room.condition("push", "Paused", "True", "Paused").await;
    assert!(
        condition.message.contains("update Deployment push"),
        "{condition:?}"
    );
    room.kubectl(&["delete", "pdb", "push"]).await;
    room.eventually("the missing child is said", async || {
        let pm = room.push_manager("push").await;
        let paused = crate::objects::condition(&pm, "Paused").ok_or("none")?;
        let words = "create PodDisruptionBudget push";
        if paused.message.contains(words) {
            Ok(())
        } else {
            Err(paused.message.into())
        }
    })
    .await;
    assert_eq!(replicas(&room).await, Some(1));
    assert!(
        room.object(("policy", "v1", "PodDisruptionBudget"), "push")
            .await
            .is_none()
    );
    let events = room.events("push").await;
    assert!(
        events.iter().any(|e| e.starts_with("Normal Paused")),
        "{events:?}"
    );
    room.patch("pm/push", json!({"spec": {"paused": false}}))
        .await;
    runs(&room, 3).await;
    room.condition("push", "Paused", "False", "Running").await;
}
