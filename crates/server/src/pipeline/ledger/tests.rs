//! Whatever nodes say, in whatever order: every target is counted once.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::pool::Snapshot;

const DELIVERED: Ending = (Outcome::Delivered, None);
const LATE: Ending = (Outcome::Unknown, Some(Reason::DeadlineExceeded));

fn ledger_of(users: usize) -> Ledger {
    let mut ledger = Ledger::default();
    for number in 0..users {
        ledger.add(UserId::new(format!("user-{number}")));
    }
    ledger
}

fn nodes() -> Snapshot {
    Snapshot::of_ids(&["node-1", "node-2", "node-3"])
}

fn call(nodes: &Snapshot, node: usize, to: To) -> PlannedCall {
    PlannedCall {
        node: nodes.nodes()[node].clone(),
        room: None,
        to,
        via: Via::Registered,
    }
}

fn named(nodes: &Snapshot, node: usize, targets: &[usize]) -> PlannedCall {
    call(nodes, node, To::Named(targets.into()))
}

fn failed((outcome, reason): Ending) -> Verdict {
    Verdict::failed(outcome, reason.unwrap(), "")
}

/// How many targets ended so.
fn ended(ledger: &Ledger, ending: Ending) -> u64 {
    ledger.endings().get(&ending).copied().unwrap_or(0)
}

#[test]
fn a_target_that_nobody_was_asked_about_is_offline() {
    let ledger = ledger_of(2);
    assert_eq!(ledger.endings(), Endings::from([(OFFLINE, 2)]));
}

#[test]
fn whoever_may_be_at_a_held_node_is_node_gone_unless_a_call_may_have_arrived() {
    let nodes = nodes();
    let mut ledger = Ledger::default();
    ledger.expect(5);
    let [held, late] = [0, 1].map(|node| call(&nodes, node, To::Room));
    ledger.asking(&held);
    ledger.record(&held, &failed(HELD));
    assert_eq!(ledger.endings(), Endings::from([(HELD, 5)]));
    ledger.asking(&late);
    ledger.record(&late, &failed(LATE));
    assert_eq!(ledger.endings().values().sum::<u64>(), 5);
    assert_eq!(ended(&ledger, HELD), 1);
    assert_eq!(ended(&ledger, (Outcome::Unknown, HELD.1)), 3);
}

#[test]
fn one_delivery_outweighs_every_other_word_and_counts_once() {
    let nodes = nodes();
    let mut ledger = ledger_of(1);
    let calls = [0, 1, 2].map(|node| named(&nodes, node, &[0]));
    for call in &calls {
        ledger.asking(call);
    }
    ledger.record(&calls[0], &failed(LATE));
    ledger.record(&calls[1], &Verdict::Named(vec![DELIVERED]));
    ledger.record(&calls[2], &Verdict::Named(vec![OFFLINE]));
    assert_eq!(ledger.endings(), Endings::from([(DELIVERED, 1)]));
    let told: Vec<_> = ledger.nodes().values().copied().collect();
    assert_eq!(told, [Some(Reason::DeadlineExceeded), None, None]);
}

#[test]
fn a_user_whom_the_right_node_does_not_have_is_looked_up_afresh_once_and_at_once() {
    let nodes = nodes();
    let mut ledger = ledger_of(1);
    let calls = [0, 1, 2].map(|node| named(&nodes, node, &[0]));
    for call in &calls[..2] {
        ledger.asking(call);
    }
    let not_here = Verdict::Named(vec![OFFLINE]);
    let delivered = Verdict::Named(vec![DELIVERED]);
    assert!(ledger.record(&calls[0], &delivered).is_empty());
    assert_eq!(
        ledger.record(&calls[1], &not_here),
        [0],
        "another device may have moved"
    );
    ledger.asking(&calls[2]);
    assert!(
        ledger.record(&calls[2], &not_here).is_empty(),
        "not a second time"
    );
    ledger.nowhere(0);
    assert_eq!(ended(&ledger, DELIVERED), 1, "the first device has it");
}

#[test]
fn a_user_whose_node_is_only_guessed_is_looked_up_when_all_have_spoken() {
    let nodes = nodes();
    let mut ledger = ledger_of(1);
    let calls = [0, 1].map(|node| PlannedCall {
        via: Via::Guess,
        ..named(&nodes, node, &[0])
    });
    for call in &calls {
        ledger.asking(call);
    }
    let not_here = Verdict::Named(vec![OFFLINE]);
    assert!(ledger.record(&calls[0], &not_here).is_empty());
    assert_eq!(ledger.record(&calls[1], &not_here), [0]);
    assert_eq!(ended(&ledger, UNRESOLVED), 1);
    ledger.nowhere(0);
    assert_eq!(ended(&ledger, OFFLINE), 1);
}

#[test]
fn when_nobody_can_say_where_a_user_went_the_push_is_no_success() {
    let nodes = nodes();
    let mut ledger = ledger_of(1);
    let call = named(&nodes, 0, &[0]);
    ledger.asking(&call);
    ledger.record(&call, &Verdict::Named(vec![OFFLINE]));
    ledger.lost_track(0);
    assert_eq!(ended(&ledger, LOST_TRACK), 1);
}

#[test]
fn members_whom_no_node_counted_are_at_a_node_that_nothing_names() {
    let nodes = nodes();
    let mut ledger = Ledger::default();
    ledger.expect(5);
    let counted = Verdict::Counted {
        delivered: 3,
        failed: 0,
        unaccounted: 0,
    };
    ledger.record(&call(&nodes, 0, To::Room), &counted);
    assert_eq!(
        ledger.endings(),
        Endings::from([(DELIVERED, 3), (UNRESOLVED, 2)])
    );
}

#[test]
fn a_user_who_may_have_got_it_is_not_sent_it_again() {
    let nodes = nodes();
    let mut ledger = ledger_of(1);
    let call = named(&nodes, 0, &[0]);
    ledger.asking(&call);
    assert!(ledger.record(&call, &failed(LATE)).is_empty());
    assert_eq!(ended(&ledger, LATE), 1);
}

#[test]
fn a_node_that_left_a_user_out_of_its_answer_leaves_them_unknown() {
    let nodes = nodes();
    let mut ledger = ledger_of(3);
    let call = named(&nodes, 0, &[0, 1, 2]);
    ledger.asking(&call);
    ledger.record(&call, &Verdict::Named(vec![DELIVERED]));
    assert_eq!(ended(&ledger, DELIVERED), 1);
    assert_eq!(
        ended(&ledger, (Outcome::Unknown, Some(Reason::Unaccounted))),
        2
    );
}

#[test]
fn not_here_says_nothing_at_a_node_that_was_only_guessed() {
    let nodes = nodes();
    let mut ledger = ledger_of(1);
    let guess = PlannedCall {
        via: Via::Guess,
        ..named(&nodes, 0, &[0])
    };
    ledger.asking(&guess);
    ledger.record(&guess, &Verdict::Named(vec![OFFLINE]));
    assert_eq!(ended(&ledger, UNRESOLVED), 1);
}

#[test]
fn a_node_without_a_word_about_a_room_is_one_unknown_target() {
    let nodes = nodes();
    let mut ledger = Ledger::default();
    let (heard, silent) = (call(&nodes, 0, To::Room), call(&nodes, 1, To::Room));
    ledger.record(
        &heard,
        &Verdict::Counted {
            delivered: 4,
            failed: 1,
            unaccounted: 0,
        },
    );
    ledger.record(&silent, &failed(LATE));
    let expected = [(DELIVERED, 4), (OFFLINE, 1), (LATE, 1)];
    assert_eq!(ledger.endings(), Endings::from(expected));
}

/// A call and what its node said.
#[derive(Clone, Debug)]
struct Word {
    node: usize,
    /// None: the room form.
    targets: Option<BTreeSet<usize>>,
    scattered: bool,
    verdict: Verdict,
    /// Where the Controller finds who has to be looked up afresh.
    found_again: bool,
}

fn ending() -> impl Strategy<Value = Ending> {
    let outcome = prop::sample::select(Outcome::ALL.to_vec());
    let reason = prop::option::of(prop::sample::select(Reason::ALL.to_vec()));
    (outcome, reason)
}

fn word(users: usize) -> impl Strategy<Value = Word> {
    let verdict = prop_oneof![
        3 => prop::collection::vec(ending(), 0..users + 2).prop_map(Verdict::Named),
        1 => (0..5_u64, 0..5_u64).prop_map(|(delivered, failed)| Verdict::Counted { delivered, failed, unaccounted: 0 }),
        2 => (ending(), prop::sample::select(Reason::ALL.to_vec()))
            .prop_map(|((outcome, _), reason)| Verdict::failed(outcome, reason, "")),
    ];
    let targets = prop::option::weighted(0.8, prop::collection::btree_set(0..users, 1..=users));
    (0..3_usize, targets, any::<bool>(), verdict, any::<bool>()).prop_map(
        |(node, targets, scattered, verdict, found_again)| Word {
            node,
            targets,
            scattered,
            verdict,
            found_again,
        },
    )
}

/// What a room form's verdict adds to the targets.
fn uncounted(word: &Word) -> u64 {
    match (&word.targets, &word.verdict) {
        (Some(_), _) => 0,
        (
            None,
            Verdict::Counted {
                delivered, failed, ..
            },
        ) => delivered + failed,
        (None, Verdict::Named(endings)) => endings.len() as u64,
        (None, Verdict::Failed { .. }) => 1,
    }
}

proptest! {
    #[test]
    fn counts_sum_to_the_targets_whatever_is_said_in_whatever_order(
        (users, words, excluded) in (1..6_usize).prop_flat_map(|users| (
            Just(users),
            prop::collection::vec(word(users), 0..12),
            prop::collection::btree_set(0..users, 0..=users),
        )),
        asked_at_once in any::<bool>(),
    ) {
        let nodes = nodes();
        let mut ledger = ledger_of(users);
        for target in &excluded {
            ledger.end(*target, (Outcome::Excluded, Some(Reason::Excluded)));
        }
        let call_of = |word: &Word| PlannedCall {
            via: if word.scattered { Via::Guess } else { Via::Registered },
            ..call(&nodes, word.node, word.targets.as_ref().map_or(To::Room, |targets| {
                To::Named(targets.iter().copied().collect())
            }))
        };
        if asked_at_once {
            for word in &words {
                ledger.asking(&call_of(word));
            }
        }
        let mut expected = users as u64;
        let mut afresh = BTreeSet::new();
        for word in &words {
            let call = call_of(word);
            if !asked_at_once {
                ledger.asking(&call);
            }
            for target in ledger.record(&call, &word.verdict) {
                prop_assert!(afresh.insert(target), "{target} is looked up twice");
                if !word.found_again {
                    ledger.nowhere(target);
                }
            }
            expected += uncounted(word);
            prop_assert_eq!(ledger.endings().values().sum::<u64>(), expected);
        }
    }
}
