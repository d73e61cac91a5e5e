//! What the operator may do: in some namespaces, without a right, and nothing beyond its needs.

use push_manager_envtest::{Cluster, Options};
use serde_json::{Value, json};

use crate::objects::Room;
use crate::operator::{OPERATOR, Operator, SYSTEM, install, printed, program, shared};

#[tokio::test]
async fn an_operator_for_some_namespaces_ignores_the_others() {
    let options = Options {
        controllers: false,
        audit: true,
    };
    let cluster: &'static Cluster = Box::leak(Box::new(Cluster::start(options).await));
    let mut rooms = Vec::new();
    for name in ["one", "two", "three"] {
        rooms.push(Room::open(cluster, name).await);
    }
    let watched = format!("{},{}", rooms[0].namespace, rooms[1].namespace);
    install(cluster, &program(), Some(&watched)).await;
    let mark = cluster.audit_mark().await;
    let operator = Operator::start(cluster, "operator", &["--namespaces", &watched]).await;
    for room in &rooms {
        room.apply("push", json!({})).await;
    }
    for room in &rooms[..2] {
        room.eventually("it is made", async || {
            Ok(room.deployment("push").await.ok_or("none")?)
        })
        .await;
        room.kubectl(&["delete", "service", "push"]).await;
        room.eventually("a deleted child is back", async || {
            Ok(room
                .object(("", "v1", "Service"), "push")
                .await
                .ok_or("not yet")?)
        })
        .await;
    }
    assert!(rooms[2].deployment("push").await.is_none());
    let pm = rooms[2].push_manager("push").await;
    assert!(pm.status.is_none(), "{:?}", pm.status);
    let user = format!("system:serviceaccount:{SYSTEM}:{OPERATOR}");
    let events = cluster.audit_since(mark).await;
    let beyond: Vec<_> = events
        .iter()
        .filter(|e| e.user == user && (e.code == 403 || e.namespace == rooms[2].namespace))
        .collect();
    assert!(beyond.is_empty(), "{beyond:#?}");
    drop(operator);
}

#[tokio::test]
async fn a_namespace_that_may_not_be_listed_keeps_no_other_from_its_work() {
    let options = Options {
        controllers: false,
        audit: false,
    };
    let cluster: &'static Cluster = Box::leak(Box::new(Cluster::start(options).await));
    let closed = Room::open(cluster, "closed").await;
    let open = Room::open(cluster, "open").await;
    install(cluster, &program(), Some(&open.namespace)).await;
    let both = format!("{},{}", closed.namespace, open.namespace);
    let alone = ["--leader-election", "false", "--namespaces", &both];
    let operator = Operator::start(cluster, "operator", &alone).await;
    for room in [&closed, &open] {
        room.apply("push", json!({})).await;
    }
    open.eventually("it is made", async || {
        Ok(open.deployment("push").await.ok_or("none")?)
    })
    .await;
    assert!(closed.deployment("push").await.is_none());
    assert!(operator.log().contains("forbidden"), "{}", operator.log());
}

#[tokio::test]
async fn a_right_that_is_missing_is_told_where_the_user_looks_and_works_once_given() {
    let options = Options {
        controllers: false,
        audit: false,
    };
    let cluster: &'static Cluster = Box::leak(Box::new(Cluster::start(options).await));
    install(cluster, &program(), None).await;
    let role = ["get", "clusterrole", OPERATOR, "-o", "json"];
    let whole: Value = serde_json::from_str(&cluster.kubectl(&role).await.stdout).unwrap();
    let mut less = whole.clone();
    for rule in less["rules"].as_array_mut().unwrap() {
        if rule["apiGroups"] == json!(["policy"]) {
            rule["verbs"] = json!(["get", "list", "watch"]);
        }
    }
    let narrowed = cluster
        .kubectl_with(&["replace", "-f", "-"], &less.to_string())
        .await;
    assert!(narrowed.success, "{}", narrowed.stderr);
    let room = Room::open(cluster, "denied").await;
    let _operator = Operator::start(cluster, "operator", &["--leader-election", "false"]).await;
    room.apply("push", json!({})).await;
    let condition = room
        .condition("push", "Degraded", "True", "ApplyRefused")
        .await;
    assert!(
        condition.message.contains("poddisruptionbudgets"),
        "{condition:?}"
    );
    assert!(condition.message.contains("forbidden"), "{condition:?}");
    assert!(room.deployment("push").await.is_some(), "the rest is made");
    let mut whole = whole;
    whole["metadata"]
        .as_object_mut()
        .unwrap()
        .remove("resourceVersion");
    let given = cluster
        .kubectl_with(&["replace", "-f", "-"], &whole.to_string())
        .await;
    assert!(given.success, "{}", given.stderr);
    room.condition("push", "Degraded", "False", "AsExpected")
        .await;
}

#[tokio::test]
async fn the_role_reads_no_secrets_gives_no_roles_and_asks_no_nodes() {
    shared().await;
    let manifests = printed(&program(), &["rbac", "-o", "json"]);
    let manifests: Value = serde_json::from_str(&manifests).unwrap();
    let mut resources = Vec::new();
    for item in manifests["items"].as_array().unwrap() {
        for rule in item["rules"].as_array().into_iter().flatten() {
            let verbs = rule["verbs"].as_array().unwrap();
            assert!(!verbs.contains(&json!("*")), "{rule}");
            resources.extend(rule["resources"].as_array().unwrap().clone());
        }
    }
    for never in [
        "secrets",
        "nodes",
        "nodes/proxy",
        "roles",
        "clusterroles",
        "*",
        "pods/exec",
    ] {
        assert!(!resources.contains(&json!(never)), "{never}");
    }
}

#[tokio::test]
async fn all_that_the_operator_asked_for_it_was_given() {
    let cluster = shared().await;
    let mark = cluster.audit_mark().await;
    let room = Room::open(cluster, "asked").await;
    room.apply("push", json!({"networkPolicy": {}})).await;
    room.settled("push").await;
    room.patch("pm/push", json!({"spec": {"networkPolicy": null}}))
        .await;
    room.eventually("the policy is gone", async || {
        match room
            .object(("networking.k8s.io", "v1", "NetworkPolicy"), "push")
            .await
        {
            Some(_) => Err("there".into()),
            None => Ok(()),
        }
    })
    .await;
    let user = format!("system:serviceaccount:{SYSTEM}:{OPERATOR}");
    let events = cluster.audit_since(mark).await;
    let ours: Vec<_> = events
        .iter()
        .filter(|e| e.user == user && e.namespace == room.namespace)
        .collect();
    assert!(!ours.is_empty());
    let refused: Vec<_> = ours.iter().filter(|e| e.code == 403).collect();
    assert!(refused.is_empty(), "{refused:#?}");
}
