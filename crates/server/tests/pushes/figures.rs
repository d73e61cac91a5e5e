//! The numbers that operators see agree with the metrics, with what people received, and with what
//! happens to connections.

use std::{sync::Arc, time::Duration};

use push_manager::{
    channel::LinkState,
    events::Kind,
    metrics::Api,
    outcome::{Outcome, Reason},
    pool::{Node, Reading},
};
use tokio::task::spawn;

use crate::{
    bed::{Bed, eventually},
    fakes::FakeController,
    proxy::{Mode, Proxy},
    scene::{Listener, around, nobody, put, send_room},
    ws::Ws,
};

const ROOM: &str = "room-001";

fn nodes(bed: &Bed) -> Vec<Arc<Node>> {
    bed.server.pool().snapshot().nodes().to_vec()
}

fn readings(bed: &Bed) -> Vec<Reading> {
    nodes(bed).iter().map(|node| node.reading()).collect()
}

fn sum(readings: &[Reading], figure: impl Fn(&Reading) -> u64) -> u64 {
    readings.iter().map(figure).sum()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nodes_took_is_what_the_metrics_say_and_what_people_received() {
    let bed = Bed::start(3).await;
    let mut people: Vec<Ws> = Vec::new();
    for number in 0..9 {
        people.push(bed.join(number % 3, &format!("user-{number}"), ROOM).await);
    }
    for number in 0..5 {
        assert!(
            bed.push_room(ROOM, &format!("room {number}"))
                .await
                .unwrap()
                .success
        );
        assert!(
            bed.broadcast(&format!("all {number}"))
                .await
                .unwrap()
                .success
        );
    }
    for number in 0..9 {
        let answer = bed
            .push_user(&format!("user-{number}"), "one")
            .await
            .unwrap();
        assert!(answer.success, "{}", answer.message);
    }
    let nowhere = bed.push_user("nobody", "lost").await.unwrap();
    assert!(!nowhere.success);
    let each = 5 + 5 + 1;
    for person in &mut people {
        for _ in 0..each {
            person.data().await;
        }
        assert!(person.is_silent().await);
    }
    let received = 9 * each;
    let metrics = bed.server.metrics();
    let readings = readings(&bed);
    let delivered = sum(&readings, |reading| reading.delivered);
    assert_eq!(delivered, received);
    assert_eq!(metrics.delivered(), received);
    assert_eq!(
        bed.metric("push_manager_push_success_total", ""),
        received as f64
    );
    let calls = sum(&readings, |reading| reading.calls);
    assert_eq!(calls, 5 * 3 + 5 * 3 + 9);
    let rtt: u64 = nodes(&bed)
        .iter()
        .map(|node| node.figures().rtt().total())
        .sum();
    assert_eq!(rtt, calls, "every call was answered");

    let apis = Api::ALL.map(|api| metrics.api(api).read());
    let [room, user, all] = &apis;
    let delivered = Outcome::Delivered.index();
    assert_eq!(
        [room, user, all].map(|api| api.targets[delivered]),
        [45, 9, 45]
    );
    assert_eq!([room, user, all].map(|api| api.requests[0]), [5, 10, 5]);
    assert_eq!([room, user, all].map(|api| api.in_flight), [0; 3]);
    assert_eq!(
        (user.succeeded, user.unsuccessful),
        (10, 0),
        "offline is no failure"
    );
    assert_eq!(user.targets[Outcome::Offline.index()], 1);
    for outcome in Outcome::ALL {
        let by_api: u64 = apis.iter().map(|api| api.targets[outcome.index()]).sum();
        assert_eq!(by_api, metrics.targets()[outcome.index()]);
    }
    let latency = metrics.api(Api::PushToUser).latency();
    assert_eq!(latency.total(), 10);
    let asked: u64 = metrics.controller_codes().iter().sum();
    assert_eq!(asked, metrics.controller_latency().total());
    assert_eq!(
        asked as f64,
        bed.metric("push_manager_controller_requests_total", "")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_black_holed_node_is_seen_by_its_oldest_unanswered_call() {
    let node = Listener::having(&["u"]).await;
    let proxy = Proxy::to(node.address).await;
    let controller = FakeController::with_members(&[("u", "node-1")]);
    let bed = around(controller, &[("node-1", proxy.address())], |config| {
        config.fanout.deadline = Duration::from_secs(1);
    })
    .await;
    assert!(bed.push_room(ROOM, "first").await.unwrap().success);
    let node = nodes(&bed)[0].clone();
    assert_eq!(node.reading().oldest_in_flight_ns, 0);
    proxy.set(Mode::BlackHole).await;
    let before = node.epoch().now_ns();
    let push = spawn(send_room(bed.client(), ROOM, "into the void"));
    eventually("it is under way", || node.reading().in_flight == 1).await;
    let oldest = node.reading().oldest_in_flight_ns;
    assert!((before..node.epoch().now_ns()).contains(&oldest));
    let second = spawn(send_room(bed.client(), ROOM, "and another"));
    eventually("two are", || node.reading().in_flight == 2).await;
    assert_eq!(
        node.reading().oldest_in_flight_ns,
        oldest,
        "still the first"
    );
    push.await.unwrap();
    second.await.unwrap();
    let reading = node.reading();
    assert_eq!((reading.in_flight, reading.oldest_in_flight_ns), (0, 0));
    assert_eq!(reading.failed[Reason::DeadlineExceeded.index()], 2);
    assert_eq!((reading.calls, reading.delivered), (3, 1));
    assert_eq!(node.figures().rtt().total(), 1, "only answers are timed");
    assert_eq!(reading.last_error.unwrap().as_str(), "deadline exceeded");
    proxy.set(Mode::Pass).await;
    assert!(bed.push_room(ROOM, "again").await.unwrap().success);
    assert_eq!(node.reading().last_error, None, "a call succeeded since");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_state_of_a_link_follows_its_connections_and_is_told() {
    let node = Listener::having(&["u"]).await;
    let proxy = Proxy::to(node.address).await;
    let controller = FakeController::with_members(&[("u", "node-1")]);
    let bed = around(controller, &[("node-1", proxy.address())], |_| {}).await;
    let node = nodes(&bed)[0].clone();
    assert_eq!(node.link().0, LinkState::Idle);
    assert!(bed.push_room(ROOM, "first").await.unwrap().success);
    assert_eq!(node.link().0, LinkState::Ready);
    proxy.set(Mode::Refuse).await;
    eventually("the loss is seen", || node.link().0 == LinkState::Idle).await;
    assert!(!bed.push_room(ROOM, "refused").await.unwrap().success);
    let reading = node.reading();
    assert_eq!(reading.state, LinkState::Failed);
    assert!(reading.state_since_ns > 0);
    assert!(reading.connect_failures > 1, "tried again and again");
    assert_eq!((reading.connects, reading.connections), (1, 0));
    assert!(reading.last_error.unwrap().contains("could not connect"));
    proxy.set(Mode::Pass).await;
    assert!(bed.push_room(ROOM, "back").await.unwrap().success);
    assert_eq!(node.link().0, LinkState::Ready);
    let (events, missed) = bed.server.events().after(0, usize::MAX);
    let kinds: Vec<&str> = events.iter().map(|event| event.news.kind.label()).collect();
    let expected = [
        Kind::NodeFound,
        Kind::ServerReady,
        Kind::ConnOpen,
        Kind::ConnLost,
        Kind::ConnFailed,
        Kind::PushFailing,
        Kind::ConnOpen,
    ];
    assert_eq!(kinds, expected.map(Kind::label));
    assert_eq!(missed, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn failures_are_counted_alike_at_the_node_in_the_metrics_and_by_rpc() {
    let gone = nobody().await;
    let controller = FakeController::with_members(&[("a", "node-1"), ("b", "node-1")]);
    let bed = around(controller, &[("node-1", gone.address())], |config| {
        config.fanout.retries = 0;
    })
    .await;
    assert!(!bed.push_room(ROOM, "lost").await.unwrap().success);
    let reason = Reason::ConnectFailed.index();
    let node = nodes(&bed)[0].clone();
    assert_eq!(node.reading().failed[reason], 2);
    let metrics = bed.server.metrics();
    assert_eq!(metrics.failed()[reason], 2);
    let api = metrics.api(Api::PushToRoom).read();
    assert_eq!((api.failed[reason], api.unsuccessful), (2, 1));
    let labels = "node_id=\"node-1\",reason=\"connect_failed\"";
    assert_eq!(
        bed.metric("push_manager_node_failed_targets_total", labels),
        2.0
    );
    // A node that moves begins anew.
    put(
        &bed.memory,
        "node-1",
        Listener::having(&["a", "b"]).await.address,
    );
    eventually("it moved", || nodes(&bed)[0].serial() != node.serial()).await;
    assert!(bed.push_room(ROOM, "there").await.unwrap().success);
    let moved = nodes(&bed)[0].reading();
    assert_eq!(
        (moved.delivered, moved.calls, moved.failed[reason]),
        (2, 1, 0)
    );
}
