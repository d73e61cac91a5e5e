//! What the Controller is asked, how often, and what is remembered of it.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures::future::join_all;
use push_manager::discovery::memory::MemoryNodes;
use push_manager_config::Config;
use push_manager_proto::pubsub::{GetUserNodeResponse, UserInfo};
use push_manager_reference::controller::{Controller, ControllerConfig};
use tokio::{task::JoinHandle, time::Instant};
use tonic::Code;

use crate::{
    bed::{Bed, config, eventually, loopback, start_node},
    fakes::{FakeController, member},
    proxy::{Direction, Mode, Proxy},
    scene::{Listener, put, send_room},
    ws::Ws,
};

const ROOM: &str = "room-001";

/// A Controller behind a proxy, whose room and users the test changes while it runs.
struct Town {
    bed: Bed,
    proxy: Proxy,
    members: Arc<Mutex<Vec<UserInfo>>>,
    /// The node of every user; nowhere when empty.
    place: Arc<Mutex<String>>,
    asked: Arc<AtomicUsize>,
    node: Listener,
}

impl Town {
    async fn start() -> Self {
        Self::with(|_| {}).await
    }

    async fn with(change: impl FnOnce(&mut Config)) -> Self {
        let (members, place): (Arc<Mutex<Vec<UserInfo>>>, Arc<Mutex<String>>) = Default::default();
        let asked = Arc::new(AtomicUsize::new(0));
        // Counted once the answer stands: what changes from then on is not in it.
        let count = {
            let asked = asked.clone();
            move || asked.fetch_add(1, Ordering::SeqCst)
        };
        let controller = FakeController {
            room: {
                let (members, count) = (members.clone(), count.clone());
                Arc::new(move |_| {
                    let members = members.lock().unwrap().clone();
                    count();
                    Ok(members)
                })
            },
            user: {
                let place = place.clone();
                Arc::new(move |_| {
                    let place = at(&place.lock().unwrap());
                    count();
                    Ok(place)
                })
            },
            ..FakeController::empty()
        };
        let proxy = Proxy::to(controller.serve().await).await;
        let node = Listener::having(&["a", "b", "u"]).await;
        let memory = MemoryNodes::default();
        put(&memory, "node-1", node.address);
        let mut config = config();
        config.controller.address = proxy.address().to_string();
        config.controller.timeout = Duration::from_secs(5);
        change(&mut config);
        let bed = Bed::around(config, memory).await;
        Self {
            bed,
            proxy,
            members,
            place,
            asked,
            node,
        }
    }

    fn join(&self, user: &str) {
        self.members.lock().unwrap().push(member(user, "node-1"));
    }

    fn connect(&self) {
        *self.place.lock().unwrap() = "node-1".into();
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    fn in_flight(&self) -> f64 {
        self.bed.metric("push_manager_pushes_in_flight", "")
    }

    /// A push to the room in a task of its own.
    fn pushing(&self, room: &str) -> JoinHandle<i32> {
        let (client, room) = (self.bed.client(), room.to_owned());
        tokio::task::spawn(async move { send_room(client, &room, "hello").await.delivered_count })
    }

    /// Lets questions arrive at the Controller while its answers don't leave it.
    async fn hold_answers(&self) {
        let mode = Mode::HalfOpen(Direction::FromPeer);
        self.proxy.set(mode).await;
    }
}

fn at(node: &str) -> GetUserNodeResponse {
    GetUserNodeResponse {
        found: !node.is_empty(),
        node_id: node.into(),
        ..GetUserNodeResponse::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pushes_to_a_room_at_the_same_time_share_a_few_look_ups() {
    let town = Town::start().await;
    town.join("a");
    town.bed.push_room(ROOM, "warm").await.unwrap();
    town.hold_answers().await;
    let first = town.pushing(ROOM);
    eventually("the first asks", || town.asked() == 2).await;
    let others: Vec<_> = (0..50).map(|_| town.pushing(ROOM)).collect();
    eventually("all are waiting", || town.in_flight() == 51.0).await;
    assert_eq!(town.asked(), 2, "one question at a time");
    town.proxy.set(Mode::Pass).await;
    assert_eq!(first.await.unwrap(), 1);
    for other in join_all(others).await {
        assert_eq!(other.unwrap(), 1);
    }
    assert!(
        town.asked() <= 6,
        "{} questions for 52 pushes",
        town.asked()
    );
    assert!(town.bed.metric("push_manager_controller_shared_total", "") >= 45.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_join_during_a_look_up_is_seen_by_pushes_made_after_it() {
    let town = Town::start().await;
    town.join("a");
    town.bed.push_room(ROOM, "warm").await.unwrap();
    town.hold_answers().await;
    let before = town.pushing(ROOM);
    eventually("the first asks", || town.asked() == 2).await;
    town.join("b");
    let after: Vec<_> = (0..3).map(|_| town.pushing(ROOM)).collect();
    eventually("all are waiting", || town.in_flight() == 4.0).await;
    town.proxy.set(Mode::Pass).await;
    assert_eq!(before.await.unwrap(), 1);
    for push in after {
        assert_eq!(push.await.unwrap(), 2, "b had joined before this push");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_who_connects_during_a_look_up_is_seen_by_pushes_made_after_it() {
    let town = Town::start().await;
    town.bed.push_user("somebody", "warm").await.unwrap();
    town.hold_answers().await;
    let push = || {
        let mut client = town.bed.client();
        let request = push_manager_proto::pubsub::PushToUserRequest {
            user_id: "u".into(),
            content: Some(crate::bed::text("hello")),
            options: None,
        };
        tokio::task::spawn(async move { client.push_to_user(request).await.unwrap().into_inner() })
    };
    let before = push();
    eventually("the first asks", || town.asked() == 2).await;
    town.connect();
    let after = [push(), push(), push()];
    eventually("all are waiting", || town.in_flight() == 4.0).await;
    town.proxy.set(Mode::Pass).await;
    assert!(!before.await.unwrap().success);
    for push in after {
        let answer = push.await.unwrap();
        assert!(
            answer.success,
            "connected before this push: {}",
            answer.message
        );
    }
    assert!(town.asked() <= 4, "they share: {}", town.asked());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_users_place_is_remembered_for_the_caches_time() {
    let town = Town::with(|config| {
        config.controller.user_cache_ttl = Duration::from_secs(60);
    })
    .await;
    town.connect();
    for _ in 0..10 {
        assert!(town.bed.push_user("u", "hello").await.unwrap().success);
    }
    assert_eq!(town.asked(), 1);
    let hits = town
        .bed
        .metric("push_manager_controller_cache_hits_total", "");
    assert_eq!(hits, 9.0);
    // A room's members are never remembered.
    town.join("a");
    for _ in 0..3 {
        assert_eq!(
            town.bed
                .push_room(ROOM, "hello")
                .await
                .unwrap()
                .delivered_count,
            1
        );
    }
    assert_eq!(town.asked(), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_remembered_place_is_forgotten_in_time() {
    let town = Town::with(|config| {
        config.controller.user_cache_ttl = Duration::from_millis(100);
    })
    .await;
    town.connect();
    town.bed.push_user("u", "hello").await.unwrap();
    tokio::time::sleep(Duration::from_millis(150)).await;
    town.bed.push_user("u", "hello").await.unwrap();
    assert_eq!(town.asked(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cache_without_time_or_room_asks_each_time() {
    for (ttl, entries) in [(Duration::ZERO, 1000), (Duration::from_secs(60), 0)] {
        let town = Town::with(|config| {
            config.controller.user_cache_ttl = ttl;
            config.controller.user_cache_entries = entries;
        })
        .await;
        town.connect();
        for _ in 0..3 {
            assert!(town.bed.push_user("u", "hello").await.unwrap().success);
        }
        assert_eq!(town.asked(), 3, "{ttl:?}, {entries} entries");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn that_a_user_is_nowhere_is_not_remembered() {
    let town = Town::with(|config| {
        config.controller.user_cache_ttl = Duration::from_secs(60);
    })
    .await;
    assert!(!town.bed.push_user("u", "hello").await.unwrap().success);
    town.connect();
    assert!(town.bed.push_user("u", "hello").await.unwrap().success);
    assert_eq!(town.node.take().ones.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn questions_beyond_the_concurrency_wait_for_their_turn() {
    let town = Town::with(|config| config.controller.concurrency = 2).await;
    town.join("a");
    town.bed.push_room(ROOM, "warm").await.unwrap();
    town.hold_answers().await;
    let rooms = ["room-2", "room-3", "room-4", "room-5", "room-6"];
    let pushes: Vec<_> = rooms.iter().map(|room| town.pushing(room)).collect();
    eventually("two are asked", || town.asked() == 3).await;
    eventually("all are waiting", || town.in_flight() == 5.0).await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(town.asked(), 3, "no third question");
    town.proxy.set(Mode::Pass).await;
    for push in pushes {
        assert_eq!(push.await.unwrap(), 1);
    }
    assert_eq!(town.asked(), 6);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_wait_for_a_turn_counts_towards_the_deadline() {
    let town = Town::with(|config| {
        config.controller.concurrency = 1;
        config.controller.timeout = Duration::from_millis(300);
    })
    .await;
    town.proxy.set(Mode::BlackHole).await;
    let began = Instant::now();
    let pushes = ["room-1", "room-2", "room-3", "room-4"].map(|room| town.bed.push_room(room, "x"));
    for answer in join_all(pushes).await {
        assert_eq!(answer.unwrap_err().code(), Code::Unavailable);
    }
    let took = began.elapsed();
    assert!(
        took < Duration::from_millis(1100),
        "not one after the other: {took:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_fell_silent_is_replaced() {
    let town = Town::with(|config| config.controller.timeout = Duration::from_millis(200)).await;
    town.join("a");
    town.bed.push_room(ROOM, "warm").await.unwrap();
    town.proxy.strand().await;
    let mut failed = 0;
    while town.bed.push_room(ROOM, "hello").await.is_err() {
        failed += 1;
        assert!(failed < 10, "the silent connection is kept for ever");
    }
    assert!(failed >= 1, "the proxy let it pass");
    assert_eq!(town.proxy.accepted(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_lost_with_a_question_under_way_is_asked_again() {
    let town = Town::start().await;
    town.join("a");
    town.bed.push_room(ROOM, "warm").await.unwrap();
    town.hold_answers().await;
    let push = town.pushing(ROOM);
    eventually("it asks", || town.asked() == 2).await;
    town.proxy.cut().await;
    town.proxy.set(Mode::Pass).await;
    assert_eq!(push.await.unwrap(), 1);
    assert_eq!(town.asked(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_controller_that_restarts_on_its_port_is_found_again() {
    let settings = |listen| ControllerConfig {
        listen,
        ..ControllerConfig::default()
    };
    let controller = Controller::start(settings(loopback())).await.unwrap();
    let address = controller.address();
    let node = start_node("node-1", address).await;
    let memory = MemoryNodes::default();
    put(&memory, "node-1", node.grpc_addr());
    let mut config = config();
    config.controller.address = address.to_string();
    let bed = Bed::around(config, memory).await;
    let mut client = Ws::join(node.http_addr(), "u", ROOM).await;
    assert_eq!(
        bed.push_room(ROOM, "before").await.unwrap().delivered_count,
        1
    );
    assert_eq!(client.data().await, "before");

    controller.kill().await;
    let status = bed.push_room(ROOM, "meanwhile").await.unwrap_err();
    assert_eq!(status.code(), Code::Unavailable);
    assert!(status.message().contains(&address.to_string()), "{status}");

    let _controller = Controller::start(settings(address)).await.unwrap();
    let mut newcomer = Ws::join(node.http_addr(), "v", ROOM).await;
    let answer = bed.push_room(ROOM, "after").await.unwrap();
    assert!(
        answer.success && answer.delivered_count >= 1,
        "{}",
        answer.message
    );
    assert_eq!(newcomer.data().await, "after");
}
