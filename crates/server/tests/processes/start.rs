//! The start waits for etcd, says so, and needs no second one.

use std::time::Duration;

use tokio::time::sleep;
use tonic::Code;
use tonic_health::pb::{
    HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
};

use crate::{
    bed::text,
    etcd::EtcdProcess,
    system::{ControllerProcess, Manager, NodeProcess, until},
};
use push_manager_proto::pubsub::BroadcastMessageRequest;

fn news() -> BroadcastMessageRequest {
    BroadcastMessageRequest {
        content: Some(text("news")),
        options: None,
    }
}

async fn health(manager: &Manager, service: &str) -> ServingStatus {
    let request = HealthCheckRequest {
        service: service.to_owned(),
    };
    let answer = HealthClient::new(manager.channel()).check(request).await;
    answer.unwrap().into_inner().status()
}

#[tokio::test(flavor = "multi_thread")]
async fn without_etcd_the_server_stays_up_and_says_what_it_waits_for() {
    let mut etcd = EtcdProcess::reserve();
    let endpoint = etcd.endpoint();
    let controller = ControllerProcess::start(&[]).await;
    let controller_address = controller.grpc.to_string();
    let env = [
        ("ETCD_ENDPOINTS", endpoint.as_str()),
        ("CONTROLLER_ADDRESS", controller_address.as_str()),
    ];
    let mut manager = Manager::start(&[], &env).await;
    manager.process.log_line("waiting for etcd").await;
    // Some rounds of attempts: what follows must hold in all of them.
    sleep(Duration::from_secs(3)).await;

    assert_eq!(manager.get("/healthz").await, (200, "ok\n".to_owned()));
    let (status, why) = manager.get("/readyz").await;
    assert_eq!(status, 503);
    assert!(why.starts_with("not ready: "), "{why}");
    assert!(why.contains("etcd") && why.contains(&endpoint), "{why}");

    let refused = manager
        .client()
        .broadcast_message(news())
        .await
        .unwrap_err();
    assert_eq!(refused.code(), Code::Unavailable);
    let message = refused.message();
    assert!(message.starts_with("not ready: "), "{message}");
    assert!(message.contains(&endpoint), "{message}");
    for service in ["", "pubsub.PushManagerService"] {
        assert_eq!(health(&manager, service).await, ServingStatus::NotServing);
    }

    let told = manager.process.logged("waiting for etcd");
    assert_eq!(
        told, 1,
        "an outage is told once a minute, not at each attempt"
    );
    let lines = manager.process.log();
    assert!(lines.len() <= 6, "no flood: {lines:#?}");

    etcd.restart().await;
    manager.ready().await;
    let node = NodeProcess::start("connect-node-1", &endpoint, controller.grpc, &[]).await;
    manager.nodes(1).await;
    let mut client = node.join("user-001", "room-001").await;
    let answer = manager.client().broadcast_message(news()).await.unwrap();
    assert_eq!(answer.into_inner().total_delivered, 1);
    assert_eq!(client.data().await, "news");
    let serving = async || health(&manager, "").await == ServingStatus::Serving;
    until("health is SERVING", serving).await;
    assert!(manager.process.runs(), "the same process all along");
    assert_eq!(manager.process.logged("push-manager started"), 1);
}
