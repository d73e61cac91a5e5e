//! A Connect-Node that dies costs the others nothing, is forgotten, and is
//! served again when it returns.

use crate::{
    bed::{outcomes, text},
    etcd::EtcdProcess,
    system::{NodeProcess, System, until},
};
use push_manager_proto::pubsub::{BroadcastMessageRequest, BroadcastMessageResponse, Outcome};

async fn broadcast(system: &System, data: &str) -> BroadcastMessageResponse {
    let request = BroadcastMessageRequest {
        content: Some(text(data)),
        options: None,
    };
    let answer = system.manager.client().broadcast_message(request).await;
    answer.unwrap().into_inner()
}

async fn is_registered(etcd: &EtcdProcess, node: &NodeProcess) -> bool {
    etcd.get(&format!("connect-node/{}", node.grpc))
        .await
        .is_some()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_node_is_named_then_forgotten_then_served_again_on_the_same_port() {
    let system = System::with(3, &[], &[], &["--etcd-ttl", "3"]).await;
    let mut system = system;
    let mut first = system.nodes[0].join("user-001", "room-001").await;
    let _second = system.nodes[1].join("user-002", "room-001").await;
    let mut third = system.nodes[2].join("user-003", "room-001").await;
    assert_eq!(broadcast(&system, "all").await.total_delivered, 3);
    assert_eq!(
        (first.data().await, third.data().await),
        ("all".into(), "all".into())
    );

    system.nodes[1].process.kill();
    let answer = broadcast(&system, "two").await;
    assert!(!answer.success);
    assert_eq!(answer.total_delivered, 2);
    let message = &answer.message;
    assert!(
        message.starts_with("2 of 3 nodes reached; connect-node-2: "),
        "{message}"
    );
    let counted = outcomes(answer.receipt.as_ref());
    assert_eq!(counted[&Outcome::Delivered], 2);
    assert_eq!(
        counted.values().sum::<i64>(),
        3,
        "the dead node is one target"
    );
    assert_eq!(
        (first.data().await, third.data().await),
        ("two".into(), "two".into())
    );

    let gone = async || !is_registered(&system.etcd, &system.nodes[1]).await;
    until("its lease runs out", gone).await;
    system.manager.nodes(2).await;
    let answer = broadcast(&system, "still two").await;
    assert!(answer.success, "{}", answer.message);
    assert_eq!(answer.message, "2 of 2 nodes reached; 2 delivered");
    let (_, exposition) = system.manager.get("/metrics").await;
    assert!(
        !exposition.contains("connect-node-2"),
        "its series went with it"
    );

    let port = system.nodes[1].grpc.port().to_string();
    let args = ["--etcd-ttl", "3", "--grpc-port", &port];
    system.add_node("connect-node-2", &args).await;
    system.manager.nodes(3).await;
    let mut back = system.nodes[3].join("user-002", "room-001").await;
    let answer = broadcast(&system, "again").await;
    assert_eq!(answer.message, "3 of 3 nodes reached; 3 delivered");
    assert_eq!(back.data().await, "again");
}
