//! What is told, to whom, how often.

use std::time::Duration;

use kube::runtime::controller::Action;
use serde_json::json;
use tokio::time::Instant;

use crate::{
    api::Answer,
    world::{World, push_manager},
};

#[tokio::test(start_paused = true)]
async fn one_that_can_t_be_read_is_told_once() {
    let mut world = World::new();
    for _ in 0..3 {
        let action = world
            .reconcile_unreadable("invalid type: string")
            .await
            .unwrap();
        assert_eq!(action, Action::await_change());
    }
    let read = "GET pushmanagers/push";
    let told = ["PATCH pushmanagers/push/status", "POST events"];
    assert_eq!(world.api.take(), [read, told[0], told[1], read, read]);
    let (degraded, reason, message) = world.condition("Degraded");
    assert_eq!((degraded.as_str(), reason.as_str()), ("True", "Unreadable"));
    assert!(message.contains("invalid type: string"));
    world.reconcile_unreadable("something else").await.unwrap();
    assert_eq!(world.api.take()[1], "PATCH pushmanagers/push/status");
}

#[tokio::test(start_paused = true)]
async fn an_event_that_is_refused_fails_nothing() {
    let mut world = World::new();
    let refused = crate::api::refusal(403, "Forbidden", "no events");
    world
        .api
        .answer_with("POST events", 9, Answer::With(403, refused));
    world.reconcile(&push_manager(json!({}))).await.unwrap();
    assert_eq!(
        world.api.take().last().unwrap(),
        "PATCH pushmanagers/push/status"
    );
}

#[tokio::test(start_paused = true)]
async fn an_event_that_is_never_answered_holds_nothing_up_for_long() {
    let mut world = World::new();
    world.api.answer_with("POST events", 9, Answer::Silence);
    let before = Instant::now();
    let pm = push_manager(json!({}));
    let done = world.reconcile(&pm);
    tokio::time::timeout(Duration::from_mins(10), done)
        .await
        .unwrap()
        .unwrap();
    assert!(
        before.elapsed() < Duration::from_secs(15),
        "{:?}",
        before.elapsed()
    );
    assert!(world.api.objects.contains_key("pushmanagers/push/status"));
}

#[tokio::test(start_paused = true)]
async fn a_status_that_could_not_be_told_is_told_by_the_next_reconcile() {
    let pm = push_manager(json!({}));
    let mut world = World::new();
    world.api.fail("PATCH pushmanagers/push/status", 500, "no");
    world.reconcile(&pm).await.unwrap_err();
    world.api.take();
    world.reconcile(&pm).await.unwrap();
    assert_eq!(world.api.take(), ["PATCH pushmanagers/push/status"]);
}

#[tokio::test(start_paused = true)]
async fn an_invalid_spec_changes_nothing_but_the_status() {
    let mut world = World::settled(&push_manager(json!({}))).await;
    let invalid = push_manager(json!({"fanout": {"chunk": 0}, "image": "push:2"}));
    let action = world.reconcile(&invalid).await.unwrap();
    assert_ne!(action, Action::await_change());
    assert_eq!(
        world.api.take(),
        ["PATCH pushmanagers/push/status", "POST events"]
    );
    let (degraded, reason, message) = world.condition("Degraded");
    assert_eq!(
        (degraded.as_str(), reason.as_str()),
        ("True", "InvalidSpec")
    );
    assert!(message.starts_with("spec.fanout.chunk:"), "{message}");
    world.reconcile(&invalid).await.unwrap();
    assert_eq!(world.api.take(), [""; 0]);
    world.reconcile(&push_manager(json!({}))).await.unwrap();
    assert_eq!(world.condition("Degraded").1, "AsExpected");
}

#[tokio::test(start_paused = true)]
async fn a_pause_writes_nothing_and_says_what_waits() {
    let mut world = World::settled(&push_manager(json!({"networkPolicy": {}}))).await;
    world
        .reconcile(&push_manager(json!({"paused": true, "image": "push:2"})))
        .await
        .unwrap();
    assert_eq!(
        world.api.take(),
        ["PATCH pushmanagers/push/status", "POST events"]
    );
    let (paused, _, message) = world.condition("Paused");
    assert_eq!(paused, "True");
    assert!(
        message.ends_with("delete NetworkPolicy push, update Deployment push"),
        "{message}"
    );
    world
        .reconcile(&push_manager(json!({"image": "push:2"})))
        .await
        .unwrap();
    let expected = [
        "DELETE networkpolicies/push",
        "PATCH deployments/push",
        "POST events",
    ];
    assert_eq!(world.api.take()[..3], expected);
    assert_eq!(world.condition("Paused").0, "False");
}

#[tokio::test(start_paused = true)]
async fn a_pause_does_not_end_by_a_spec_that_is_invalid() {
    let mut world = World::settled(&push_manager(json!({}))).await;
    world
        .reconcile(&push_manager(json!({"paused": true})))
        .await
        .unwrap();
    let invalid = json!({"paused": true, "fanout": {"chunk": 0}});
    world.reconcile(&push_manager(invalid)).await.unwrap();
    assert_eq!(world.condition("Paused").0, "True");
    assert_eq!(world.condition("Degraded").1, "InvalidSpec");
}

#[tokio::test(start_paused = true)]
async fn what_is_another_push_managers_does_not_wait_to_be_changed() {
    let mut world = World::settled(&push_manager(json!({"networkPolicy": {}}))).await;
    for (kind, key) in [
        ("Service", "services/push-pods"),
        ("NetworkPolicy", "networkpolicies/push"),
    ] {
        world.edit(kind, key, |object| {
            object["metadata"]["ownerReferences"][0]["uid"] = json!("another");
            object["metadata"]["ownerReferences"][0]["name"] = json!("push-pods");
        });
    }
    world
        .reconcile(&push_manager(json!({"paused": true})))
        .await
        .unwrap();
    let (_, _, message) = world.condition("Paused");
    assert!(
        message.ends_with("nothing waits to be changed"),
        "{message}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_date_stays_while_the_status_does() {
    let pm = push_manager(json!({}));
    let mut world = World::settled(&pm).await;
    let dates = |world: &World| -> Vec<_> {
        let status = &world.api.objects["pushmanagers/push/status"]["status"];
        let conditions = status["conditions"].as_array().unwrap().clone();
        conditions
            .into_iter()
            .map(|c| (c["type"].clone(), c["lastTransitionTime"].clone()))
            .collect()
    };
    let before = dates(&world);
    let mut changed = push_manager(json!({"replicas": 2}));
    changed.metadata.generation = Some(2);
    world.reconcile(&changed).await.unwrap();
    assert!(
        world
            .api
            .take()
            .contains(&"PATCH pushmanagers/push/status".to_owned())
    );
    assert_eq!(dates(&world), before);
}

#[tokio::test(start_paused = true)]
async fn an_event_tells_what_happened_this_time() {
    let pm = push_manager(json!({}));
    let mut world = World::settled(&pm).await;
    for field in ["type", "selector", "selector"] {
        world.edit("Service", "services/push", |object| {
            object["spec"][field] = json!("changed");
        });
        world.reconcile(&pm).await.unwrap();
        let event = world.api.log.last().unwrap();
        assert_eq!(event.line, "POST events");
        let expected = format!("updated Service push (spec.{field})");
        assert_eq!(event.body["note"], expected);
    }
}

#[tokio::test(start_paused = true)]
async fn one_that_can_t_be_read_keeps_what_is_told_of_its_pods() {
    let mut world = World::settled(&push_manager(json!({"replicas": 3}))).await;
    let before = world.api.objects["pushmanagers/push/status"]["status"].clone();
    world.reconcile_unreadable("invalid type").await.unwrap();
    let after = world.api.objects["pushmanagers/push/status"]["status"].clone();
    for field in ["selector", "desiredReplicas", "replicas", "endpoints"] {
        assert_eq!(after[field], before[field], "{field}");
    }
}
