//! From the version before to this one: nobody's pods are moved.

use push_manager_envtest::{Cluster, Kubelet, Options};
use serde_json::{Value, json};

use crate::objects::Room;
use crate::operator::{Operator, SYSTEM, apply, define, install, printed, program};

/// What should stay: templates, generations, identities.
async fn standing(room: &Room) -> Vec<(String, Value)> {
    let mut standing = Vec::new();
    for name in ["least", "wide"] {
        let deployment = room
            .object(("apps", "v1", "Deployment"), name)
            .await
            .unwrap();
        standing.push((
            format!("{name} template"),
            deployment["spec"]["template"].clone(),
        ));
        for key in ["generation", "uid"] {
            standing.push((format!("{name} {key}"), deployment["metadata"][key].clone()));
        }
        let pm = room
            .object(("pushmanager.io", "v1alpha1", "PushManager"), name)
            .await
            .unwrap();
        standing.push((format!("{name} spec"), pm["spec"].clone()));
    }
    standing
}

#[tokio::test]
async fn an_upgrade_of_the_operator_moves_nobody() {
    let before = std::env::var_os("PREVIOUS_OPERATOR");
    let before = before.expect("`cargo xtask test` names the version before in PREVIOUS_OPERATOR");
    let before = std::path::PathBuf::from(before);
    let (old, new) = (
        std::fs::read(&before).unwrap(),
        std::fs::read(program()).unwrap(),
    );
    assert!(
        old != new,
        "the two versions are one: this would prove nothing"
    );

    let options = Options {
        controllers: true,
        audit: false,
    };
    let cluster: &'static Cluster = Box::leak(Box::new(Cluster::start(options).await));
    install(cluster, &before, None).await;
    let room = Room::open(cluster, "upgrade").await;
    let _kubelet = Kubelet::run(cluster.kubelet_client().await, &room.namespace);
    let first = Operator::start_program(cluster, &before, "before", &[]).await;
    room.apply("least", json!({})).await;
    room.apply(
        "wide",
        json!({
            "replicas": 2,
            "networkPolicy": {},
            "fanout": {"deadline": "3s", "queueBytes": "64Mi"},
            "limits": {"maxData": "2Mi"},
            "resources": {"requests": {"cpu": "500m", "memory": "1Gi"}},
            "podTemplate": {"labels": {"team": "x"}, "env": [{"name": "A", "value": "b"}]},
            "etcd": {"authSecretRef": {"name": "etcd"}},
            "observability": {"logLevel": "debug", "grafanaDashboard": {}},
        }),
    )
    .await;
    for name in ["least", "wide"] {
        room.condition(name, "Progressing", "False", "RolledOut")
            .await;
    }
    assert!(first.stop().await.success());
    let standing_before = standing(&room).await;

    define(cluster, &program()).await;
    apply(
        cluster,
        &printed(&program(), &["rbac", "--namespace", SYSTEM]),
    )
    .await;
    let second = Operator::start(cluster, "after", &[]).await;
    second.says("reconciling").await;
    // It works: an edit of something else is mended by it.
    room.kubectl(&["delete", "pdb", "least"]).await;
    let budget = ("policy", "v1", "PodDisruptionBudget");
    room.eventually("the new one works", async || {
        Ok(room.object(budget, "least").await.ok_or("no")?)
    })
    .await;
    tokio::time::sleep(std::time::Duration::from_secs(3)).await;
    assert_eq!(standing(&room).await, standing_before);
    for name in ["least", "wide"] {
        room.condition(name, "Progressing", "False", "RolledOut")
            .await;
    }
}
