//! Which nodes are asked for whom, and in which form.

use std::sync::Arc;

use push_manager_config::{Config, Strategy};
use push_manager_proto::pubsub::{GetUserNodeResponse, Outcome, UserLocation};

use crate::{
    bed::{Bed, outcomes},
    fakes::{FakeController, member},
    scene::{Listener, around},
};

const ROOM: &str = "room-001";

/// Three nodes: the first has a and b, the second c, the third nobody.
struct Three {
    bed: Bed,
    nodes: [Listener; 3],
}

impl Three {
    async fn with(controller: FakeController, change: impl FnOnce(&mut Config)) -> Self {
        let nodes = [
            Listener::having(&["a", "b"]).await,
            Listener::having(&["c"]).await,
            Listener::having(&[]).await,
        ];
        let named = ["node-1", "node-2", "node-3"];
        let named: Vec<_> = named
            .into_iter()
            .zip(nodes.iter().map(|node| node.address))
            .collect();
        let bed = around(controller, &named, change).await;
        Self { bed, nodes }
    }

    /// With a strategy, and a Controller that knows the members.
    async fn by(strategy: Strategy, room_nodes: Option<&[&str]>) -> Self {
        let controller = told(members(), room_nodes);
        Self::with(controller, |config| config.routing.strategy = strategy).await
    }

    /// Users and room of each batch that each node got since the last time.
    fn batches(&self) -> [Vec<(Vec<String>, String)>; 3] {
        self.nodes.each_ref().map(|node| {
            let asked = node.take();
            assert!(asked.ones.is_empty(), "{:?}", asked.ones);
            let batches = asked.batches.into_iter();
            batches
                .map(|mut batch| {
                    batch.user_ids.sort();
                    (batch.user_ids, batch.room_id)
                })
                .collect()
        })
    }
}

fn members() -> FakeController {
    FakeController::with_members(&[("a", "node-1"), ("c", "node-2"), ("b", "node-1")])
}

/// The same, also telling a room's nodes; `None` as a Controller that can't.
fn told(controller: FakeController, room_nodes: Option<&[&str]>) -> FakeController {
    let Some(ids) = room_nodes else {
        return controller;
    };
    let ids: Vec<String> = ids.iter().map(ToString::to_string).collect();
    FakeController {
        room_nodes: Arc::new(move |_| Ok(ids.clone())),
        ..controller
    }
}

/// A batch that names users.
fn named(users: &[&str]) -> Vec<(Vec<String>, String)> {
    let users = users.iter().map(ToString::to_string).collect();
    vec![(users, ROOM.to_owned())]
}

/// A batch for all of the room.
fn whole_room() -> Vec<(Vec<String>, String)> {
    named(&[])
}

fn at(node_id: &str, node_address: &str) -> GetUserNodeResponse {
    GetUserNodeResponse {
        node_id: node_id.into(),
        node_address: node_address.into(),
        found: true,
        room_id: ROOM.into(),
        locations: Vec::new(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn members_are_named_in_one_batch_a_node_with_the_room_filled() {
    let three = Three::by(Strategy::Members, Some(&["node-1", "node-2"])).await;
    let answer = three.bed.push_room(ROOM, "hello").await.unwrap();
    assert!(answer.success);
    assert_eq!(answer.delivered_count, 3);
    assert_eq!(answer.message, "2 of 2 nodes reached; 3 delivered");
    let expected = [named(&["a", "b"]), named(&["c"]), vec![]];
    assert_eq!(three.batches(), expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_names_at_most_a_chunk() {
    let members: Vec<(String, &str)> = (0..7).map(|at| (format!("u{at}"), "node-1")).collect();
    let members: Vec<(&str, &str)> = members
        .iter()
        .map(|(user, node)| (&**user, *node))
        .collect();
    let users: Vec<&str> = members.iter().map(|(user, _)| *user).collect();
    let node = Listener::having(&users).await;
    let controller = FakeController::with_members(&members);
    let bed = around(controller, &[("node-1", node.address)], |config| {
        config.fanout.chunk = 3;
    })
    .await;
    let answer = bed.push_room(ROOM, "hello").await.unwrap();
    assert_eq!(answer.delivered_count, 7);
    let batches = node.take().batches;
    let mut sizes: Vec<usize> = batches.iter().map(|batch| batch.user_ids.len()).collect();
    sizes.sort_unstable();
    assert_eq!(sizes, [1, 3, 3]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_room_form_goes_to_the_nodes_that_hold_the_room() {
    for strategy in [Strategy::Room, Strategy::Auto] {
        let three = Three::by(strategy, Some(&["node-1", "node-2"])).await;
        let answer = three.bed.push_room(ROOM, "hello").await.unwrap();
        assert!(answer.success);
        assert_eq!(answer.delivered_count, 3, "as the nodes counted");
        assert_eq!(three.batches(), [whole_room(), whole_room(), vec![]]);
        let lists = "method=\"GetRoomInfo\"";
        let asked = three
            .bed
            .metric("push_manager_controller_requests_total", lists);
        assert_eq!(asked, 0.0, "no need to list the members");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn excludes_force_members_to_be_named_under_every_strategy() {
    for strategy in [Strategy::Room, Strategy::Auto, Strategy::Members] {
        let three = Three::by(strategy, Some(&["node-1", "node-2"])).await;
        let answer = three
            .bed
            .push_room_without(ROOM, "hello", &["b"])
            .await
            .unwrap();
        assert!(answer.success);
        assert_eq!(
            outcomes(answer.receipt.as_ref()),
            [(Outcome::Delivered, 2), (Outcome::Excluded, 1)].into()
        );
        assert_eq!(three.batches(), [named(&["a"]), named(&["c"]), vec![]]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_room_nodes_auto_names_members_and_room_asks_their_nodes() {
    let auto = Three::by(Strategy::Auto, None).await;
    assert_eq!(
        auto.bed
            .push_room(ROOM, "hello")
            .await
            .unwrap()
            .delivered_count,
        3
    );
    assert_eq!(auto.batches(), [named(&["a", "b"]), named(&["c"]), vec![]]);

    let room = Three::by(Strategy::Room, None).await;
    assert_eq!(
        room.bed
            .push_room(ROOM, "hello")
            .await
            .unwrap()
            .delivered_count,
        3
    );
    assert_eq!(room.batches(), [whole_room(), whole_room(), vec![]]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_room_form_with_an_unknown_node_id_goes_to_all_nodes() {
    let three = Three::by(Strategy::Room, Some(&["node-1", "mystery"])).await;
    let answer = three.bed.push_room(ROOM, "hello").await.unwrap();
    assert!(answer.success, "{}", answer.message);
    assert_eq!(three.batches(), [whole_room(), whole_room(), whole_room()]);
    assert_eq!(answer.delivered_count, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_room_that_no_node_holds_is_answered_with_0() {
    let three = Three::by(Strategy::Room, Some(&[])).await;
    let answer = three.bed.push_room(ROOM, "hello").await.unwrap();
    assert!(answer.success);
    assert_eq!(answer.delivered_count, 0);
    assert!(
        answer.message.contains("unknown or empty"),
        "{}",
        answer.message
    );
    assert_eq!(three.batches(), [vec![], vec![], vec![]]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broadcast_names_neither_users_nor_room() {
    let three = Three::by(Strategy::Members, None).await;
    let answer = three.bed.broadcast("news").await.unwrap();
    assert!(answer.success);
    assert_eq!(answer.total_delivered, 3);
    let everyone = || vec![(vec![], String::new())];
    assert_eq!(three.batches(), [everyone(), everyone(), everyone()]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_is_asked_for_singly_with_the_room_that_the_controller_told() {
    let three = Three::with(FakeController::with_user_at("node-1", ""), |_| {}).await;
    let answer = three.bed.push_user("a", "hello").await.unwrap();
    assert!(answer.success);
    let asked = three.nodes[0].take();
    assert!(asked.batches.is_empty());
    let [one] = &asked.ones[..] else {
        panic!("one call, got {asked:?}");
    };
    assert_eq!((one.user_id.as_str(), one.room_id.as_str()), ("a", ROOM));
    assert_eq!(one.content.as_ref().unwrap().data, "hello");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_at_several_nodes_is_pushed_to_at_each_and_counted_once() {
    let mut places = at("node-1", "");
    places.locations = ["node-1", "node-2", "node-1"]
        .map(|node| UserLocation {
            node_id: node.into(),
            room_id: format!("room-of-{node}"),
            ..UserLocation::default()
        })
        .into();
    let controller = FakeController {
        user: Arc::new(move |_| Ok(places.clone())),
        ..FakeController::empty()
    };
    let three = Three::with(controller, |_| {}).await;
    let answer = three.bed.push_user("a", "hello").await.unwrap();
    assert!(answer.success, "the first node has the user");
    assert_eq!(answer.receipt.unwrap().targets, 1);
    for (node, room) in [(0, "room-of-node-1"), (1, "room-of-node-2")] {
        let ones = three.nodes[node].take().ones;
        let rooms: Vec<&str> = ones.iter().map(|one| one.room_id.as_str()).collect();
        assert_eq!(rooms, [room]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_at_several_nodes_is_one_target() {
    let list = [("a", "node-1"), ("a", "node-2"), ("a", "node-1")];
    let three = Three::with(FakeController::with_members(&list), |_| {}).await;
    let answer = three.bed.push_room(ROOM, "hello").await.unwrap();
    assert!(answer.success);
    assert_eq!(
        outcomes(answer.receipt.as_ref()),
        [(Outcome::Delivered, 1)].into()
    );
    assert_eq!(three.batches(), [named(&["a"]), named(&["a"]), vec![]]);
}

#[tokio::test(flavor = "multi_thread")]
async fn members_whose_node_id_is_unknown_are_asked_for_by_name_at_all_nodes() {
    let list = [("a", "mystery"), ("c", "mystery"), ("b", "node-1")];
    let three = Three::with(FakeController::with_members(&list), |_| {}).await;
    let answer = three.bed.push_room(ROOM, "hello").await.unwrap();
    assert!(answer.success, "{}", answer.message);
    assert_eq!(answer.delivered_count, 3);
    assert_eq!(answer.receipt.unwrap().targets, 3);
    let [first, second, third] = three.batches();
    assert_eq!(second, named(&["a", "c"]));
    assert_eq!(third, named(&["a", "c"]));
    let mut users: Vec<String> = first.into_iter().flat_map(|(users, _)| users).collect();
    users.sort();
    assert_eq!(users, ["a", "b", "c"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_found_at_no_node_is_node_gone_for_an_unresolved_node() {
    let list = [("a", "node-1"), ("ghost", "mystery")];
    let three = Three::with(FakeController::with_members(&list), |_| {}).await;
    let answer = three.bed.push_room(ROOM, "hello").await.unwrap();
    assert!(!answer.success);
    assert_eq!(
        outcomes(answer.receipt.as_ref()),
        [(Outcome::Delivered, 1), (Outcome::NodeGone, 1)].into()
    );
    let words = "1 where no such node is registered (unresolved_node)";
    assert!(answer.message.contains(words), "{}", answer.message);
    let failed = three.bed.metric(
        "push_manager_push_failed_total",
        "reason=\"unresolved_node\"",
    );
    assert_eq!(failed, 1.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_id_that_is_an_address_is_the_node_there() {
    let controller = FakeController::empty();
    let list: Arc<std::sync::Mutex<Vec<_>>> = Arc::default();
    let told = list.clone();
    let controller = FakeController {
        room: Arc::new(move |_| Ok(told.lock().unwrap().clone())),
        ..controller
    };
    let three = Three::with(controller, |_| {}).await;
    let address = three.nodes[1].address.to_string();
    *list.lock().unwrap() = vec![member("c", &address)];
    let answer = three.bed.push_room(ROOM, "hello").await.unwrap();
    assert!(answer.success, "{}", answer.message);
    assert_eq!(three.batches(), [vec![], named(&["c"]), vec![]]);
}

/// A Controller whose users are at "opaque", at an address that the test fills in.
fn opaque(address: &Arc<std::sync::Mutex<String>>) -> FakeController {
    let (told, users) = (address.clone(), [member("c", "opaque")].to_vec());
    FakeController {
        user: Arc::new(move |_| Ok(at("opaque", &told.lock().unwrap()))),
        room: Arc::new(move |_| Ok(users.clone())),
        ..FakeController::empty()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_address_behind_an_unknown_id_is_learnt_from_one_users_look_up() {
    let address = Arc::default();
    let three = Three::with(opaque(&address), |_| {}).await;
    *address.lock().unwrap() = three.nodes[1].address.to_string();
    for _ in 0..2 {
        assert!(three.bed.push_room(ROOM, "hello").await.unwrap().success);
        assert_eq!(three.batches(), [vec![], named(&["c"]), vec![]]);
    }
    let asked = "method=\"GetUserNode\"";
    let asked = three
        .bed
        .metric("push_manager_controller_requests_total", asked);
    assert_eq!(asked, 1.0, "learnt once");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_was_not_discovered_is_never_called() {
    let stranger = Listener::having(&["c"]).await;
    let address = Arc::default();
    let three = Three::with(opaque(&address), |_| {}).await;
    *address.lock().unwrap() = stranger.address.to_string();
    let answer = three.bed.push_user("c", "hello").await.unwrap();
    assert!(answer.success, "found by asking all: {}", answer.message);
    let asked = stranger.take();
    assert!(asked.ones.is_empty() && asked.batches.is_empty());
    for node in &three.nodes {
        let asked = node.take();
        assert_eq!((asked.ones.len(), asked.batches.len()), (1, 0));
    }
}
