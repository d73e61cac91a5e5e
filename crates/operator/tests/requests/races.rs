//! Others at work beside the operator: what was deleted, changed, or taken over meanwhile.

use std::time::Duration;

use push_manager_operator::live::Live;
use serde_json::{Value, json};

use crate::{
    api::Answer,
    world::{World, kind, push_manager},
};

const DEPLOYMENT: &str = "deployments/push";
const SERVICE: &str = "services/push";

/// Somebody else has another idea of a field.
fn meddle(world: &mut World) {
    world.edit("Service", SERVICE, |object| {
        object["spec"]["type"] = json!("changed");
    });
}

fn live(object: &Value) -> Live {
    Live::new(object.clone()).unwrap().1
}

#[tokio::test(start_paused = true)]
async fn what_was_deleted_meanwhile_is_not_made_from_what_was_meant_for_it() {
    let pm = push_manager(json!({}));
    let mut world = World::settled(&pm).await;
    meddle(&mut world);
    let object = world.api.objects.remove(SERVICE).unwrap();
    let failure = world.reconcile(&pm).await.unwrap_err();
    assert_eq!(failure.reason(), Some("conflict"));
    assert!(!world.api.objects.contains_key(SERVICE));
    // The watch tells of it: now it is made anew, and as new.
    let (place, live) = Live::new(object).unwrap();
    let live_objects = &world.context.live;
    live_objects.remove(kind("Service"), &place, &live.uid, 99);
    world.api.take();
    world.reconcile(&pm).await.unwrap();
    let made = &world.api.log[1];
    assert_eq!(made.line, format!("PATCH {SERVICE}"));
    assert!(made.body["metadata"]["uid"].is_null());
}

#[tokio::test(start_paused = true)]
async fn an_answer_older_than_what_the_watch_showed_is_not_put_in() {
    let pm = push_manager(json!({}));
    let world = World::settled(&pm).await;
    let objects = &world.context.live;
    let place = ("shop".to_owned(), "push".to_owned());
    let service = world.api.objects[SERVICE].clone();
    let there = || objects.get(kind("Service"), "shop", "push").is_some();
    // A deletion that came before the answer to the write which it followed.
    objects.remove(kind("Service"), &place, &live(&service).uid, 1000);
    objects.answered(kind("Service"), place.clone(), live(&service));
    assert!(!there(), "a ghost that no watch would ever take out");
    let mut newer = service;
    newer["metadata"]["resourceVersion"] = json!("1001");
    objects.answered(kind("Service"), place, live(&newer));
    assert!(there());
}

#[tokio::test(start_paused = true)]
async fn a_field_that_another_took_over_is_taken_back_though_its_value_is_right() {
    let pm = push_manager(json!({}));
    let mut world = World::settled(&pm).await;
    world.edit("Deployment", DEPLOYMENT, |object| {
        let owned = "/metadata/managedFields/0/fieldsV1/f:spec/f:template/f:spec";
        let owned = object.pointer_mut(owned).unwrap().as_object_mut().unwrap();
        owned.remove("f:automountServiceAccountToken").unwrap();
    });
    world.reconcile(&pm).await.unwrap();
    let expected = [format!("PATCH {DEPLOYMENT}"), "POST events".to_owned()];
    assert_eq!(world.api.take(), expected);
    world.reconcile(&pm).await.unwrap();
    assert_eq!(world.api.take(), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn who_changes_a_field_back_and_forth_is_left_to_it_and_told() {
    let pm = push_manager(json!({}));
    let mut world = World::settled(&pm).await;
    for round in 0..10 {
        meddle(&mut world);
        world.reconcile(&pm).await.unwrap();
        let expected = [format!("PATCH {SERVICE}"), "POST events".to_owned()];
        assert_eq!(world.api.take(), expected, "{round}");
    }
    meddle(&mut world);
    for _ in 0..3 {
        let failure = world.reconcile(&pm).await.unwrap_err();
        assert_eq!(failure.reason(), Some("contested"));
        assert!(!world.api.take().contains(&format!("PATCH {SERVICE}")));
    }
    let (degraded, reason, message) = world.condition("Degraded");
    assert_eq!((degraded.as_str(), reason.as_str()), ("True", "Contested"));
    assert!(message.contains("spec.type"), "{message}");
    // Once that is over it is mended after all.
    tokio::time::sleep(Duration::from_mins(3)).await;
    world.reconcile(&pm).await.unwrap();
    assert!(world.api.take().contains(&format!("PATCH {SERVICE}")));
    assert_eq!(world.condition("Degraded").0, "False");
}

#[tokio::test(start_paused = true)]
async fn an_apply_that_changes_nothing_is_not_repeated() {
    let pm = push_manager(json!({}));
    let mut world = World::settled(&pm).await;
    let applied = [format!("PATCH {SERVICE}")];
    for _ in 0..2 {
        // Something puts its own value in whatever is applied.
        meddle(&mut world);
        let stored = world.api.objects[SERVICE].clone();
        world
            .api
            .answer_with(&applied[0], 1, Answer::With(200, stored));
        world.reconcile(&pm).await.unwrap();
        assert_eq!(world.api.take(), applied);
        for _ in 0..3 {
            world.reconcile(&pm).await.unwrap();
            assert_eq!(world.api.take(), [""; 0]);
        }
    }
    // Another wish is tried.
    let other = push_manager(json!({"service": {"annotations": {"a": "b"}}}));
    world.reconcile(&other).await.unwrap();
    assert!(world.api.take().contains(&applied[0]));
}

#[tokio::test(start_paused = true)]
async fn an_account_that_is_named_as_ours_stays() {
    let mut world = World::settled(&push_manager(json!({}))).await;
    let named = push_manager(json!({"serviceAccount": {"name": "push"}}));
    world.reconcile(&named).await.unwrap();
    assert_eq!(world.api.take(), [""; 0]);
    assert!(world.api.objects.contains_key("serviceaccounts/push"));
}
