//! What subscribers see: the truth, however they come to it.

use std::time::Duration;

use push_manager::ids::NodeId;
use push_manager_proto::admin::{
    GoodbyeReason, NodeFilter, NodeState, Resume, WatchRequest, watch_response::Kind,
};
use tokio::time::{Instant, sleep, timeout};

use crate::{
    bed::{Bed, start_node},
    console::{Console, admin, often},
    proxy::{Mode, Proxy},
};

fn address(bed: &Bed) -> std::net::SocketAddr {
    bed.server.admin_addr().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_and_its_deltas_are_the_truth_while_nodes_come_work_fail_and_go() {
    let mut bed = Bed::start(2).await;
    let client = admin(address(&bed));
    let mut console = Console::open(&client, often()).await.unwrap();
    console
        .until("two nodes", |console| console.rows.len() == 2)
        .await;

    let mut people = Vec::new();
    for (node, user) in [(0, "a"), (1, "b"), (1, "c")] {
        people.push(bed.join(node, user, "room-1").await);
    }
    for _ in 0..5 {
        bed.push_room("room-1", "hello").await.unwrap();
    }
    console
        .until("15 delivered", |console| {
            console.rows.values().map(|row| row.delivered).sum::<u64>() == 15
        })
        .await;
    assert_eq!(console.row("connect-node-2").state(), NodeState::Ready);
    console
        .until("five requests", |console| {
            console.apis["PushToRoom"].requests.get("OK") == Some(&5)
                && console.replica.targets.get("delivered") == Some(&15)
        })
        .await;

    let third = start_node("connect-node-3", bed.controller.as_ref().unwrap().address()).await;
    let at = third.grpc_address().parse().unwrap();
    bed.memory.put(NodeId::new("connect-node-3"), at, None);
    console
        .until("the third", |console| console.rows.len() == 3)
        .await;
    bed.memory.remove(&NodeId::new("connect-node-3"));
    console
        .until("it left", |console| console.rows.len() == 2)
        .await;

    let first = bed.nodes.remove(0);
    first.shutdown().await;
    bed.broadcast("hello").await.unwrap();
    console
        .until("it fails", |console| {
            let row = console.row("connect-node-1");
            row.state() == NodeState::Failed && !row.failed.is_empty() && !row.last_error.is_empty()
        })
        .await;
    assert!(
        console
            .events
            .iter()
            .any(|event| event.kind == "node.found")
    );
    assert!(
        console
            .events
            .iter()
            .any(|event| event.kind == "conn.failed")
    );

    let mut fresh = Console::open(&client, often()).await.unwrap();
    fresh
        .until("a snapshot", |fresh| !fresh.rows.is_empty())
        .await;
    console
        .until("the same", |console| {
            console.rows == fresh.rows && console.statics == fresh.statics
        })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_resumes_in_the_same_epoch_gets_what_changed_and_in_another_everything() {
    let bed = Bed::start(2).await;
    let client = admin(address(&bed));
    let mut console = Console::open(&client, often()).await.unwrap();
    console
        .until("two nodes", |console| console.rows.len() == 2)
        .await;
    let events = console.events.len();
    bed.memory.remove(&NodeId::new("connect-node-2"));
    console.resume(&client, often()).await;
    let frame = console.next().await.unwrap();
    assert!(!matches!(frame.kind, Some(Kind::Snapshot(_))), "{frame:?}");
    console
        .until("it left", |console| console.ids() == ["connect-node-1"])
        .await;
    console
        .until("and is told", |console| console.events.len() > events)
        .await;

    console.at = Resume {
        epoch: console.at.epoch ^ 1,
        ..console.at
    };
    console.events.clear();
    console.at.event_seq = 0;
    console.resume(&client, often()).await;
    let frame = console.next().await.unwrap();
    assert!(matches!(frame.kind, Some(Kind::Snapshot(_))), "{frame:?}");
    assert_eq!(console.ids(), ["connect-node-1"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idle_fleet_sends_heartbeats_and_a_filter_leaves_others_out() {
    let bed = Bed::start(2).await;
    let client = admin(address(&bed));
    let filter = NodeFilter {
        contains: "NODE-2".into(),
        ..NodeFilter::default()
    };
    let request = WatchRequest {
        node_filter: Some(filter),
        ..often()
    };
    let mut console = Console::open(&client, request).await.unwrap();
    console
        .until("one node", |console| console.rows.len() == 1)
        .await;
    assert_eq!(console.ids(), ["connect-node-2"]);
    for _ in 0..40 {
        if let Some(Kind::Heartbeat(_)) = console.next().await.unwrap().kind {
            return;
        }
    }
    panic!("never a heartbeat");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_sampled_while_nobody_watches() {
    let bed = Bed::start(1).await;
    sleep(Duration::from_millis(600)).await;
    assert_eq!(bed.server.hub().samples(), 0);
    let client = admin(address(&bed));
    let mut console = Console::open(&client, often()).await.unwrap();
    console.next().await.unwrap();
    console.next().await.unwrap();
    drop(console);
    drop(client);
    crate::bed::eventually("the place is free", || bed.server.hub().subscribers() == 0).await;
    let after = bed.server.hub().samples();
    sleep(Duration::from_millis(800)).await;
    assert!(bed.server.hub().samples() <= after + 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_who_stops_reading_gets_the_latest_afterwards_and_disturbs_nobody() {
    let bed = Bed::start(1).await;
    let proxy = Proxy::to(address(&bed)).await;
    let through = admin(proxy.address());
    let mut slow = Console::open(&through, often()).await.unwrap();
    slow.next().await.unwrap();
    let direct = admin(address(&bed));
    let mut other = Console::open(&direct, often()).await.unwrap();
    other.next().await.unwrap();

    proxy.set(Mode::BlackHole).await;
    let mut person = bed.join(0, "a", "room-1").await;
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(4) {
        bed.push_room("room-1", "hello").await.unwrap();
        person.data().await;
        let frame = timeout(Duration::from_secs(3), other.next()).await;
        assert_eq!(frame.expect("undisturbed").unwrap().coalesced, 0);
    }
    proxy.set(Mode::Pass).await;
    let pushes = bed.metric("push_manager_push_total", "") as u64;
    slow.until("the latest", |slow| slow.replica.pushes == pushes)
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn consoles_watch_the_drain_to_its_end_take_the_goodbye_and_do_not_delay_it() {
    let bed = Bed::with(1, |config| config.drain.notice = Duration::from_millis(700)).await;
    let client = admin(address(&bed));
    let mut console = Console::open(&client, often()).await.unwrap();
    let mut stalled = Vec::new();
    for _ in 0..3 {
        let client = admin(address(&bed));
        stalled.push(client.clone().watch(often()).await.unwrap());
    }
    console.next().await.unwrap();
    let began = Instant::now();
    let (drained, draining) = tokio::join!(bed.server.drain(), async {
        let mut draining = false;
        while let Some(frame) = console.next().await {
            draining |= console.replica.readiness == 3;
            if let Some(Kind::Goodbye(goodbye)) = frame.kind {
                assert_eq!(goodbye.reason(), GoodbyeReason::Shutdown);
                assert!(console.next().await.is_none(), "the last frame");
                return draining;
            }
        }
        panic!("no goodbye");
    });
    assert!(draining, "the drain was seen");
    assert_eq!(drained, push_manager::server::Drained::Clean);
    let took = began.elapsed();
    assert!(took < Duration::from_secs(5), "{took:?}");
}
