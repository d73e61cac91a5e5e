//! What is as it should be is left alone, and nothing that is written is written twice.

use std::collections::BTreeMap;
use std::time::Duration;

use push_manager_envtest::{AuditEvent, Cluster, Kubelet, Options};
use serde_json::{Value, json};

use crate::objects::Room;
use crate::operator::{OPERATOR, Operator, SYSTEM, install, program};

const READS: [&str; 3] = ["get", "list", "watch"];

/// What the operator wrote, but for its Lease.
fn writes(events: Vec<AuditEvent>) -> Vec<AuditEvent> {
    let user = format!("system:serviceaccount:{SYSTEM}:{OPERATOR}");
    let written = |event: &AuditEvent| {
        event.user == user && !READS.contains(&event.verb.as_str()) && event.resource != "leases"
    };
    events.into_iter().filter(written).collect()
}

/// Everything on, and values that the API server writes in its own way.
fn wide() -> Value {
    json!({
        "replicas": 2,
        "resources": {"requests": {"cpu": "1000m", "memory": "1024Mi"}, "limits": {"memory": 2_147_483_648_i64}},
        "podTemplate": {
            "labels": {"team": "messaging"},
            "env": [{"name": "RUST_BACKTRACE", "value": ""}, {"name": "X", "value": "1000m"}],
            "tolerations": [{"key": "spot", "operator": "Exists", "effect": "NoSchedule"}],
        },
        "networkPolicy": {"clients": [{"podSelector": {}}]},
        "autoscaling": {"minReplicas": 2, "maxReplicas": 4, "metrics": [{
            "type": "Pods",
            "pods": {"metric": {"name": "pushes"}, "target": {"type": "AverageValue", "averageValue": "1000m"}},
        }]},
        "observability": {"grafanaDashboard": {}, "sampling": 0.5},
        "topologySpread": [],
        "disruption": {"maxUnavailable": 0},
    })
}

async fn versions(room: &Room) -> BTreeMap<String, String> {
    let kinds = "pm,deploy,cm,svc,sa,pdb,hpa,networkpolicy";
    let listed = room.kubectl(&["get", kinds, "-o", "json"]).await;
    let listed: Value = serde_json::from_str(&listed).unwrap();
    let items = listed["items"].as_array().unwrap().iter();
    let ours = items.filter(|item| item["kind"] != "HorizontalPodAutoscaler");
    ours.map(|item| {
        let name = format!("{} {}", item["kind"], item["metadata"]["name"]);
        (name, item["metadata"]["resourceVersion"].to_string())
    })
    .collect()
}

#[tokio::test]
async fn a_second_pass_writes_nothing_but_the_lease() {
    let cluster = Box::leak(Box::new(
        Cluster::start(Options {
            controllers: true,
            audit: true,
        })
        .await,
    ));
    install(cluster, &program(), None).await;
    let room = Room::open(cluster, "quiet").await;
    let _kubelet = Kubelet::run(cluster.kubelet_client().await, &room.namespace);
    let first = Operator::start(cluster, "first", &[]).await;
    room.apply("push", wide()).await;
    room.apply("least", json!({})).await;
    for name in ["push", "least"] {
        room.condition(name, "Progressing", "False", "RolledOut")
            .await;
    }
    // Nobody measures pods here: the autoscaler says so once, which is told.
    room.eventually("the autoscaler's word is told", async || {
        let pm = room.push_manager("push").await;
        let degraded = crate::objects::condition(&pm, "Degraded").ok_or("none")?;
        if degraded.message.contains("the autoscaler can't scale") {
            Ok(())
        } else {
            Err(degraded.message.into())
        }
    })
    .await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    let before = versions(&room).await;
    assert!(first.stop().await.success());

    // A new operator looks at everything; what it sees is as it should be.
    let mark = cluster.audit_mark().await;
    let second = Operator::start(cluster, "second", &[]).await;
    second.says("reconciling").await;
    tokio::time::sleep(Duration::from_secs(5)).await;
    let written = writes(cluster.audit_since(mark).await);
    assert!(written.is_empty(), "{written:#?}");
    let page = second.metrics().await;
    let looked = page
        .lines()
        .find(|l| l.contains("reconciles_total{result=\"ok\"}"));
    let looked = looked.and_then(|line| line.rsplit(' ').next()?.parse::<u32>().ok());
    assert!(looked.is_some_and(|count| count >= 2), "{page}");

    // And it stays so.
    tokio::time::sleep(Duration::from_mins(1)).await;
    assert_eq!(
        versions(&room).await,
        before,
        "resourceVersions stand still for a minute"
    );
    let written = writes(cluster.audit_since(mark).await);
    assert!(written.is_empty(), "{written:#?}");

    // The proof can fail: an edit is seen as a write.
    room.patch("pdb/least", json!({"spec": {"maxUnavailable": 0}}))
        .await;
    room.eventually("the edit is mended", async || {
        let written = writes(cluster.audit_since(mark).await);
        let patched = written.iter().any(|e| e.resource == "poddisruptionbudgets");
        if patched {
            Ok(())
        } else {
            Err(format!("{written:?}").into())
        }
    })
    .await;
}
