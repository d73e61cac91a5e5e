use std::collections::HashSet;

use bytes::Bytes;
use tokio::time::Instant;

use super::*;
use crate::{
    delivery::{Ending, Verdict},
    ids::{InstanceId, PushIds, RoomId, UserId},
    pool::Snapshot,
    routing::{PlannedCall, To, Via},
    trace::TraceContext,
};

const DELIVERED: Ending = (Outcome::Delivered, None);
const OFFLINE: Ending = (Outcome::Offline, Some(Reason::NotConnected));

fn push(target: Target) -> Push {
    Push {
        id: PushIds::new(InstanceId::random()).next(),
        target,
        content: Bytes::new(),
        began: Instant::now(),
        deadline: Instant::now(),
        trace: TraceContext::default(),
    }
}

fn room() -> Target {
    Target::Room {
        room: RoomId::new("lobby"),
        exclude: HashSet::new(),
    }
}

/// The report when each node, by number, says this about one user each.
fn report(target: Target, words: &[Verdict]) -> Report {
    let ids: Vec<String> = (1..=words.len())
        .map(|number| format!("node-{number}"))
        .collect();
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    let nodes = Snapshot::of_ids(&ids);
    let mut ledger = Ledger::default();
    for (node, word) in nodes.nodes().iter().zip(words) {
        let at = ledger.add(UserId::new(format!("user of {}", node.id())));
        let call = PlannedCall {
            node: node.clone(),
            room: None,
            to: To::Named([at].into()),
            via: Via::Registered,
        };
        ledger.asking(&call);
        ledger.record(&call, word);
    }
    Report::new(&push(target), &ledger)
}

fn got_it() -> Verdict {
    Verdict::Named(vec![DELIVERED])
}

fn late() -> Verdict {
    Verdict::failed(Outcome::Unknown, Reason::DeadlineExceeded, "")
}

#[test]
fn the_sentence_names_who_was_not_reached_and_why() {
    let report = report(room(), &[got_it(), got_it(), late()]);
    let sentence = "2 of 3 nodes reached; node-3: deadline exceeded; 2 delivered, 1 unknown";
    assert_eq!(report.message, sentence);
    assert!(!report.success);
    assert_eq!((report.count(Outcome::Delivered), report.targets()), (2, 3));
}

#[test]
fn more_than_five_nodes_that_failed_are_counted_not_named() {
    let report = report(room(), &vec![late(); 7]);
    assert!(
        report
            .message
            .contains("node-5: deadline exceeded; and 2 more; 7 unknown")
    );
    assert!(!report.message.contains("node-6"));
}

#[test]
fn a_room_push_succeeds_though_some_are_offline() {
    let report = report(room(), &[got_it(), Verdict::Named(vec![OFFLINE])]);
    assert!(report.success);
    assert_eq!(
        report.message,
        "2 of 2 nodes reached; 1 delivered, 1 offline"
    );
}

#[test]
fn a_user_push_succeeds_only_when_a_connection_took_it() {
    let user = || Target::User(UserId::new("ann"));
    assert!(report(user(), &[got_it()]).success);
    assert!(!report(user(), &[late()]).success);
    let offline = report(user(), &[Verdict::Named(vec![OFFLINE])]);
    assert!(!offline.success);
    assert_eq!(offline.message, "user ann is not connected");
}

#[test]
fn nobody_to_deliver_to_is_said_and_is_a_success_but_for_a_user() {
    let nobody = report(room(), &[]);
    assert!(nobody.success);
    assert_eq!(
        nobody.message,
        "room lobby is unknown or empty: nobody to deliver to"
    );
    let nowhere = report(Target::Everyone, &[]);
    assert!(nowhere.success);
    assert_eq!(
        nowhere.message,
        "no Connect-Node is registered: nobody to deliver to"
    );
}

#[test]
fn every_failure_makes_a_room_push_unsuccessful() {
    for outcome in Outcome::ALL {
        let word = Verdict::Named(vec![(outcome, None)]);
        let fine = [Outcome::Delivered, Outcome::Offline, Outcome::Excluded].contains(&outcome);
        assert_eq!(
            report(room(), &[got_it(), word]).success,
            fine,
            "{outcome:?}"
        );
    }
}

#[test]
fn an_id_that_no_node_goes_by_is_told_apart_from_a_node_that_left() {
    let mut ledger = Ledger::default();
    let target = ledger.add(UserId::new("ann"));
    ledger.unresolved(target);
    let report = Report::new(&push(room()), &ledger);
    assert!(
        report.message.contains("unresolved_node"),
        "{}",
        report.message
    );
    assert!(!report.success);
}
