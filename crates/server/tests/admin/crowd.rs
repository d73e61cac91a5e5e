//! Subscribers of a crowd of nodes, whose frames are larger than a part and than
//! what a connection takes at once.

use std::time::Duration;

use push_manager::ids::NodeId;
use push_manager_proto::admin::{
    NodeFilter, WatchRequest, admin_service_client::AdminServiceClient, watch_response::Kind,
};
use tokio::time::sleep;
use tonic::transport::Endpoint;

use crate::{
    bed::{Bed, eventually},
    console::{Client, Console, admin, often},
};

/// Enough for two parts: an id stands in a node's id and in its registration.
const CROWD: usize = 1_500;
const LONG: usize = 200;

fn address(bed: &Bed) -> std::net::SocketAddr {
    bed.server.admin_addr().unwrap()
}

/// Nodes that nobody calls, beside the bed's one; they are found once this ends.
async fn gather(bed: &Bed, numbers: std::ops::Range<usize>) {
    let all = numbers.end + 1;
    for number in numbers {
        let at = format!("node-{number}.invalid:1").parse().unwrap();
        bed.memory.put(NodeId::new(name(number)), at, None);
    }
    eventually("they are found", || {
        bed.metric("push_manager_discovery_nodes", "") as usize == all
    })
    .await;
}

fn name(number: usize) -> String {
    format!("{number:0>LONG$}")
}

/// A client whose connection takes little more than a frame's beginning.
async fn narrow(bed: &Bed) -> Client {
    let endpoint = Endpoint::from_shared(format!("http://{}", address(bed))).unwrap();
    let endpoint = endpoint.initial_stream_window_size(16_384);
    AdminServiceClient::new(endpoint.connect().await.unwrap())
}

fn every_second() -> WatchRequest {
    WatchRequest {
        interval: None,
        ..often()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_part_of_a_frame_tells_the_interval() {
    let bed = Bed::start(1).await;
    let client = admin(address(&bed));
    let mut console = Console::open(&client, often()).await.unwrap();
    console
        .until("one node", |console| console.rows.len() == 1)
        .await;
    gather(&bed, 0..CROWD).await;
    // All of them at once.
    console.resume(&client, often()).await;
    let mut parts = 0;
    while console.rows.len() <= CROWD {
        let frame = console.next().await.unwrap();
        let interval = frame.interval.expect("in every part");
        assert_eq!((interval.seconds, interval.nanos), (0, 250_000_000));
        match frame.kind {
            Some(Kind::Delta(_)) => parts += 1,
            // The sample that was there when it came back may be from before.
            Some(Kind::Heartbeat(_)) => {}
            other => panic!("{other:?}"),
        }
    }
    assert!(parts > 2, "a delta in several parts: {parts}");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_who_stopped_reading_sets_nobodys_pace_until_it_reads_again() {
    let bed = Bed::start(1).await;
    gather(&bed, 0..CROWD).await;
    let mut stalled = Console::open(&narrow(&bed).await, often()).await.unwrap();
    // What this one is sent is so little that its stream is asked for more at once.
    let few = NodeFilter {
        ids: (0..40).map(name).collect(),
        ..NodeFilter::default()
    };
    let few = WatchRequest {
        node_filter: Some(few),
        ..often()
    };
    let _stalled_too = Console::open(&narrow(&bed).await, few).await.unwrap();
    let client = admin(address(&bed));
    let mut other = Console::open(&client, every_second()).await.unwrap();
    other
        .until("everyone", |other| other.rows.len() > CROWD)
        .await;
    let hub = bed.server.hub();
    sleep(Duration::from_secs(1)).await;
    let before = hub.samples();
    sleep(Duration::from_secs(4)).await;
    let made = hub.samples() - before;
    assert!((1..=7).contains(&made), "{made} samples in four seconds");

    stalled
        .until("everyone", |stalled| stalled.rows.len() > CROWD)
        .await;
    let before = hub.samples();
    let reading = async {
        while hub.samples() < before + 12 {
            stalled.next().await.unwrap();
        }
    };
    let reading = tokio::time::timeout(Duration::from_secs(20), reading).await;
    reading.expect("its own pace again");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_who_reads_again_gets_what_was_under_way_and_then_the_latest_as_one_frame() {
    let bed = Bed::start(1).await;
    gather(&bed, 0..CROWD).await;
    let mut stalled = Console::open(&narrow(&bed).await, often()).await.unwrap();
    let hub = bed.server.hub();
    eventually("it is served", || hub.samples() > 0).await;
    sleep(Duration::from_millis(500)).await;
    for more in 1..=4 {
        gather(&bed, CROWD + more - 1..CROWD + more).await;
        sleep(Duration::from_millis(500)).await;
    }
    // Only now it reads: first what it was in the middle of.
    loop {
        let frame = stalled.next().await.unwrap();
        assert_eq!(frame.coalesced, 0);
        match frame.kind {
            Some(Kind::Snapshot(part)) if part.more => {}
            Some(Kind::Snapshot(_)) => break,
            _ => panic!("no snapshot"),
        }
    }
    assert_eq!(stalled.rows.len(), CROWD + 1, "as it was then");
    let frame = stalled.next().await.unwrap();
    assert!(matches!(frame.kind, Some(Kind::Delta(_))));
    assert!(frame.coalesced > 0, "{}", frame.coalesced);
    assert_eq!(stalled.rows.len(), CROWD + 5, "all that came meanwhile");
}

#[tokio::test(flavor = "multi_thread")]
async fn consoles_that_come_and_go_cause_no_more_samples_than_one_who_asks_often() {
    let bed = Bed::start(1).await;
    let client = admin(address(&bed));
    let hub = bed.server.hub();
    for _ in 0..40 {
        let mut console = Console::open(&client, every_second()).await.unwrap();
        console.next().await.unwrap();
        drop(console);
        sleep(Duration::from_millis(50)).await;
    }
    let (made, least) = (hub.samples(), 8);
    assert!(made >= least, "they are told what is: {made}");
    assert!(made <= 24, "{made} samples for 40 in a few seconds");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_watches_less_than_everything_begins_anew_each_time() {
    let bed = Bed::start(2).await;
    let client = admin(address(&bed));
    let less = WatchRequest {
        node_filter: Some(NodeFilter {
            contains: "node-2".into(),
            ..NodeFilter::default()
        }),
        ..often()
    };
    let mut console = Console::open(&client, often()).await.unwrap();
    console
        .until("two nodes", |console| console.rows.len() == 2)
        .await;
    let events = console.events.len();
    // What stood still in the meantime is there as well.
    console.resume(&client, less).await;
    let frame = console.next().await.unwrap();
    assert!(matches!(frame.kind, Some(Kind::Snapshot(_))));
    assert_eq!(console.ids(), ["connect-node-2"]);
    assert_eq!(console.events.len(), events, "events are not told again");
}
