//! How the id that the Controller gives finds its node among etcd's registrations.

use std::{collections::HashMap, sync::Arc};

use push_manager::server::Server;

use crate::{
    bed::{client_of, config, eventually},
    etcd::EtcdProcess,
    fakes::{FakeController, member},
    scene::{Listener, send_room},
};

const ROOM: &str = "room-001";

#[tokio::test(flavor = "multi_thread")]
async fn metadata_then_the_keys_segment_then_the_address_name_a_node_in_etcd() {
    let etcd = EtcdProcess::start().await;
    let users = [
        "by-metadata",
        "by-segment",
        "by-address",
        "at-plain-segment",
    ];
    let mut nodes = HashMap::new();
    for user in users {
        nodes.insert(user, Listener::having(&[user]).await);
    }
    let address = |user: &str| nodes[user].address.to_string();
    let value = |user: &str, metadata: &str| {
        let address = address(user);
        format!(r#"{{"Op":0,"Addr":"{address}","Metadata":{metadata}}}"#)
    };
    // "id-2" is in the metadata of one and in the key of another: metadata wins.
    let metadata = value("by-metadata", r#"{"node_id":"id-2"}"#);
    etcd.put("connect-node/id-1", metadata).await;
    let metadata = value("by-segment", r#"{"node_id":"id-3"}"#);
    etcd.put("connect-node/id-2", metadata).await;
    let key = format!("connect-node/{}", address("by-address"));
    etcd.put(&key, value("by-address", "null")).await;
    let key = "/services/connect-node/id-4";
    etcd.put(key, address("at-plain-segment")).await;
    let ids = [
        ("by-metadata", "id-2".to_owned()),
        ("by-address", address("by-address")),
        ("at-plain-segment", "id-4".to_owned()),
    ];
    let list: Vec<_> = ids.iter().map(|(user, id)| member(user, id)).collect();
    let controller = FakeController {
        room: Arc::new(move |_| Ok(list.clone())),
        ..FakeController::empty()
    };
    let mut config = config();
    config.etcd.endpoints = vec![etcd.endpoint()];
    config.registration.enabled = false;
    config.controller.address = controller.serve().await.to_string();
    let server = Server::start(&config, None).await.unwrap();
    eventually("the set is known", || {
        server.readiness().state().why_not().is_none()
    })
    .await;
    let client = client_of(server.grpc_addr());
    let answer = send_room(client, ROOM, "hello").await;
    assert_eq!(answer.message, "3 of 3 nodes reached; 3 delivered");
    for (user, _) in &ids {
        let batches = nodes[user].take().batches;
        assert_eq!(batches.len(), 1, "{user}");
        assert_eq!(batches[0].user_ids, [user.to_string()]);
    }
    assert!(nodes["by-segment"].take().batches.is_empty());
}
