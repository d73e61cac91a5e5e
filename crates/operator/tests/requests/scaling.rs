//! Who decides how many pods there are, when an autoscaler comes and goes.

use push_manager_operator::live::Live;
use serde_json::{Value, json};

use crate::world::{World, kind, push_manager};

const DEPLOYMENT: &str = "deployments/push";

#[allow(clippy::needless_pass_by_value, reason = "reads better in tests")]
fn scaled(more: Value) -> push_manager_operator::api::PushManager {
    let mut spec = json!({"autoscaling": {"minReplicas": 2, "maxReplicas": 9}});
    for (key, value) in more.as_object().unwrap() {
        spec[key] = value.clone();
    }
    push_manager(spec)
}

/// The autoscaler sets the count, as the API server notes it.
fn scale(world: &mut World, count: i32) {
    world.edit("Deployment", DEPLOYMENT, |object| {
        object["spec"]["replicas"] = json!(count);
        let managers = object["metadata"]["managedFields"].as_array_mut().unwrap();
        managers.push(json!({
            "manager": "kube-controller-manager", "operation": "Update", "subresource": "scale",
            "fieldsV1": {"f:spec": {"f:replicas": {}}},
        }));
    });
}

/// What the last apply of the Deployment asked for.
fn asked(world: &World) -> Vec<Value> {
    let applies = world
        .api
        .log
        .iter()
        .filter(|seen| seen.line == format!("PATCH {DEPLOYMENT}"));
    applies
        .map(|seen| seen.body["spec"]["replicas"].clone())
        .collect()
}

#[tokio::test(start_paused = true)]
async fn turning_the_autoscaler_on_keeps_what_runs_until_it_spoke() {
    let mut world = World::settled(&push_manager(json!({"replicas": 7}))).await;
    // On: seven go on running, though the spec says one by now.
    let pm = scaled(json!({}));
    world.reconcile(&pm).await.unwrap();
    assert!(
        asked(&world).iter().all(|count| *count == 7),
        "{:?}",
        asked(&world)
    );
    assert!(
        world
            .api
            .take()
            .contains(&"PATCH horizontalpodautoscalers/push".to_owned())
    );
    // An unrelated change still asks for seven.
    let pm = scaled(json!({"image": "push:2"}));
    world.reconcile(&pm).await.unwrap();
    assert_eq!(asked(&world), [7]);
    world.api.take();
    // It spoke: from now on the field is not ours.
    scale(&mut world, 8);
    world.reconcile(&pm).await.unwrap();
    assert_eq!(asked(&world), [Value::Null]);
    assert_eq!(world.api.objects[DEPLOYMENT]["spec"]["replicas"], 8);
    world.api.take();
    world.reconcile(&pm).await.unwrap();
    assert_eq!(world.api.take(), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn an_unrelated_edit_leaves_the_autoscalers_count() {
    let mut world = World::settled(&scaled(json!({}))).await;
    scale(&mut world, 8);
    world.reconcile(&scaled(json!({}))).await.unwrap();
    world.api.take();
    world
        .reconcile(&scaled(json!({"image": "push:2"})))
        .await
        .unwrap();
    assert_eq!(asked(&world), [Value::Null]);
    assert_eq!(world.api.objects[DEPLOYMENT]["spec"]["replicas"], 8);
    assert_eq!(
        world.api.objects["pushmanagers/push/status"]["status"]["desiredReplicas"],
        8
    );
}

#[tokio::test(start_paused = true)]
async fn a_count_that_nobody_else_set_is_asked_for_again() {
    let mut world = World::settled(&scaled(json!({}))).await;
    world.edit("Deployment", DEPLOYMENT, |object| {
        object["spec"]["template"]["spec"]["serviceAccountName"] = json!("default");
    });
    world.reconcile(&scaled(json!({}))).await.unwrap();
    assert_eq!(asked(&world), [2]);
}

#[tokio::test(start_paused = true)]
async fn turning_the_autoscaler_off_asks_for_what_the_spec_says() {
    let mut world = World::settled(&scaled(json!({}))).await;
    scale(&mut world, 8);
    world.reconcile(&scaled(json!({}))).await.unwrap();
    world.api.take();
    world
        .reconcile(&push_manager(json!({"replicas": 3})))
        .await
        .unwrap();
    assert_eq!(asked(&world), [3]);
    assert!(
        world
            .api
            .take()
            .contains(&"DELETE horizontalpodautoscalers/push".to_owned())
    );
}

#[tokio::test(start_paused = true)]
async fn what_is_new_begins_within_the_autoscalers_bounds() {
    for (replicas, expected) in [(0, 2), (1, 2), (5, 5), (50, 9)] {
        let mut world = World::new();
        world
            .reconcile(&scaled(json!({"replicas": replicas})))
            .await
            .unwrap();
        assert_eq!(asked(&world), [expected], "{replicas}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_stands_at_zero_is_started_for_the_autoscaler() {
    let mut world = World::settled(&push_manager(json!({"replicas": 0}))).await;
    world.reconcile(&scaled(json!({}))).await.unwrap();
    assert_eq!(asked(&world), [2]);
    // Whoever put it there.
    world.api.take();
    scale(&mut world, 0);
    world.reconcile(&scaled(json!({}))).await.unwrap();
    assert_eq!(asked(&world), [2]);
}

#[tokio::test(start_paused = true)]
async fn a_deployment_that_is_deleted_comes_back_as_large_as_it_was() {
    // Whether or not the watch has shown the status that was written.
    for seen in [true, false] {
        let mut pm = scaled(json!({}));
        let mut world = World::settled(&pm).await;
        scale(&mut world, 8);
        world.reconcile(&pm).await.unwrap();
        world.api.take();
        if seen {
            let told = world.api.objects["pushmanagers/push/status"]["status"].clone();
            pm.status = Some(serde_json::from_value(told).unwrap());
        }
        let deleted = world.api.objects.remove(DEPLOYMENT).unwrap();
        let (place, live) = Live::new(deleted).unwrap();
        let live_objects = &world.context.live;
        live_objects.remove(kind("Deployment"), &place, &live.uid, 99);
        world.reconcile(&pm).await.unwrap();
        assert_eq!(asked(&world), [8], "seen: {seen}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_count_that_the_autoscaler_changed_meanwhile_is_not_changed_back() {
    let mut world = World::settled(&push_manager(json!({"replicas": 7}))).await;
    // The watch has not told yet that there are nine.
    let mut nine = world.api.objects[DEPLOYMENT].clone();
    nine["spec"]["replicas"] = json!(9);
    world.api.put(DEPLOYMENT, nine);
    let pm = scaled(json!({"image": "push:2"}));
    let failure = world.reconcile(&pm).await.unwrap_err();
    assert_eq!(failure.reason(), Some("conflict"));
    assert_eq!(world.api.objects[DEPLOYMENT]["spec"]["replicas"], 9);
}

#[tokio::test(start_paused = true)]
async fn what_is_made_anew_is_as_large_as_before() {
    for is_scaled in [false, true] {
        let pm = scaled(json!({"replicas": 5}));
        let mut world = World::settled(&pm).await;
        if is_scaled {
            scale(&mut world, 5);
        }
        world.edit("Deployment", DEPLOYMENT, |object| {
            object["spec"]["selector"]["matchLabels"] = json!({"app": "old"});
        });
        let patch = format!("PATCH {DEPLOYMENT}");
        world
            .api
            .fail_about(&patch, 422, "spec.selector", "field is immutable");
        world.reconcile(&pm).await.unwrap();
        let made = &world.api.objects[DEPLOYMENT]["spec"];
        assert_eq!(made["replicas"], 5);
        assert_ne!(made["selector"]["matchLabels"], json!({"app": "old"}));
    }
}

#[tokio::test(start_paused = true)]
async fn a_deployment_that_the_watch_lost_sight_of_keeps_the_autoscalers_count() {
    let pm = scaled(json!({}));
    let mut world = World::settled(&pm).await;
    scale(&mut world, 8);
    world.reconcile(&pm).await.unwrap();
    world.api.take();
    // Its label is taken away: to the watch that is a deletion.
    world.edit("Deployment", DEPLOYMENT, |object| {
        let labels = object["metadata"]["labels"].as_object_mut().unwrap();
        labels.remove("app.kubernetes.io/managed-by");
    });
    let uid = world.api.objects[DEPLOYMENT]["metadata"]["uid"]
        .as_str()
        .unwrap()
        .to_owned();
    let place = ("shop".to_owned(), "push".to_owned());
    world
        .context
        .live
        .remove(crate::world::kind("Deployment"), &place, &uid, 0);
    for _ in 0..2 {
        drop(world.reconcile(&pm).await);
    }
    assert_eq!(asked(&world), [Value::Null]);
    assert_eq!(world.api.objects[DEPLOYMENT]["spec"]["replicas"], 8);
    let labels = &world.api.objects[DEPLOYMENT]["metadata"]["labels"];
    assert_eq!(
        labels["app.kubernetes.io/managed-by"],
        "push-manager-operator"
    );
}
