//! The API server goes, comes back, and forgets; the operator is away and comes back.

use std::time::Duration;

use push_manager_envtest::{Cluster, Options};
use serde_json::json;

use crate::objects::Room;
use crate::operator::{Operator, install, program};

async fn cluster(controllers: bool) -> &'static Cluster {
    let options = Options {
        controllers,
        audit: false,
    };
    let cluster = Box::leak(Box::new(Cluster::start(options).await));
    install(cluster, &program(), None).await;
    cluster
}

#[tokio::test]
async fn an_api_server_that_restarts_amid_reconciles_is_caught_up_with() {
    let cluster = cluster(false).await;
    let room = Room::open(cluster, "restart").await;
    let alone = ["--leader-election", "false"];
    let operator = Operator::start(cluster, "operator", &alone).await;
    operator.says("reconciling").await;
    let many: Vec<_> = (0..40)
        .map(|index| crate::objects::manifest(&format!("push-{index}"), json!({})))
        .collect();
    let list = json!({"apiVersion": "v1", "kind": "List", "items": many});
    room.try_apply(&list).await.unwrap();
    // Some are made by now, some are being made, some are not.
    cluster.restart_api_server().await;
    room.within_time(Duration::from_secs(90), "all are made", async || {
        let made = room.kubectl(&[
            "get",
            "deploy,pdb,cm,svc",
            "-o",
            "name",
            "-l",
            "app.kubernetes.io/managed-by",
        ]);
        let made = made.await.lines().count();
        if made == 40 * 5 {
            Ok(())
        } else {
            Err(format!("{made} children").into())
        }
    })
    .await;
    // The watches that broke follow again.
    room.kubectl(&["delete", "pdb", "push-7"]).await;
    room.within_time(
        Duration::from_mins(1),
        "a deleted child is back",
        async || {
            let kind = ("policy", "v1", "PodDisruptionBudget");
            Ok(room.object(kind, "push-7").await.ok_or("not yet")?)
        },
    )
    .await;
}

#[tokio::test]
async fn while_the_operator_is_away_pods_stay_and_a_change_waits_for_its_return() {
    let cluster = cluster(false).await;
    let room = Room::open(cluster, "away").await;
    let operator = Operator::start(cluster, "first", &[]).await;
    room.apply("push", json!({"replicas": 2})).await;
    room.eventually("it is made", async || {
        Ok(room.deployment("push").await.ok_or("none")?)
    })
    .await;
    assert!(operator.stop().await.success());
    let before = room.deployment("push").await.unwrap();

    room.patch("pm/push", json!({"spec": {"replicas": 4}}))
        .await;
    room.kubectl(&["delete", "service", "push-pods"]).await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    let meanwhile = room.deployment("push").await.unwrap();
    assert_eq!(
        meanwhile.metadata.resource_version,
        before.metadata.resource_version
    );

    let _operator = Operator::start(cluster, "second", &[]).await;
    room.eventually("what changed meanwhile is carried out", async || {
        let spec = room
            .deployment("push")
            .await
            .and_then(|d| d.spec)
            .unwrap_or_default();
        let service = room.object(("", "v1", "Service"), "push-pods").await;
        if spec.replicas == Some(4) && service.is_some() {
            Ok(())
        } else {
            Err(format!("{:?} {}", spec.replicas, service.is_some()).into())
        }
    })
    .await;
}

#[tokio::test]
async fn a_namespace_is_deleted_with_the_operator_stopped_and_with_it_at_work() {
    let cluster = cluster(true).await;
    let stopped = Room::open(cluster, "stopped").await;
    let working = Room::open(cluster, "working").await;
    let operator = Operator::start(cluster, "operator", &[]).await;
    for room in [&stopped, &working] {
        room.apply("push", json!({})).await;
        room.eventually("it is made", async || {
            Ok(room.deployment("push").await.ok_or("none")?)
        })
        .await;
    }
    let gone = async |room: &Room| {
        let away = ["delete", "namespace", &room.namespace, "--timeout=60s"];
        let deleted = cluster.kubectl(&away).await;
        assert!(deleted.success, "{}", deleted.stderr);
    };
    gone(&working).await;
    assert!(operator.stop().await.success());
    gone(&stopped).await;
}

#[tokio::test]
async fn an_operator_without_its_definition_says_what_to_do_and_starts_once_it_is_there() {
    let options = Options {
        controllers: false,
        audit: false,
    };
    let cluster: &'static Cluster = Box::leak(Box::new(Cluster::start(options).await));
    install(cluster, &program(), None).await;
    let crd = "crd/pushmanagers.pushmanager.io";
    assert!(cluster.kubectl(&["delete", crd]).await.success);
    let operator = Operator::start(cluster, "operator", &["--leader-election", "false"]).await;
    operator.says("is their definition installed").await;
    crate::operator::define(cluster, &program()).await;
    let room = Room::open(cluster, "late").await;
    room.apply("push", json!({})).await;
    room.within_time(Duration::from_mins(1), "it is made", async || {
        Ok(room.deployment("push").await.ok_or("none")?)
    })
    .await;
}
