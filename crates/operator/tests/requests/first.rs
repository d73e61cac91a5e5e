//! The first reconcile, and those after it that have nothing to do.

use serde_json::json;

use crate::world::{World, push_manager};

/// What the first reconcile of the smallest PushManager asks.
const FIRST: [&str; 14] = [
    "GET configmaps/push-config",
    "PATCH configmaps/push-config",
    "GET serviceaccounts/push",
    "PATCH serviceaccounts/push",
    "GET services/push",
    "PATCH services/push",
    "GET services/push-pods",
    "PATCH services/push-pods",
    "GET deployments/push",
    "PATCH deployments/push",
    "GET poddisruptionbudgets/push",
    "PATCH poddisruptionbudgets/push",
    "POST events",
    "PATCH pushmanagers/push/status",
];

#[tokio::test(start_paused = true)]
async fn the_first_reconcile_makes_all_children_in_order_and_then_tells() {
    let mut world = World::new();
    world.reconcile(&push_manager(json!({}))).await.unwrap();
    assert_eq!(world.api.take(), FIRST);
}

#[tokio::test(start_paused = true)]
async fn a_write_is_a_forced_strict_apply_by_the_operator_of_an_owned_object() {
    let mut world = World::new();
    world.reconcile(&push_manager(json!({}))).await.unwrap();
    let mut writes = 0;
    for seen in world
        .api
        .log
        .iter()
        .filter(|seen| seen.line.starts_with("PATCH"))
    {
        let mut query = seen.query.clone();
        query.sort();
        if seen.line.ends_with("/status") {
            assert_eq!(query, ["fieldManager=push-manager-operator", "force=true"]);
            assert_eq!(
                seen.path,
                "/apis/pushmanager.io/v1alpha1/namespaces/shop/pushmanagers/push/status"
            );
            assert!(seen.body["spec"].is_null());
            continue;
        }
        writes += 1;
        let expected = [
            "fieldManager=push-manager-operator",
            "fieldValidation=Strict",
            "force=true",
        ];
        assert_eq!(query, expected, "{}", seen.line);
        let body = &seen.body;
        let version = body["apiVersion"].as_str().unwrap();
        let root = if version == "v1" {
            "/api/v1".to_owned()
        } else {
            format!("/apis/{version}")
        };
        let name = body["metadata"]["name"].as_str().unwrap();
        assert!(
            seen.path.starts_with(&format!("{root}/namespaces/shop/")),
            "{}",
            seen.path
        );
        assert!(seen.path.ends_with(&format!("/{name}")), "{}", seen.path);
        let owner = &body["metadata"]["ownerReferences"][0];
        assert_eq!(owner["uid"], "pm-1");
        assert_eq!(owner["controller"], true);
        // Without blocking, so that deletion in the foreground needs no more rights.
        assert!(owner["blockOwnerDeletion"].is_null());
        let labels = &body["metadata"]["labels"];
        assert_eq!(
            labels["app.kubernetes.io/managed-by"],
            "push-manager-operator"
        );
    }
    assert_eq!(writes, 6);
}

#[tokio::test(start_paused = true)]
async fn a_second_reconcile_asks_nothing() {
    let pm = push_manager(json!({}));
    let mut world = World::settled(&pm).await;
    let action = world.reconcile(&pm).await.unwrap();
    assert_eq!(world.api.take(), [""; 0]);
    assert_ne!(action, kube::runtime::controller::Action::await_change());
}

#[tokio::test(start_paused = true)]
async fn an_operator_that_restarted_asks_nothing() {
    let mut pm = push_manager(json!({"networkPolicy": {}, "autoscaling": {"maxReplicas": 4}}));
    let mut world = World::settled(&pm).await;
    let told = world.api.objects["pushmanagers/push/status"]["status"].clone();
    pm.status = Some(serde_json::from_value(told).unwrap());
    world.restart();
    world.reconcile(&pm).await.unwrap();
    assert_eq!(world.api.take(), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_child_of_a_kind_that_the_cluster_lacks_is_left_out_and_said() {
    let mut world = World::new();
    let more =
        json!({"observability": {"serviceMonitor": {}, "alerts": {}, "grafanaDashboard": {}}});
    world.reconcile(&push_manager(more)).await.unwrap();
    let lines = world.api.take();
    assert!(
        !lines
            .iter()
            .any(|line| line.contains("monitors") || line.contains("rules"))
    );
    assert!(lines.contains(&"PATCH configmaps/push-dashboard".to_owned()));
    let (degraded, reason, message) = world.condition("Degraded");
    assert_eq!(
        (degraded.as_str(), reason.as_str()),
        ("False", "AsExpected")
    );
    assert!(message.contains("ServiceMonitor is left out") && message.contains("PrometheusRule"));
}

#[tokio::test(start_paused = true)]
async fn one_that_is_being_deleted_is_left_to_the_garbage_collector() {
    let mut pm = push_manager(json!({}));
    let now = k8s_openapi::jiff::Timestamp::now();
    pm.metadata.deletion_timestamp =
        Some(k8s_openapi::apimachinery::pkg::apis::meta::v1::Time(now));
    let mut world = World::new();
    world.reconcile(&pm).await.unwrap();
    assert_eq!(world.api.take(), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_cluster_that_does_not_answer_about_kinds_holds_nobody_back() {
    let mut world = World::new();
    world
        .api
        .answer_with("GET /apis", 9, crate::api::Answer::Silence);
    let (kinds, client) = (world.context.kinds.clone(), world.client());
    let before = tokio::time::Instant::now();
    world.drive(kinds.refresh(&client)).await;
    assert!(before.elapsed() < std::time::Duration::from_mins(1));
}
