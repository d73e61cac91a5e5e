//! One node, one RPC and the events in detail, while someone looks.

use std::time::Duration;

use push_manager::ids::NodeId;
use push_manager_proto::admin::{
    EventsRequest, FailedPush, WatchApiRequest, WatchApiResponse, WatchNodeRequest,
};
use tokio::net::TcpListener;
use tonic::{Code, Streaming};

use crate::{
    bed::{Bed, eventually, loopback},
    console::{Client, admin, often},
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

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_is_replaced_is_not_shown_as_the_one_before() {
    let bed = Bed::start(1).await;
    let mut client = admin(bed.server.admin_addr().unwrap());
    let request = WatchNodeRequest {
        node: "connect-node-1".into(),
        interval: often().interval,
    };
    let mut stream = client.watch_node(request).await.unwrap().into_inner();
    let key = stream.message().await.unwrap().unwrap().node.unwrap().key;
    let elsewhere = TcpListener::bind(loopback()).await.unwrap();
    let address = elsewhere.local_addr().unwrap().to_string();
    let id = NodeId::new("connect-node-1");
    bed.memory.put(id, address.parse().unwrap(), None);
    let end = in_time(async {
        loop {
            match stream.message().await {
                Ok(shown) => assert_eq!(shown.unwrap().node.unwrap().key, key),
                Err(end) => break end,
            }
        }
    });
    let end = end.await;
    assert_eq!(end.code(), Code::NotFound);
    let message = end.message();
    assert!(
        message.contains("replaced") && message.contains(&address),
        "{message}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_in_detail_has_its_latest_events_once_each() {
    let bed = Bed::start(1).await;
    let mut client = admin(bed.server.admin_addr().unwrap());
    let request = WatchNodeRequest {
        node: "connect-node-1".into(),
        interval: often().interval,
    };
    let mut stream = client.watch_node(request).await.unwrap().into_inner();
    let _person = bed.join(0, "ann", "room-1").await;
    assert!(bed.push_room("room-1", "hello").await.unwrap().success);
    let shown = in_time(async {
        loop {
            let shown = stream.message().await.unwrap().unwrap();
            if shown.events.len() > 1 {
                break shown;
            }
        }
    });
    let shown = shown.await;
    let again = stream.message().await.unwrap().unwrap();
    assert_eq!(again.events, shown.events);
    let kinds: Vec<_> = shown.events.iter().map(|event| &*event.kind).collect();
    assert_eq!(kinds, ["node.found", "conn.open"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn names_that_are_too_long_are_refused_without_being_said_again() {
    let bed = Bed::start(1).await;
    let mut client = admin(bed.server.admin_addr().unwrap());
    let long = "x".repeat(100_000);
    let node = WatchNodeRequest {
        node: long.clone(),
        interval: None,
    };
    let api = WatchApiRequest {
        api: long.clone(),
        interval: None,
    };
    let events = EventsRequest {
        node: long,
        ..EventsRequest::default()
    };
    for refused in [
        client.watch_node(node).await.unwrap_err(),
        client.watch_api(api).await.unwrap_err(),
        client.events(events).await.unwrap_err(),
    ] {
        assert_eq!(refused.code(), Code::InvalidArgument);
        assert!(refused.message().contains("got 100000"), "{refused:?}");
    }
}

async fn in_time<T>(wait: impl Future<Output = T>) -> T {
    let waited = tokio::time::timeout(Duration::from_secs(10), wait).await;
    waited.expect("in time")
}

async fn watch_rooms(client: &Client) -> Streaming<WatchApiResponse> {
    let request = WatchApiRequest {
        api: "PushToRoom".into(),
        interval: often().interval,
    };
    let stream = client.clone().watch_api(request).await.unwrap();
    stream.into_inner()
}

/// The failed pushes once there are so many.
async fn failed(stream: &mut Streaming<WatchApiResponse>, count: usize) -> Vec<FailedPush> {
    in_time(async {
        loop {
            let shown = stream.message().await.unwrap().unwrap();
            if shown.failed_pushes.len() == count {
                return shown.failed_pushes;
            }
        }
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn pushes_that_fail_are_told_while_somebody_looks_and_forgotten_after() {
    let mut bed = Bed::with(2, |config| {
        config.fanout.deadline = Duration::from_secs(1);
        config.limits.concurrent_pushes = 1;
    })
    .await;
    let client = admin(bed.server.admin_addr().unwrap());
    let _ann = bed.join(0, "ann", "room-1").await;
    let _bob = bed.join(1, "bob", "room-1").await;
    let silent = TcpListener::bind(loopback()).await.unwrap();
    let address = silent.local_addr().unwrap().to_string();
    let id = NodeId::new("connect-node-2");
    bed.memory.put(id.clone(), address.parse().unwrap(), None);
    eventually("the second node is silent", || {
        let snapshot = bed.server.pool().snapshot();
        let node = snapshot.resolve(&id, None);
        node.is_some_and(|node| node.address().as_str() == address)
    })
    .await;
    assert!(!bed.push_room("room-1", "unseen").await.unwrap().success);

    let mut stream = watch_rooms(&client).await;
    let first = stream.message().await.unwrap().unwrap();
    assert_eq!(first.failed_pushes, [], "nothing is noted for nobody");
    // One that some targets miss, and one that comes when no more are let in.
    let (one, two) = tokio::join!(bed.push_room("room-1", "a"), bed.push_room("room-1", "b"));
    let (answer, refused) = match (one, two) {
        (Ok(answer), Err(refused)) | (Err(refused), Ok(answer)) => (answer, refused),
        both => panic!("{both:?}"),
    };
    bed.controller.take().unwrap().shutdown().await;
    let unreachable = bed.push_room("room-1", "c").await.unwrap_err();
    let told = failed(&mut stream, 3).await;
    let [overloaded, partly, whole] = &told[..] else {
        panic!("{told:?}");
    };
    assert_eq!(
        told.iter().map(|push| push.seq).collect::<Vec<_>>(),
        [1, 2, 3]
    );
    assert_eq!((&*overloaded.push_id, overloaded.targets), ("", 0));
    assert_eq!(overloaded.message, refused.message());
    assert_eq!(overloaded.failed["overloaded"], 1);
    assert_eq!(partly.push_id, answer.receipt.unwrap().push_id);
    assert_eq!((&partly.message, partly.targets), (&answer.message, 2));
    assert_eq!(partly.outcomes["delivered"], 1);
    assert_eq!(partly.outcomes.values().sum::<u64>(), 2);
    assert_eq!(partly.failed.values().sum::<u64>(), 1, "{partly:?}");
    assert!(
        (1_000_000..9_000_000).contains(&partly.took_us),
        "{partly:?}"
    );
    assert_eq!(whole.failed["controller_unavailable"], 1);
    assert_eq!(whole.message, unreachable.message());
    assert!(whole.wall_time.is_some() && !whole.push_id.is_empty());

    drop(stream);
    let forgotten = in_time(async {
        loop {
            tokio::time::sleep(Duration::from_millis(100)).await;
            let mut stream = watch_rooms(&client).await;
            if failed_now(&mut stream).await == 0 {
                break stream;
            }
        }
    });
    let mut stream = forgotten.await;
    bed.push_room("room-1", "d").await.unwrap_err();
    assert_eq!(failed(&mut stream, 1).await[0].seq, 4);
}

async fn failed_now(stream: &mut Streaming<WatchApiResponse>) -> usize {
    let shown = stream.message().await.unwrap().unwrap();
    shown.failed_pushes.len()
}
