//! What follows from an API server that refuses, is slow, or is silent.

use std::time::Duration;

use kube::runtime::controller::Action;
use push_manager_operator::reconcile::Failure;
use serde_json::json;
use tokio::time::Instant;

use crate::{
    api::{Answer, refusal},
    world::{World, push_manager},
};

/// The refusal of a server that wants to be left alone for a time.
fn throttled(seconds: u32) -> Answer {
    let mut body = refusal(429, "TooManyRequests", "too many requests");
    body["details"] = json!({"retryAfterSeconds": seconds});
    Answer::With(429, body)
}

fn is_waiting(failure: &Failure) -> bool {
    matches!(failure, Failure::Waiting(_))
}

#[tokio::test(start_paused = true)]
async fn an_object_that_is_someone_elses_is_never_written() {
    let pm = push_manager(json!({}));
    let mut world = World::new();
    let foreign = json!({
        "apiVersion": "v1", "kind": "Service",
        "metadata": {"name": "push", "namespace": "shop", "uid": "theirs"},
    });
    world.api.put("services/push", foreign);
    for _ in 0..2 {
        let failure = world.reconcile(&pm).await.unwrap_err();
        assert_eq!(failure.reason(), Some("name_conflict"));
        let lines = world.api.take();
        assert!(lines.contains(&"GET services/push".to_owned()), "{lines:?}");
        assert!(
            !lines.contains(&"PATCH services/push".to_owned()),
            "{lines:?}"
        );
    }
    let (degraded, reason, message) = world.condition("Degraded");
    assert_eq!(
        (degraded.as_str(), reason.as_str()),
        ("True", "NameConflict")
    );
    assert!(
        message.contains("Service push in shop belongs to somebody else"),
        "{message}"
    );
    // The others are made all the same.
    assert!(world.api.objects.contains_key("deployments/push"));
}

#[tokio::test(start_paused = true)]
async fn a_foreign_configuration_leaves_the_pods_alone() {
    let mut world = World::new();
    let owner = json!([{"kind": "Release", "name": "web", "uid": "u", "controller": true}]);
    let foreign = json!({
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": "push-config", "namespace": "shop", "uid": "t", "ownerReferences": owner},
    });
    world.api.put("configmaps/push-config", foreign);
    world.reconcile(&push_manager(json!({}))).await.unwrap_err();
    let expected = [
        "GET configmaps/push-config",
        "PATCH pushmanagers/push/status",
        "POST events",
    ];
    assert_eq!(world.api.take(), expected);
    assert!(world.condition("Degraded").2.contains("Release web"));
}

#[tokio::test(start_paused = true)]
async fn children_of_the_push_manager_before_of_this_name_are_waited_for() {
    let pm = push_manager(json!({}));
    let mut world = World::settled(&pm).await;
    world.edit("Service", "services/push", |object| {
        object["metadata"]["ownerReferences"][0]["uid"] = json!("pm-0");
    });
    let failure = world.reconcile(&pm).await.unwrap_err();
    assert!(is_waiting(&failure), "{failure}");
    assert_eq!(world.api.take(), ["PATCH pushmanagers/push/status"]);
    let (progressing, _, message) = world.condition("Progressing");
    assert_eq!(progressing, "True");
    assert!(message.contains("Service push goes with"), "{message}");
}

#[tokio::test(start_paused = true)]
async fn a_refusal_of_one_child_is_told_by_its_kind_and_keeps_no_other_back() {
    for (code, reason, degraded) in [
        (409, "conflict", "False"),
        (500, "server_error", "False"),
        (403, "forbidden", "True"),
        (422, "invalid", "True"),
        (413, "refused", "True"),
    ] {
        let mut world = World::new();
        world.api.fail("PATCH services/push-pods", code, "because");
        let failure = world.reconcile(&push_manager(json!({}))).await.unwrap_err();
        assert_eq!(failure.reason(), Some(reason));
        assert!(
            failure.to_string().contains("Service push-pods: because"),
            "{failure}"
        );
        assert!(world.api.objects.contains_key("poddisruptionbudgets/push"));
        let (is, why, _) = world.condition("Degraded");
        assert_eq!(is, degraded, "{code}");
        assert_eq!(why == "ApplyRefused", degraded == "True", "{code}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_failed_alone_is_done_by_the_next_reconcile() {
    let pm = push_manager(json!({}));
    let mut world = World::new();
    world.api.fail("PATCH services/push", 500, "etcd is slow");
    world.reconcile(&pm).await.unwrap_err();
    let first = world.api.take();
    assert!(
        first.contains(&"PATCH deployments/push".to_owned()),
        "{first:?}"
    );
    world.reconcile(&pm).await.unwrap();
    assert_eq!(
        world.api.take(),
        ["GET services/push", "PATCH services/push", "POST events"]
    );
    world.reconcile(&pm).await.unwrap();
    assert_eq!(world.api.take(), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn pods_are_left_alone_while_their_configuration_can_t_be_written() {
    let pm = push_manager(json!({}));
    let mut world = World::settled(&pm).await;
    let changed = push_manager(json!({"pool": {"connectionsPerNode": 2}}));
    world.api.fail("PATCH configmaps/push-config", 500, "no");
    world.reconcile(&changed).await.unwrap_err();
    let lines = world.api.take();
    assert!(
        !lines.contains(&"PATCH deployments/push".to_owned()),
        "{lines:?}"
    );
    world.reconcile(&changed).await.unwrap();
    let expected = [
        "PATCH configmaps/push-config",
        "PATCH deployments/push",
        "POST events",
    ];
    assert_eq!(world.api.take()[..3], expected);
}

#[tokio::test(start_paused = true)]
async fn the_pause_is_no_shorter_than_the_api_server_asks() {
    let pm = push_manager(json!({}));
    let mut world = World::new();
    world
        .api
        .answer_with("PATCH services/push", 1, throttled(30));
    let failure = world.reconcile(&pm).await.unwrap_err();
    assert_eq!(failure.retry_after(), Some(Duration::from_secs(30)));
    let place = ("shop".to_owned(), "push".to_owned());
    let pause = world
        .context
        .backoffs
        .pause(place, Some(1), failure.retry_after(), 0.0);
    assert_eq!(pause, Duration::from_secs(30));
}

#[tokio::test(start_paused = true)]
async fn the_pause_that_was_asked_for_counts_whatever_failed_before() {
    let mut world = World::new();
    world.api.fail("PATCH services/push", 500, "no");
    world
        .api
        .answer_with("PATCH deployments/push", 1, throttled(20));
    let failure = world.reconcile(&push_manager(json!({}))).await.unwrap_err();
    assert_eq!(failure.retry_after(), Some(Duration::from_secs(20)));
}

#[tokio::test(start_paused = true)]
async fn a_silent_api_server_is_given_up_in_bounded_time() {
    let pm = push_manager(json!({}));
    let mut world = World::new();
    world
        .api
        .answer_with("PATCH configmaps/push-config", 1, Answer::Silence);
    let before = Instant::now();
    let failure = world.reconcile(&pm).await.unwrap_err();
    assert_eq!(failure.reason(), Some("timeout"));
    assert!(
        before.elapsed() <= Duration::from_secs(31),
        "{:?}",
        before.elapsed()
    );
    assert_eq!(world.condition("Degraded").0, "False");
    // What became of it is not known: it is read before it is written again.
    world.api.take();
    world.reconcile(&pm).await.unwrap();
    let lines = world.api.take();
    assert_eq!(
        lines[..2],
        ["GET configmaps/push-config", "PATCH configmaps/push-config"]
    );
}

#[tokio::test(start_paused = true)]
async fn a_namespace_that_is_being_deleted_ends_it_quietly() {
    let mut world = World::new();
    let mut body = refusal(403, "Forbidden", "namespace shop is being terminated");
    body["details"] = json!({"causes": [{"reason": "NamespaceTerminating", "message": "shop"}]});
    world.api.answer_with("PATCH", 99, Answer::With(403, body));
    let action = world.reconcile(&push_manager(json!({}))).await.unwrap();
    assert_eq!(action, Action::await_change());
    // Neither a status nor an event, which would be refused as well.
    assert_eq!(
        world.api.take(),
        ["GET configmaps/push-config", "PATCH configmaps/push-config"]
    );
}

#[tokio::test(start_paused = true)]
async fn what_was_deleted_meanwhile_counts_as_deleted() {
    let mut world = World::settled(&push_manager(json!({"networkPolicy": {}}))).await;
    world.api.objects.remove("networkpolicies/push");
    world.reconcile(&push_manager(json!({}))).await.unwrap();
    assert_eq!(world.api.take()[0], "DELETE networkpolicies/push");
    world.reconcile(&push_manager(json!({}))).await.unwrap();
    assert_eq!(world.api.take(), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn another_object_that_took_the_name_is_not_deleted() {
    let mut world = World::settled(&push_manager(json!({"networkPolicy": {}}))).await;
    world.api.fail(
        "DELETE networkpolicies/push",
        409,
        "the UID in the precondition does not match",
    );
    let failure = world.reconcile(&push_manager(json!({}))).await.unwrap_err();
    assert_eq!(failure.reason(), Some("conflict"));
    assert!(world.api.objects.contains_key("networkpolicies/push"));
}

#[tokio::test(start_paused = true)]
async fn an_api_server_that_wants_to_be_left_alone_is_asked_for_no_other_child() {
    let mut world = World::new();
    world
        .api
        .answer_with("PATCH services/push", 1, throttled(30));
    let failure = world.reconcile(&push_manager(json!({}))).await;
    assert!(failure.is_err());
    let lines = world.api.take();
    let after = lines.iter().skip_while(|l| *l != "PATCH services/push");
    let after: Vec<_> = after.skip(1).collect();
    assert!(
        after
            .iter()
            .all(|line| line.contains("status") || line.contains("events")),
        "{lines:?}"
    );
}
