//! What a cluster's own rules ask of the pods: evictions, restricted security; and what the
//! operator never leaves behind.

use k8s_openapi::api::core::v1::Pod;
use kube::api::EvictParams;
use kube::{Api, ResourceExt};
use push_manager_envtest::{Behaviour, Cluster, Kubelet, Options};
use serde_json::{Value, json};

use crate::objects::{Room, manifest};
use crate::operator::{Operator, apply, define, install, printed, program, shared};

async fn pods(room: &Room) -> Vec<Pod> {
    let api: Api<Pod> = Api::namespaced(room.client().await, &room.namespace);
    let labelled = kube::api::ListParams::default().labels("app.kubernetes.io/instance=push");
    api.list(&labelled).await.unwrap().items
}

/// Waits until the budget allows so many evictions.
async fn allowed(room: &Room, count: i64) {
    room.eventually(&format!("{count} may be evicted"), async || {
        let budget = room
            .object(("policy", "v1", "PodDisruptionBudget"), "push")
            .await;
        let status = budget.ok_or("none")?["status"].clone();
        if status["disruptionsAllowed"] == count {
            Ok(())
        } else {
            Err(status.to_string().into())
        }
    })
    .await;
}

#[tokio::test]
async fn one_replica_can_be_evicted_so_that_its_host_can_be_drained() {
    let room = Room::open(shared().await, "evict").await;
    let _kubelet = Kubelet::run(room.cluster.kubelet_client().await, &room.namespace);
    room.apply("push", json!({"replicas": 1})).await;
    room.condition("push", "Available", "True", "InstancesReady")
        .await;
    allowed(&room, 1).await;
    let api: Api<Pod> = Api::namespaced(room.client().await, &room.namespace);
    let first = pods(&room).await[0].name_any();
    api.evict(&first, &EvictParams::default()).await.unwrap();
    room.eventually("another pod takes its place", async || {
        let pods = pods(&room).await;
        match pods.iter().find(|pod| pod.name_any() != first) {
            Some(_) => Ok(()),
            None => Err(format!("{} pods", pods.len()).into()),
        }
    })
    .await;
    room.condition("push", "Available", "True", "InstancesReady")
        .await;
}

#[tokio::test]
async fn one_of_three_may_be_away_and_what_is_not_ready_is_never_in_the_way() {
    let room = Room::open(shared().await, "budget").await;
    let kubelet = Kubelet::run(room.cluster.kubelet_client().await, &room.namespace);
    room.apply("push", json!({"replicas": 3})).await;
    room.condition("push", "Progressing", "False", "RolledOut")
        .await;
    allowed(&room, 1).await;
    let api: Api<Pod> = Api::namespaced(room.client().await, &room.namespace);
    kubelet.behave(Behaviour::NeverReady);
    allowed(&room, 0).await;
    // None is ready: a budget that counted them would keep every host from being drained.
    let name = pods(&room).await[0].name_any();
    api.evict(&name, &EvictParams::default()).await.unwrap();
}

#[tokio::test]
async fn pods_are_admitted_where_security_is_restricted() {
    let room = Room::open(shared().await, "restricted").await;
    let _kubelet = Kubelet::run(room.cluster.kubelet_client().await, &room.namespace);
    let label = "pod-security.kubernetes.io/enforce=restricted";
    room.kubectl(&["label", "namespace", &room.namespace, label])
        .await;
    room.apply(
        "push",
        json!({"replicas": 2, "podTemplate": {"env": [{"name": "A", "value": "b"}]}}),
    )
    .await;
    room.condition("push", "Available", "True", "InstancesReady")
        .await;
    room.condition("push", "Degraded", "False", "AsExpected")
        .await;
    let refused = room.refused(&["run", "plain", "--image=plain"]).await;
    assert!(refused.contains("violates PodSecurity"), "{refused}");
}

#[tokio::test]
async fn nothing_has_a_finalizer_and_there_is_no_webhook() {
    let room = Room::open(shared().await, "finalizers").await;
    room.apply(
        "push",
        json!({"networkPolicy": {}, "autoscaling": {"maxReplicas": 3}}),
    )
    .await;
    room.settled("push").await;
    let kinds = "pm,deploy,cm,svc,sa,pdb,hpa,networkpolicy";
    let listed = room.kubectl(&["get", kinds, "-o", "json"]).await;
    let listed: Value = serde_json::from_str(&listed).unwrap();
    for item in listed["items"].as_array().unwrap() {
        assert!(
            item["metadata"].get("finalizers").is_none(),
            "{}",
            item["metadata"]
        );
    }
    let hooks = "validatingwebhookconfigurations,mutatingwebhookconfigurations";
    let hooks = room.kubectl(&["get", hooks, "-o", "name"]).await;
    assert_eq!(hooks.trim(), "");
}

/// An object that an older definition took: stored, and no longer readable.
#[tokio::test]
async fn one_that_can_t_be_read_is_told_and_stops_nobody_else() {
    let options = Options {
        controllers: false,
        audit: false,
    };
    let cluster: &'static Cluster = Box::leak(Box::new(Cluster::start(options).await));
    install(cluster, &program(), None).await;
    let room = Room::open(cluster, "unreadable").await;
    let operator = Operator::start(cluster, "operator", &["--leader-election", "false"]).await;
    room.apply("push", json!({"replicas": 2})).await;
    room.eventually("it is made", async || {
        Ok(room.deployment("push").await.ok_or("none")?)
    })
    .await;
    let definition = printed(&program(), &["crd", "-o", "json"]);
    let mut loose: Value = serde_json::from_str(&definition).unwrap();
    let spec = &mut loose["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"];
    *spec = json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true});
    loose["spec"]["versions"][0]["subresources"]
        .as_object_mut()
        .unwrap()
        .remove("scale");
    apply(cluster, &loose.to_string()).await;
    room.eventually("the old definition takes it", async || {
        let mut odd = manifest("push", json!({"fanout": "fast"}));
        odd["spec"]["replicas"] = json!(2);
        room.try_apply(&odd).await.map_err(Into::into)
    })
    .await;
    room.eventually("it is told", async || {
        let told = room
            .object(("pushmanager.io", "v1alpha1", "PushManager"), "push")
            .await;
        let conditions = told.ok_or("none")?["status"]["conditions"].clone();
        let conditions = conditions.as_array().cloned().unwrap_or_default();
        let degraded = conditions.iter().find(|c| c["type"] == "Degraded").cloned();
        match degraded {
            Some(degraded) if degraded["reason"] == "Unreadable" => Ok(()),
            other => Err(format!("{other:?}").into()),
        }
    })
    .await;
    // What runs stays, and another is served.
    assert!(room.deployment("push").await.is_some());
    room.try_apply(&manifest("other", json!({}))).await.unwrap();
    room.eventually("another is made", async || {
        Ok(room.deployment("other").await.ok_or("none")?)
    })
    .await;
    define(cluster, &program()).await;
    room.kubectl(&["delete", "pm", "push"]).await;
    drop(operator);
}
