//! One node, one RPC and the events in detail, while someone looks.

use push_manager::ids::NodeId;
use push_manager_proto::admin::{EventsRequest, WatchApiRequest, WatchNodeRequest};
use tonic::Code;

use crate::{
    bed::Bed,
    console::{admin, often},
};

#[tokio::test(flavor = "multi_thread")]
async fn a_node_is_shown_in_detail_until_it_leaves() {
    let bed = Bed::start(2).await;
    let mut client = admin(bed.server.admin_addr().unwrap());
    let request = WatchNodeRequest {
        node: "connect-node-2".into(),
        interval: often().interval,
    };
    let mut stream = client.watch_node(request).await.unwrap().into_inner();
    let shown = stream.message().await.unwrap().unwrap();
    assert_eq!(shown.node_static.unwrap().id, "connect-node-2");
    assert_eq!(shown.connections.len(), 1);
    assert!(
        shown.names.contains(&"connect-node-2".to_owned()),
        "{:?}",
        shown.names
    );
    assert!(
        shown
            .events
            .iter()
            .all(|event| event.node == "connect-node-2")
    );
    bed.memory.remove(&NodeId::new("connect-node-2"));
    let end = loop {
        match stream.message().await {
            Ok(shown) => assert!(shown.is_some(), "ended without a word"),
            Err(end) => break end,
        }
    };
    assert_eq!(end.code(), Code::NotFound);
    let unknown = WatchNodeRequest {
        node: "nobody".into(),
        interval: None,
    };
    assert_eq!(
        client.watch_node(unknown).await.unwrap_err().code(),
        Code::NotFound
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_rpc_is_shown_in_detail_and_an_unknown_one_names_those_there_are() {
    let bed = Bed::start(1).await;
    let mut client = admin(bed.server.admin_addr().unwrap());
    let watch = |api: &str| WatchApiRequest {
        api: api.into(),
        interval: often().interval,
    };
    let mut stream = client
        .watch_api(watch("PushToUser"))
        .await
        .unwrap()
        .into_inner();
    bed.push_user("nobody", "hello").await.unwrap();
    for _ in 0..40 {
        let shown = stream.message().await.unwrap().unwrap().api.unwrap();
        if shown.requests.get("OK") == Some(&1) {
            assert_eq!(shown.latency.unwrap().count.iter().sum::<u64>(), 1);
            break;
        }
    }
    let unknown = client.watch_api(watch("PushToAll")).await.unwrap_err();
    assert!(unknown.message().contains("PushToRoom"), "{unknown:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn events_come_from_the_ring_and_then_as_they_happen() {
    let bed = Bed::start(2).await;
    let mut client = admin(bed.server.admin_addr().unwrap());
    let request = EventsRequest {
        node: "connect-node-1".into(),
        ..EventsRequest::default()
    };
    let mut stream = client.events(request).await.unwrap().into_inner();
    let first = stream.message().await.unwrap().unwrap();
    assert_eq!(first.events[0].kind, "node.found");
    bed.memory.remove(&NodeId::new("connect-node-1"));
    let next = stream.message().await.unwrap().unwrap();
    assert!(
        next.events
            .iter()
            .all(|event| event.node == "connect-node-1")
    );
    assert_eq!(next.events.last().unwrap().kind, "node.left");
    let last = next.events.last().unwrap().seq;
    let rest = EventsRequest {
        after_seq: last,
        epoch: next.epoch,
        kept_only: true,
        ..EventsRequest::default()
    };
    let mut stream = client.events(rest).await.unwrap().into_inner();
    assert_eq!(stream.message().await.unwrap(), None, "nothing is later");
}
