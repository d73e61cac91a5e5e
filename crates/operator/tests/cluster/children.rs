//! Children: made, restored, removed, and left alone.

use serde_json::{Value, json};

use crate::objects::{Room, version};
use crate::operator::shared;

/// Each child that a PushManager `push` with everything on has, with an edit of a field of ours.
fn children() -> Vec<(
    (&'static str, &'static str, &'static str),
    &'static str,
    Value,
)> {
    let core = |kind| ("", "v1", kind);
    vec![
        (
            core("ConfigMap"),
            "push-config",
            json!({"data": {"config.yaml": "broken"}}),
        ),
        (
            core("ServiceAccount"),
            "push",
            json!({"automountServiceAccountToken": true}),
        ),
        (
            core("Service"),
            "push",
            json!({"spec": {"selector": {"app.kubernetes.io/name": "other"}}}),
        ),
        (
            core("Service"),
            "push-pods",
            json!({"metadata": {"labels": {"app.kubernetes.io/component": "x"}}}),
        ),
        (
            ("networking.k8s.io", "v1", "NetworkPolicy"),
            "push",
            json!({"spec": {"ingress": []}}),
        ),
        (
            ("apps", "v1", "Deployment"),
            "push",
            json!({"spec": {"replicas": 9}}),
        ),
        (
            ("policy", "v1", "PodDisruptionBudget"),
            "push",
            json!({"spec": {"maxUnavailable": 0}}),
        ),
        (
            ("autoscaling", "v2", "HorizontalPodAutoscaler"),
            "push",
            json!({"spec": {"maxReplicas": 99}}),
        ),
        (
            core("ConfigMap"),
            "push-dashboard",
            json!({"data": {"push-manager.json": "{}"}}),
        ),
    ]
}

/// Everything on, save what a cluster without Prometheus does not know.
fn everything() -> Value {
    json!({
        "networkPolicy": {},
        "autoscaling": {"minReplicas": 2, "maxReplicas": 4},
        "observability": {"grafanaDashboard": {}, "alerts": {}, "serviceMonitor": {}},
    })
}

#[tokio::test]
async fn each_child_is_restored_when_deleted_and_when_edited() {
    let room = Room::open(shared().await, "restored").await;
    room.apply("push", everything()).await;
    room.settled("push").await;
    for (kind, name, edit) in children() {
        let there = room.eventually(name, async || {
            Ok(room.object(kind, name).await.ok_or("not there yet")?)
        });
        let made = there.await;
        let what = format!(
            "{}.{}",
            kind.2,
            if kind.0.is_empty() { "v1." } else { kind.0 }
        );
        let what = format!("{}/{name}", what.trim_end_matches(".v1."));
        // The Deployment's replicas are the autoscaler's, once it said something.
        if kind.2 != "Deployment" {
            room.patch(&what, edit.clone()).await;
            room.eventually(&format!("{what} is as it was"), async || {
                let now = room.object(kind, name).await.ok_or("gone")?;
                let same = |key: &str| now.get(key) == made.get(key);
                let labels = now["metadata"]["labels"] == made["metadata"]["labels"];
                let as_it_was = ["data", "spec", "automountServiceAccountToken"]
                    .iter()
                    .all(|key| same(key));
                if as_it_was && labels && version(&now) != version(&made) {
                    Ok(())
                } else {
                    Err(format!("{now:#}").into())
                }
            })
            .await;
        }
        room.kubectl(&["delete", &what]).await;
        room.eventually(&format!("{what} is there again"), async || {
            let now = room.object(kind, name).await.ok_or("not there yet")?;
            if version(&now).0 == version(&made).0 {
                Err("still the old one".into())
            } else {
                Ok(())
            }
        })
        .await;
    }
}

#[tokio::test]
async fn an_edit_of_the_deployment_is_restored() {
    let room = Room::open(shared().await, "edited").await;
    room.apply("push", json!({"replicas": 2})).await;
    room.settled("push").await;
    room.kubectl(&["scale", "deployment/push", "--replicas", "7"])
        .await;
    room.kubectl(&["set", "image", "deployment/push", "push-manager=other:1"])
        .await;
    room.eventually("the Deployment is as the spec says", async || {
        let deployment = room.deployment("push").await.ok_or("gone")?;
        let spec = deployment.spec.unwrap_or_default();
        let pod = spec.template.spec.unwrap_or_default();
        let image = pod.containers.first().and_then(|c| c.image.clone());
        let wanted = format!("push-manager:{}", env!("CARGO_PKG_VERSION"));
        if spec.replicas == Some(2) && image == Some(wanted) {
            Ok(())
        } else {
            Err(format!("{:?} {image:?}", spec.replicas).into())
        }
    })
    .await;
}

#[tokio::test]
async fn what_was_taken_away_from_a_child_is_put_back() {
    let room = Room::open(shared().await, "weakened").await;
    room.apply(
        "push",
        json!({"networkPolicy": {"clients": [{"podSelector": {}}]}, "disruption": {"maxUnavailable": 0}}),
    )
    .await;
    room.settled("push").await;
    let policy = ("networking.k8s.io", "v1", "NetworkPolicy");
    room.eventually("the policy is there", async || {
        Ok(room.object(policy, "push").await.ok_or("none")?)
    })
    .await;
    // What is false or empty looks the same when it is gone: it is not.
    for (what, patch) in [
        (
            "serviceaccount/push",
            r#"[{"op": "remove", "path": "/automountServiceAccountToken"}]"#,
        ),
        (
            "deployment/push",
            r#"[{"op": "remove", "path": "/spec/template/spec/automountServiceAccountToken"},
                {"op": "remove", "path": "/spec/template/spec/containers/0/securityContext/allowPrivilegeEscalation"}]"#,
        ),
        (
            "networkpolicy/push",
            r#"[{"op": "replace", "path": "/spec/ingress/0/from", "value": [{"namespaceSelector": {}}]}]"#,
        ),
        (
            "networkpolicy/push",
            r#"[{"op": "add", "path": "/spec/ingress/1/from", "value": [{"podSelector": {"matchLabels": {"a": "b"}}}]}]"#,
        ),
    ] {
        let before = room.kubectl(&["get", what, "-o", "json"]).await;
        let before: Value = serde_json::from_str(&before).unwrap();
        room.kubectl(&["patch", what, "--type", "json", "-p", patch])
            .await;
        room.eventually(&format!("{what} is as it was"), async || {
            let now = room.kubectl(&["get", what, "-o", "json"]).await;
            let now: Value = serde_json::from_str(&now)?;
            let same = |key: &str| now.get(key) == before.get(key);
            if same("spec")
                && same("automountServiceAccountToken")
                && version(&now) != version(&before)
            {
                Ok(())
            } else {
                Err(now.to_string().into())
            }
        })
        .await;
    }
}

#[tokio::test]
async fn two_who_change_a_field_back_and_forth_are_told_and_one_holds_still() {
    let room = Room::open(shared().await, "contested").await;
    room.apply("push", json!({})).await;
    room.settled("push").await;
    room.eventually("it is told", async || {
        room.patch("pdb/push", json!({"spec": {"maxUnavailable": 7}}))
            .await;
        let pm = room.push_manager("push").await;
        let degraded = crate::objects::condition(&pm, "Degraded").ok_or("none")?;
        if degraded.reason == "Contested" {
            Ok(())
        } else {
            Err(degraded.message.into())
        }
    })
    .await;
    let budget = ("policy", "v1", "PodDisruptionBudget");
    let before = version(&room.object(budget, "push").await.unwrap());
    tokio::time::sleep(std::time::Duration::from_secs(2)).await;
    assert_eq!(version(&room.object(budget, "push").await.unwrap()), before);
}

#[tokio::test]
async fn a_field_that_can_t_be_changed_is_right_in_a_new_object() {
    let room = Room::open(shared().await, "selector").await;
    room.apply("push", json!({"paused": true, "replicas": 2}))
        .await;
    room.condition("push", "Paused", "True", "Paused").await;
    let uid = room.push_manager("push").await.metadata.uid;
    let old = json!({
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "push", "ownerReferences": [{
            "apiVersion": "pushmanager.io/v1alpha1", "kind": "PushManager",
            "name": "push", "uid": uid, "controller": true,
        }]},
        "spec": {
            "selector": {"matchLabels": {"app": "push"}},
            "template": {
                "metadata": {"labels": {"app": "push"}},
                "spec": {"containers": [{"name": "old", "image": "old"}]},
            },
        },
    });
    room.try_apply(&old).await.unwrap();
    room.patch("pm/push", json!({"spec": {"paused": false}}))
        .await;
    room.eventually("the selector is the new one", async || {
        let deployment = room
            .object(("apps", "v1", "Deployment"), "push")
            .await
            .ok_or("none")?;
        let selector = &deployment["spec"]["selector"]["matchLabels"];
        if selector["app.kubernetes.io/name"] == "push-manager"
            && deployment["spec"]["replicas"] == 2
        {
            Ok(())
        } else {
            Err(deployment["spec"].to_string().into())
        }
    })
    .await;
    room.condition("push", "Degraded", "False", "AsExpected")
        .await;
}

#[tokio::test]
async fn an_account_that_is_named_as_ours_stays() {
    let room = Room::open(shared().await, "account").await;
    room.apply("push", json!({})).await;
    room.settled("push").await;
    let account = ("", "v1", "ServiceAccount");
    let before = version(&room.object(account, "push").await.unwrap());
    room.patch(
        "pm/push",
        json!({"spec": {"serviceAccount": {"name": "push"}}}),
    )
    .await;
    room.settled("push").await;
    assert_eq!(
        version(&room.object(account, "push").await.unwrap()),
        before
    );
    room.patch(
        "pm/push",
        json!({"spec": {"serviceAccount": {"name": "other"}}}),
    )
    .await;
    room.eventually("ours is gone", async || {
        match room.object(account, "push").await {
            Some(_) => Err("there".into()),
            None => Ok(()),
        }
    })
    .await;
}

#[tokio::test]
async fn a_label_that_the_watch_needs_is_restored() {
    let room = Room::open(shared().await, "label").await;
    room.apply("push", json!({})).await;
    room.settled("push").await;
    room.kubectl(&["label", "service/push", "app.kubernetes.io/managed-by-"])
        .await;
    room.eventually("the label is there again", async || {
        let service = room
            .object(("", "v1", "Service"), "push")
            .await
            .ok_or("gone")?;
        let label = &service["metadata"]["labels"]["app.kubernetes.io/managed-by"];
        if label == "push-manager-operator" {
            Ok(())
        } else {
            Err(format!("{label}").into())
        }
    })
    .await;
}

#[tokio::test]
async fn what_others_add_stays() {
    let room = Room::open(shared().await, "additions").await;
    room.apply("push", json!({"replicas": 1})).await;
    room.settled("push").await;
    room.kubectl(&["annotate", "service/push", "team=messaging"])
        .await;
    room.kubectl(&["rollout", "restart", "deployment/push"])
        .await;
    // Something of ours changes, so that everything is applied anew.
    room.patch(
        "pm/push",
        json!({"spec": {"replicas": 2, "service": {"annotations": {"a": "b"}}}}),
    )
    .await;
    room.eventually("ours is there beside theirs", async || {
        let service = room
            .object(("", "v1", "Service"), "push")
            .await
            .ok_or("gone")?;
        let notes = &service["metadata"]["annotations"];
        let deployment = room
            .object(("apps", "v1", "Deployment"), "push")
            .await
            .ok_or("gone")?;
        let pod = &deployment["spec"]["template"]["metadata"]["annotations"];
        let restarted = pod.get("kubectl.kubernetes.io/restartedAt").is_some();
        if notes["team"] == "messaging" && notes["a"] == "b" && restarted {
            Ok(())
        } else {
            Err(format!("{notes} {pod}").into())
        }
    })
    .await;
}

#[tokio::test]
async fn a_feature_that_is_removed_takes_its_child_along() {
    let room = Room::open(shared().await, "removed").await;
    room.apply("push", everything()).await;
    room.settled("push").await;
    let featured = [
        ("networking.k8s.io", "v1", "NetworkPolicy"),
        ("autoscaling", "v2", "HorizontalPodAutoscaler"),
    ];
    room.eventually("the features' children are there", async || {
        for kind in featured {
            room.object(kind, "push").await.ok_or(kind.2)?;
        }
        Ok(room
            .object(("", "v1", "ConfigMap"), "push-dashboard")
            .await
            .ok_or("dashboard")?)
    })
    .await;
    let off = json!({"spec": {"networkPolicy": null, "autoscaling": null, "observability": null}});
    room.patch("pm/push", off).await;
    room.eventually("the features' children are gone", async || {
        for kind in featured {
            if room.object(kind, "push").await.is_some() {
                return Err(kind.2.into());
            }
        }
        match room.object(("", "v1", "ConfigMap"), "push-dashboard").await {
            Some(_) => Err("the dashboard is still there".into()),
            None => Ok(()),
        }
    })
    .await;
    assert!(
        room.object(("apps", "v1", "Deployment"), "push")
            .await
            .is_some()
    );
}

#[tokio::test]
async fn a_kind_that_the_cluster_lacks_is_left_out_and_said() {
    let room = Room::open(shared().await, "lacking").await;
    room.apply(
        "push",
        json!({"observability": {"alerts": {}, "serviceMonitor": {}}}),
    )
    .await;
    let condition = room
        .condition("push", "Degraded", "False", "AsExpected")
        .await;
    assert!(
        condition.message.contains("ServiceMonitor is left out"),
        "{condition:?}"
    );
    assert!(
        condition.message.contains("PrometheusRule is left out"),
        "{condition:?}"
    );
}
