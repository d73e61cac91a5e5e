//! How callers find the server in etcd, also after it was killed and came back.

use std::time::Duration;

use serde_json::Value;
use tokio::time::sleep;

use crate::{
    etcd::EtcdProcess,
    system::{Manager, until},
};

const TTL: Duration = Duration::from_secs(2);

/// The instance that the key names, where the rest is as callers expect it.
async fn instance(etcd: &EtcdProcess, address: &str) -> Option<String> {
    let (value, lease) = etcd.get(&format!("push-manager/{address}")).await?;
    assert_ne!(lease, 0, "the key is bound to a lease");
    let value: Value = serde_json::from_str(&value).unwrap();
    assert_eq!(value["Op"], 0, "{value}");
    assert_eq!(value["Addr"], address, "{value}");
    Some(
        value["Metadata"]["instance_id"]
            .as_str()
            .unwrap()
            .to_owned(),
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_killed_and_restarted_shows_its_new_instance_and_keeps_its_key() {
    let etcd = EtcdProcess::start().await;
    let endpoint = etcd.endpoint();
    let env = [
        ("ETCD_ENDPOINTS", endpoint.as_str()),
        ("PM_REGISTRATION_TTL", "2s"),
    ];
    let mut first = Manager::start(&[], &env).await;
    let address = first.grpc.to_string();
    until("it is registered", async || {
        instance(&etcd, &address).await.is_some()
    })
    .await;
    let old = instance(&etcd, &address).await.unwrap();
    assert_eq!(first.process.logged(&format!("instance={old}")), 1);

    first.process.kill();
    let port = first.grpc.port().to_string();
    let second = Manager::start(&["--grpc-port", &port], &env).await;
    assert_eq!(second.grpc, first.grpc);
    let renewed = async || {
        instance(&etcd, &address)
            .await
            .is_some_and(|now| now != old)
    };
    until("the key shows the new instance", renewed).await;
    let new = instance(&etcd, &address).await.unwrap();
    // The end of the old lease must not take the new key with it.
    sleep(TTL + Duration::from_secs(2)).await;
    assert_eq!(instance(&etcd, &address).await, Some(new));
}
