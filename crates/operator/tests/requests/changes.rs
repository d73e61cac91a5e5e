//! What is written when something is not as it should be.

use serde_json::json;

use crate::world::{World, kind, push_manager};

#[tokio::test(start_paused = true)]
async fn an_edited_field_is_one_write_of_that_object_alone() {
    let pm = push_manager(json!({}));
    for (name, key, pointer) in [
        ("ConfigMap", "configmaps/push-config", "/data/config.yaml"),
        (
            "ServiceAccount",
            "serviceaccounts/push",
            "/automountServiceAccountToken",
        ),
        ("Service", "services/push", "/spec/ports/0/targetPort"),
        (
            "Service",
            "services/push-pods",
            "/metadata/labels/app.kubernetes.io~1instance",
        ),
        (
            "Deployment",
            "deployments/push",
            "/spec/template/spec/containers/0/image",
        ),
        (
            "Deployment",
            "deployments/push",
            "/spec/template/spec/automountServiceAccountToken",
        ),
        (
            "Deployment",
            "deployments/push",
            "/metadata/ownerReferences",
        ),
        (
            "PodDisruptionBudget",
            "poddisruptionbudgets/push",
            "/spec/maxUnavailable",
        ),
    ] {
        let mut world = World::settled(&pm).await;
        world.edit(name, key, |object| {
            *object.pointer_mut(pointer).unwrap() = json!("changed");
        });
        world.reconcile(&pm).await.unwrap();
        let expected = [format!("PATCH {key}"), "POST events".to_owned()];
        assert_eq!(world.api.take(), expected, "{pointer}");
        world.reconcile(&pm).await.unwrap();
        assert_eq!(world.api.take(), [""; 0], "{pointer}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_field_that_was_taken_out_is_put_back() {
    let pm = push_manager(json!({}));
    for pointer in [
        "/spec/template/spec/automountServiceAccountToken",
        "/spec/template/spec/containers/0/securityContext/allowPrivilegeEscalation",
    ] {
        let mut world = World::settled(&pm).await;
        world.edit("Deployment", "deployments/push", |object| {
            let (parent, field) = pointer.rsplit_once('/').unwrap();
            let parent = object.pointer_mut(parent).unwrap();
            parent.as_object_mut().unwrap().remove(field).unwrap();
        });
        world.reconcile(&pm).await.unwrap();
        assert_eq!(
            world.api.take(),
            ["PATCH deployments/push", "POST events"],
            "{pointer}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn what_others_add_stays() {
    let pm = push_manager(json!({}));
    let mut world = World::settled(&pm).await;
    world.edit("Deployment", "deployments/push", |object| {
        object["metadata"]["annotations"] = json!({"deployment.kubernetes.io/revision": "1"});
        object["spec"]["progressDeadlineSeconds"] = json!(600);
        let containers = object
            .pointer_mut("/spec/template/spec/containers")
            .unwrap();
        containers
            .as_array_mut()
            .unwrap()
            .push(json!({"name": "sidecar"}));
    });
    world.edit("Service", "services/push", |object| {
        object["spec"]["clusterIP"] = json!("10.0.0.1");
    });
    world.reconcile(&pm).await.unwrap();
    assert_eq!(world.api.take(), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_child_that_was_deleted_is_made_again() {
    let pm = push_manager(json!({}));
    let mut world = World::settled(&pm).await;
    let gone = world.api.objects.remove("services/push").unwrap();
    let uid = gone["metadata"]["uid"].as_str().unwrap();
    let place = ("shop".to_owned(), "push".to_owned());
    world.context.live.remove(kind("Service"), &place, uid, 0);
    world.reconcile(&pm).await.unwrap();
    assert_eq!(
        world.api.take(),
        ["GET services/push", "PATCH services/push", "POST events"]
    );
}

#[tokio::test(start_paused = true)]
async fn a_feature_that_is_removed_is_one_delete_of_that_very_object() {
    let mut world = World::settled(&push_manager(json!({"networkPolicy": {}}))).await;
    let uid = world.api.objects["networkpolicies/push"]["metadata"]["uid"].clone();
    let less = push_manager(json!({}));
    world.reconcile(&less).await.unwrap();
    let deleted = world.api.log[0].clone();
    assert_eq!(
        world.api.take(),
        ["DELETE networkpolicies/push", "POST events"]
    );
    assert_eq!(deleted.body["preconditions"], json!({"uid": uid}));
    assert_eq!(deleted.body["propagationPolicy"], "Background");
    world.reconcile(&less).await.unwrap();
    assert_eq!(world.api.take(), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn what_is_removed_goes_last_and_after_who_used_it() {
    let mut world = World::settled(&push_manager(json!({}))).await;
    let given = push_manager(json!({"serviceAccount": {"name": "given"}}));
    world.reconcile(&given).await.unwrap();
    let expected = [
        "PATCH deployments/push",
        "DELETE serviceaccounts/push",
        "POST events",
    ];
    assert_eq!(world.api.take(), expected);
}

#[tokio::test(start_paused = true)]
async fn what_is_not_wanted_and_not_ours_is_not_deleted() {
    let mut world = World::settled(&push_manager(json!({"networkPolicy": {}}))).await;
    world.edit("NetworkPolicy", "networkpolicies/push", |object| {
        object["metadata"]["ownerReferences"][0]["uid"] = json!("another");
    });
    world.reconcile(&push_manager(json!({}))).await.unwrap();
    assert_eq!(world.api.take(), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_selector_that_can_t_be_changed_makes_the_object_anew() {
    let pm = push_manager(json!({}));
    let mut world = World::settled(&pm).await;
    let uid = world.api.objects["deployments/push"]["metadata"]["uid"].clone();
    world.edit("Deployment", "deployments/push", |object| {
        object["spec"]["selector"]["matchLabels"] = json!({"app": "old"});
    });
    let said =
        "Deployment.apps \"push\" is invalid: spec.selector: Invalid value: field is immutable";
    world
        .api
        .fail_about("PATCH deployments/push", 422, "spec.selector", said);
    world.reconcile(&pm).await.unwrap();
    let deleted = world.api.log[1].clone();
    assert_eq!(deleted.body["preconditions"]["uid"], uid);
    let expected = [
        "PATCH deployments/push",
        "DELETE deployments/push",
        "PATCH deployments/push",
        "POST events",
    ];
    assert_eq!(world.api.take(), expected);
}

#[tokio::test(start_paused = true)]
async fn a_refusal_that_only_sounds_like_that_deletes_nothing() {
    let pm = push_manager(json!({}));
    let mut world = World::settled(&pm).await;
    world.edit("Deployment", "deployments/push", |object| {
        object["spec"]["replicas"] = json!(9);
    });
    let said = "admission webhook denied the request: field is immutable";
    world
        .api
        .fail_about("PATCH deployments/push", 422, "spec.template", said);
    world.reconcile(&pm).await.unwrap_err();
    assert!(
        !world
            .api
            .take()
            .contains(&"DELETE deployments/push".to_owned())
    );
}

#[tokio::test(start_paused = true)]
async fn an_object_that_lost_its_owner_is_ours_again() {
    let pm = push_manager(json!({}));
    let mut world = World::settled(&pm).await;
    world.edit("Service", "services/push", |object| {
        object["metadata"]
            .as_object_mut()
            .unwrap()
            .remove("ownerReferences");
    });
    world.reconcile(&pm).await.unwrap();
    assert_eq!(world.api.take(), ["PATCH services/push", "POST events"]);
}
