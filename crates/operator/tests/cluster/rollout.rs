//! What the conditions tell while pods come and go, and what makes pods roll.

use push_manager_envtest::{Behaviour, Kubelet};
use serde_json::{Value, json};

use crate::objects::Room;
use crate::operator::shared;

async fn kubelet(room: &Room) -> Kubelet {
    Kubelet::run(room.cluster.kubelet_client().await, &room.namespace)
}

async fn template(room: &Room) -> Value {
    let deployment = room
        .object(("apps", "v1", "Deployment"), "push")
        .await
        .unwrap();
    deployment["spec"]["template"].clone()
}

#[tokio::test]
async fn a_push_manager_becomes_available_and_kubectl_waits_for_it() {
    let room = Room::open(shared().await, "available").await;
    let _kubelet = kubelet(&room).await;
    room.apply("push", json!({"replicas": 3})).await;
    let wait = [
        "wait",
        "pm/push",
        "--for=condition=Available",
        "--timeout=30s",
    ];
    room.kubectl(&wait).await;
    room.condition("push", "Progressing", "False", "RolledOut")
        .await;
    room.condition("push", "Degraded", "False", "AsExpected")
        .await;
    let pm = room.push_manager("push").await;
    let status = pm.status.unwrap();
    assert_eq!(
        (
            status.replicas,
            status.ready_replicas,
            status.updated_replicas
        ),
        (3, 3, 3)
    );
    assert_eq!(status.observed_generation, pm.metadata.generation);
    let listed = room.kubectl(&["get", "pm", "push"]).await;
    assert!(listed.lines().nth(1).unwrap().contains("True"), "{listed}");
}

#[tokio::test]
async fn a_restart_only_knob_rolls_pods_and_a_live_one_does_not() {
    let room = Room::open(shared().await, "rolls").await;
    let _kubelet = kubelet(&room).await;
    room.apply("push", json!({"replicas": 1})).await;
    room.condition("push", "Progressing", "False", "RolledOut")
        .await;
    let first = template(&room).await;
    room.patch(
        "pm/push",
        json!({"spec": {"limits": {"maxId": 64}, "observability": {"logLevel": "debug"}}}),
    )
    .await;
    room.eventually("the file has the live knobs", async || {
        let file = room
            .object(("", "v1", "ConfigMap"), "push-config")
            .await
            .ok_or("gone")?;
        let text = file["data"]["config.yaml"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        if text.contains("max_id: 64") && text.contains("level: 'debug'") {
            Ok(())
        } else {
            Err(text.into())
        }
    })
    .await;
    assert_eq!(template(&room).await, first);
    room.patch("pm/push", json!({"spec": {"fanout": {"deadline": "2s"}}}))
        .await;
    room.eventually("the template is another", async || {
        if template(&room).await == first {
            Err("still the first".into())
        } else {
            Ok(())
        }
    })
    .await;
    room.condition("push", "Progressing", "False", "RolledOut")
        .await;
    let hash =
        template(&room).await["metadata"]["annotations"]["pushmanager.io/config-hash"].clone();
    let told = room.push_manager("push").await.status.unwrap().config_hash;
    assert_eq!(hash.as_str(), told.as_deref());
}

#[tokio::test]
async fn an_image_that_can_t_be_pulled_is_told_and_what_runs_runs_on() {
    let room = Room::open(shared().await, "pull").await;
    let kubelet = kubelet(&room).await;
    room.apply("push", json!({"replicas": 2})).await;
    room.condition("push", "Available", "True", "InstancesReady")
        .await;
    kubelet.behave_labelled(
        "wrong",
        "image",
        Behaviour::ImagePull {
            message: "not found".to_owned(),
        },
    );
    room.patch(
        "pm/push",
        json!({"spec": {
            "version": "9.9.9", "podTemplate": {"labels": {"wrong": "image"}},
        }}),
    )
    .await;
    let condition = room
        .condition("push", "Degraded", "True", "ImagePullFailed")
        .await;
    assert!(condition.message.contains("spec.version"), "{condition:?}");
    room.condition("push", "Available", "True", "InstancesReady")
        .await;
    room.condition("push", "Progressing", "True", "RollingOut")
        .await;
    room.patch(
        "pm/push",
        json!({"spec": {"version": "0.1.0", "podTemplate": null}}),
    )
    .await;
    room.condition("push", "Degraded", "False", "AsExpected")
        .await;
    let events = room.events("push").await;
    assert!(
        events
            .iter()
            .any(|e| e.starts_with("Warning ImagePullFailed")),
        "{events:?}"
    );
    assert!(
        events.iter().any(|e| e.starts_with("Normal Recovered")),
        "{events:?}"
    );
}

#[tokio::test]
async fn a_missing_secret_degrades_one_alone_and_heals_when_it_appears() {
    let room = Room::open(shared().await, "secret").await;
    let kubelet = kubelet(&room).await;
    kubelet.behave_labelled(
        "app.kubernetes.io/instance",
        "push",
        Behaviour::MissingSecret {
            name: "etcd-push".to_owned(),
        },
    );
    room.apply(
        "push",
        json!({"etcd": {"authSecretRef": {"name": "etcd-push"}}}),
    )
    .await;
    room.apply("other", json!({})).await;
    let condition = room
        .condition("push", "Degraded", "True", "ContainerConfigFailed")
        .await;
    assert!(
        condition.message.contains("secret \"etcd-push\" not found"),
        "{condition:?}"
    );
    assert!(
        condition.message.contains("spec.etcd.authSecretRef"),
        "{condition:?}"
    );
    room.condition("other", "Available", "True", "InstancesReady")
        .await;
    kubelet.behave_labelled("app.kubernetes.io/instance", "push", Behaviour::Ready);
    room.condition("push", "Available", "True", "InstancesReady")
        .await;
    room.condition("push", "Degraded", "False", "AsExpected")
        .await;
}

#[tokio::test]
async fn pods_that_keep_ending_are_told_with_where_to_look() {
    let room = Room::open(shared().await, "crash").await;
    let kubelet = kubelet(&room).await;
    kubelet.behave(Behaviour::CrashLoop { restarts: 3 });
    room.apply("push", json!({})).await;
    let condition = room
        .condition("push", "Degraded", "True", "CrashLooping")
        .await;
    assert!(condition.message.contains("kubectl logs"), "{condition:?}");
    room.condition("push", "Available", "False", "TooFewReady")
        .await;
}

#[tokio::test]
async fn a_config_that_the_server_would_refuse_stops_at_the_spec_and_changes_nothing() {
    let room = Room::open(shared().await, "invalid").await;
    let _kubelet = kubelet(&room).await;
    room.apply("push", json!({"replicas": 1})).await;
    room.condition("push", "Available", "True", "InstancesReady")
        .await;
    let before = template(&room).await;
    // Two knobs that don't go together: the schema can't tell.
    room.patch(
        "pm/push",
        json!({"spec": {"limits": {"maxData": "16Mi"}, "replicas": 3}}),
    )
    .await;
    let condition = room
        .condition("push", "Degraded", "True", "InvalidSpec")
        .await;
    assert!(
        condition.message.contains("spec.limits.maxMessage"),
        "{condition:?}"
    );
    room.condition("push", "Progressing", "False", "Blocked")
        .await;
    room.condition("push", "Available", "True", "InstancesReady")
        .await;
    assert_eq!(template(&room).await, before);
    let events = room.events("push").await;
    assert!(
        events.iter().any(|e| e.starts_with("Warning InvalidSpec")),
        "{events:?}"
    );
    room.patch(
        "pm/push",
        json!({"spec": {"limits": {"maxMessage": "32Mi"}}}),
    )
    .await;
    room.condition("push", "Degraded", "False", "AsExpected")
        .await;
}

#[tokio::test]
async fn a_quota_that_refuses_pods_is_told() {
    let room = Room::open(shared().await, "quota").await;
    room.kubectl(&["create", "quota", "few", "--hard=pods=0"])
        .await;
    room.apply("push", json!({})).await;
    let condition = room
        .condition("push", "Degraded", "True", "PodsRefused")
        .await;
    assert!(
        condition.message.contains("exceeded quota"),
        "{condition:?}"
    );
}
