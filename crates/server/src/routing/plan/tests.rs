use proptest::prelude::*;

use super::*;
use crate::pool::NodeSpec;

/// Where users are: for each the nodes' names.
fn places(users: &[Vec<&str>]) -> Vec<Place> {
    let all = users.iter().enumerate();
    all.flat_map(|(target, nodes)| {
        nodes.iter().map(move |node| Place {
            target,
            node: NodeId::new(*node),
            room: Some(RoomId::new("lobby")),
        })
    })
    .collect()
}

/// A plan over three nodes, as (node, targets, guessed).
fn plan(users: &[Vec<&str>], chunk: usize) -> (Vec<Shown>, Vec<usize>) {
    let snapshot = Snapshot::of_ids(&["a", "b", "c"]);
    let planned = place(
        known(&snapshot, &HashMap::new()),
        &places(users),
        None,
        chunk,
    );
    (
        planned.calls.iter().map(shown).collect(),
        planned.unresolved,
    )
}

fn known<'a>(snapshot: &'a Snapshot, learnt: &'a HashMap<NodeId, Arc<str>>) -> Known<'a> {
    Known { snapshot, learnt }
}

/// A call's node, targets, and whether the node was only guessed.
type Shown = (String, Vec<usize>, bool);

fn shown(call: &PlannedCall) -> Shown {
    let To::Named(targets) = &call.to else {
        panic!("names its users");
    };
    let guessed = call.via == Via::Guess;
    (call.node.id().to_string(), targets.to_vec(), guessed)
}

#[test]
fn users_of_one_node_share_a_call() {
    let (calls, unresolved) = plan(&[vec!["a"], vec!["b"], vec!["a"]], 10);
    let expected = [
        ("a".to_owned(), vec![0, 2], false),
        ("b".to_owned(), vec![1], false),
    ];
    assert_eq!(calls, expected);
    assert!(unresolved.is_empty());
}

#[test]
fn no_call_names_more_than_a_chunk() {
    let (calls, _) = plan(&vec![vec!["a"]; 5], 2);
    let sizes: Vec<_> = calls.iter().map(|(_, targets, _)| targets.len()).collect();
    assert_eq!(sizes, [2, 2, 1]);
}

#[test]
fn a_user_on_several_nodes_is_named_at_each_once() {
    let (calls, _) = plan(&[vec!["a", "b", "a"]], 10);
    let expected = [
        ("a".to_owned(), vec![0], false),
        ("b".to_owned(), vec![0], false),
    ];
    assert_eq!(calls, expected);
}

#[test]
fn an_unknown_node_means_the_user_is_named_at_all_nodes() {
    let (calls, unresolved) = plan(&[vec!["stranger"], vec!["a"]], 10);
    let asked: Vec<_> = calls.iter().filter(|(_, _, guessed)| *guessed).collect();
    assert_eq!(asked.len(), 3);
    assert!(asked.iter().all(|(_, targets, _)| targets == &[0]));
    assert!(unresolved.is_empty());
}

#[test]
fn a_node_that_had_its_say_is_not_asked_again_and_no_node_left_is_unresolved() {
    let snapshot = Snapshot::of_ids(&["a"]);
    let learnt = HashMap::new();
    let users = places(&[vec!["stranger"]]);
    let again = place(known(&snapshot, &learnt), &users, Some(&|_, _| true), 10);
    assert!(again.calls.is_empty());
    assert_eq!(again.unresolved, [0]);
    let none = place(known(&Snapshot::default(), &learnt), &users, None, 10);
    assert_eq!(none.unresolved, [0]);
}

#[test]
fn a_user_at_two_places_on_one_node_is_named_there_once() {
    let snapshot = Snapshot::of_ids(&["a", "b"]);
    let mut users = places(&[vec!["a", "a", "stranger", "another"]]);
    users[1].room = Some(RoomId::new("attic"));
    users[3].room = Some(RoomId::new("attic"));
    let planned = place(known(&snapshot, &HashMap::new()), &users, None, 10);
    let calls: Vec<_> = planned.calls.iter().map(shown).collect();
    let expected = [
        ("a".to_owned(), vec![0], false),
        ("b".to_owned(), vec![0], true),
    ];
    assert_eq!(calls, expected);
}

#[test]
fn an_address_that_was_learnt_leads_to_the_node() {
    let snapshot = Snapshot::of_specs(&[NodeSpec {
        id: NodeId::new("10.0.0.1:7"),
        address: "10.0.0.1:7".parse().unwrap(),
        instance: None,
        registration: String::new(),
        revision: 0,
        named: [].into(),
        segments: [NodeId::new("10.0.0.1:7")].into(),
    }]);
    let learnt = HashMap::from([(NodeId::new("node-1"), Arc::from("10.0.0.1:7"))]);
    let users = places(&[vec!["node-1"]]);
    let planned = place(known(&snapshot, &learnt), &users, None, 10);
    let call = &planned.calls[0];
    assert_eq!(call.node.id().as_str(), "10.0.0.1:7");
    assert_eq!(call.via, Via::Learnt(NodeId::new("node-1")));
}

#[test]
fn a_room_form_goes_to_the_rooms_nodes_once_or_to_all_when_one_is_unknown() {
    let snapshot = Snapshot::of_ids(&["a", "b", "c"]);
    let (learnt, lobby) = (HashMap::new(), RoomId::new("lobby"));
    let asked = |ids: &[&str]| {
        let ids: Vec<_> = ids.iter().map(|id| NodeId::new(*id)).collect();
        let calls = room_form(known(&snapshot, &learnt), &lobby, &ids);
        assert!(calls.iter().all(|call| call.room.as_ref() == Some(&lobby)));
        calls.len()
    };
    assert_eq!(asked(&["a", "b", "a"]), 2);
    assert_eq!(asked(&["a", "stranger"]), 3);
    assert_eq!(asked(&[]), 0);
    assert_eq!(everyone(&snapshot).len(), 3);
}

proptest! {
    #[test]
    fn every_located_user_is_asked_about_or_unresolved_and_never_twice_at_a_node(
        users in prop::collection::vec(
            prop::collection::vec(prop::sample::select(vec!["a", "b", "c", "x", "y"]), 1..4),
            1..20,
        ),
        chunk in 1..5_usize,
    ) {
        let (calls, unresolved) = plan(&users, chunk);
        for target in 0..users.len() {
            let mut asked: Vec<_> = calls
                .iter()
                .filter(|(_, targets, _)| targets.contains(&target))
                .map(|(node, ..)| node)
                .collect();
            prop_assert!(!asked.is_empty() || unresolved.contains(&target));
            let times = asked.len();
            asked.sort();
            asked.dedup();
            prop_assert_eq!(asked.len(), times, "{} is named twice at a node", target);
        }
        prop_assert!(calls.iter().all(|(_, targets, _)| targets.len() <= chunk));
    }
}
