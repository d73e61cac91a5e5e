//! What the status makes of situations, and what it does not tell too early.

use serde_json::{Value, json};

use crate::world::{World, push_manager};

const STATUS: &str = "pushmanagers/push/status";

fn hash(world: &World) -> Value {
    world.api.objects[STATUS]["status"]["configHash"].clone()
}

#[tokio::test(start_paused = true)]
async fn while_the_spec_is_invalid_progress_is_blocked() {
    let mut world = World::settled(&push_manager(json!({}))).await;
    let invalid = push_manager(json!({"fanout": {"chunk": 0}}));
    world.reconcile(&invalid).await.unwrap();
    let (progressing, reason, message) = world.condition("Progressing");
    assert_eq!(
        (progressing.as_str(), reason.as_str()),
        ("False", "Blocked")
    );
    assert!(
        message.ends_with("the newest spec is not carried out"),
        "{message}"
    );
}

#[tokio::test(start_paused = true)]
async fn the_hash_of_a_configuration_is_told_once_pods_carry_it() {
    let mut world = World::settled(&push_manager(json!({}))).await;
    let before = hash(&world);
    let changed = json!({"pool": {"connectionsPerNode": 2}});
    let mut paused = changed.clone();
    paused["paused"] = json!(true);
    world.reconcile(&push_manager(paused)).await.unwrap();
    assert_eq!(hash(&world), before, "paused");

    let pm = push_manager(changed);
    for refused in ["PATCH configmaps/push-config", "PATCH deployments/push"] {
        world.api.fail(refused, 403, "no");
        world.reconcile(&pm).await.unwrap_err();
        assert_eq!(hash(&world), before, "{refused}");
    }
    world.reconcile(&pm).await.unwrap();
    assert_ne!(hash(&world), before);
    let carried = "/spec/template/metadata/annotations/pushmanager.io~1config-hash";
    let deployment = &world.api.objects["deployments/push"];
    assert_eq!(deployment.pointer(carried), Some(&hash(&world)));
}

#[tokio::test(start_paused = true)]
async fn a_share_that_may_be_away_is_rounded_up_as_the_disruption_budget_is() {
    let share = json!({"replicas": 5, "disruption": {"maxUnavailable": "25%"}});
    let pm = push_manager(share);
    let mut world = World::settled(&pm).await;
    for (ready, available) in [(5, "True"), (3, "True"), (2, "False")] {
        world.edit("Deployment", "deployments/push", |object| {
            object["status"] = json!({
                "observedGeneration": 1, "replicas": 5, "readyReplicas": ready, "updatedReplicas": 5,
            });
        });
        world.reconcile(&pm).await.unwrap();
        assert_eq!(world.condition("Available").0, available, "{ready}");
    }
}

#[tokio::test(start_paused = true)]
async fn conditions_of_others_are_no_reason_to_write() {
    let mut pm = push_manager(json!({}));
    let mut world = World::settled(&pm).await;
    let mut status = world.api.objects[STATUS]["status"].clone();
    let theirs = json!({
        "type": "Audited", "status": "True", "reason": "Looked", "message": "",
        "lastTransitionTime": "2026-01-01T00:00:00Z",
    });
    status["conditions"].as_array_mut().unwrap().push(theirs);
    pm.status = Some(serde_json::from_value(status).unwrap());
    pm.metadata.resource_version = Some("1000".to_owned());
    world.reconcile(&pm).await.unwrap();
    assert_eq!(world.api.take(), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn between_two_crashes_a_pod_is_not_well() {
    let world = World::new();
    let pods = &world.context.pods;
    let pod = |ready: bool, state: Value| {
        json!({
            "metadata": {
                "name": "push-1", "namespace": "shop",
                "labels": {"app.kubernetes.io/instance": "push"},
            },
            "status": {"containerStatuses": [{
                "ready": ready, "state": state, "lastState": {"terminated": {"exitCode": 1}},
            }]},
        })
    };
    let waits = json!({"waiting": {"reason": "CrashLoopBackOff"}});
    let runs = json!({"running": {}});
    assert!(pods.see(&pod(false, waits.clone())).is_some());
    for _ in 0..3 {
        assert_eq!(pods.see(&pod(false, runs.clone())), None, "nothing new");
        assert_eq!(pods.see(&pod(false, waits.clone())), None, "nothing new");
    }
    assert_eq!(pods.of("shop", "push")[0].reason, "CrashLooping");
    assert!(pods.see(&pod(true, runs)).is_some(), "it recovered");
    assert!(pods.of("shop", "push").is_empty());
}
