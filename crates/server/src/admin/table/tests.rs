//! Claims about the table: whoever applies what it gives has what it holds.

use std::collections::BTreeMap;

use proptest::prelude::*;
use push_manager_proto::admin::{NodeFilter, Topic};

use super::*;

fn selection(contains: &str) -> Selection {
    let filter = NodeFilter {
        contains: contains.to_owned(),
        ..NodeFilter::default()
    };
    Selection {
        filter: Filter::parse(Some(filter)).unwrap(),
        topics: Topics::ALL,
    }
}

fn fixed(key: u64) -> NodeStatic {
    NodeStatic {
        key,
        id: format!("Node-{}", key % 5),
        address: format!("10.0.0.{}:1", key % 3),
        ..NodeStatic::default()
    }
}

fn row(key: u64, calls: u64) -> NodeRow {
    NodeRow {
        key,
        calls,
        ..NodeRow::default()
    }
}

fn sample(nodes: &BTreeMap<u64, u64>, pushes: u64) -> Sample {
    Sample {
        nodes: nodes.iter().map(|(key, calls)| row(*key, *calls)).collect(),
        apis: vec![ApiRow {
            api: "PushToRoom".to_owned(),
            succeeded: pushes / 2,
            ..ApiRow::default()
        }],
        replica: ReplicaRow {
            pushes,
            ..ReplicaRow::default()
        },
        event_seq: pushes,
    }
}

fn take_in(table: &mut Table, nodes: &BTreeMap<u64, u64>, pushes: u64) -> bool {
    let keys: Vec<u64> = nodes.keys().copied().collect();
    table.take_in(sample(nodes, pushes), |place| fixed(keys[place]))
}

/// A receiver as the protocol describes it.
#[derive(Default)]
struct Receiver {
    at: u64,
    statics: BTreeMap<u64, NodeStatic>,
    rows: BTreeMap<u64, NodeRow>,
    apis: BTreeMap<String, ApiRow>,
    replica: ReplicaRow,
}

impl Receiver {
    fn apply(&mut self, table: &Table, selection: &Selection) {
        let changes = table.changes(selection, Some(self.at));
        if changes.base == 0 {
            *self = Self::default();
        } else {
            assert_eq!(changes.base, self.at);
        }
        for removed in &changes.removed {
            self.statics.remove(&removed.key);
            self.rows.remove(&removed.key);
        }
        for (fixed, row) in &changes.nodes {
            if let Some(fixed) = fixed {
                self.statics.insert(fixed.key, (*fixed).clone());
            }
            assert!(self.statics.contains_key(&row.key), "a row without a node");
            self.rows.insert(row.key, (*row).clone());
        }
        for api in &changes.apis {
            self.apis.insert(api.api.clone(), (*api).clone());
        }
        if let Some(replica) = changes.replica {
            self.replica = replica.clone();
        }
        self.at = table.seq();
    }

    fn has_what_is_in(&self, table: &Table, selection: &Selection) {
        let all = table.changes(selection, None);
        let rows: Vec<_> = all.nodes.iter().map(|(_, row)| (*row).clone()).collect();
        assert_eq!(self.rows.values().cloned().collect::<Vec<_>>(), rows);
        let statics = all.nodes.iter().filter_map(|(fixed, _)| fixed.cloned());
        let statics: Vec<_> = statics.collect();
        assert_eq!(self.statics.values().cloned().collect::<Vec<_>>(), statics);
        let apis: Vec<_> = all.apis.into_iter().cloned().collect();
        assert_eq!(self.apis.values().cloned().collect::<Vec<_>>(), apis);
        assert_eq!(Some(&self.replica), all.replica);
    }
}

#[derive(Clone, Debug)]
enum Step {
    Add,
    Remove(usize),
    Call(usize),
    Push,
    Idle,
    /// That many in a row, so that the removals before are forgotten.
    Churn,
    Read(usize),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => Just(Step::Add),
        3 => (0..9_usize).prop_map(Step::Remove),
        4 => (0..9_usize).prop_map(Step::Call),
        2 => Just(Step::Push),
        1 => Just(Step::Idle),
        6 => (0..3_usize).prop_map(Step::Read),
    ]
}

proptest! {
    #[test]
    fn a_receiver_that_applies_what_it_is_given_has_the_tables_rows(
        steps in proptest::collection::vec(step(), 1..80),
        churn_at in proptest::option::of(0..80_usize),
    ) {
        let selections = ["", "node-1", "10.0.0.2"].map(selection);
        let mut receivers = [(); 3].map(|()| Receiver::default());
        let (mut table, mut nodes, mut next, mut pushes) =
            (Table::default(), BTreeMap::new(), 1, 0);
        take_in(&mut table, &nodes, pushes);
        for (at, step) in steps.into_iter().enumerate() {
            let step = if Some(at) == churn_at { Step::Churn } else { step };
            match step {
                Step::Add => {
                    nodes.insert(next, 0);
                    next += 1;
                }
                Step::Remove(which) => {
                    if let Some(key) = nodes.keys().nth(which).copied() {
                        nodes.remove(&key);
                    }
                }
                Step::Call(which) => {
                    if let Some(calls) = nodes.values_mut().nth(which) {
                        *calls += 1;
                    }
                }
                Step::Push => pushes += 1,
                Step::Idle => {
                    take_in(&mut table, &nodes, pushes);
                    prop_assert!(!take_in(&mut table, &nodes, pushes), "nothing changed");
                }
                Step::Churn => {
                    let mut many = nodes.clone();
                    many.extend((next..=next + MOST_REMOVED as u64).map(|key| (key, 0)));
                    next += MOST_REMOVED as u64 + 1;
                    take_in(&mut table, &many, pushes);
                }
                Step::Read(which) => {
                    receivers[which].apply(&table, &selections[which]);
                    receivers[which].has_what_is_in(&table, &selections[which]);
                    continue;
                }
            }
            take_in(&mut table, &nodes, pushes);
        }
        for (receiver, selection) in receivers.iter_mut().zip(&selections) {
            receiver.apply(&table, selection);
            receiver.has_what_is_in(&table, selection);
        }
    }
}

#[test]
fn who_resumes_from_before_the_oldest_removal_gets_everything() {
    let mut table = Table::default();
    let many: BTreeMap<u64, u64> = (1..=MOST_REMOVED as u64 + 1).map(|key| (key, 0)).collect();
    take_in(&mut table, &many, 0);
    let at = table.seq();
    take_in(&mut table, &BTreeMap::new(), 0);
    assert_eq!(table.changes(&selection(""), Some(at)).base, 0);
    let at = table.seq();
    assert_eq!(table.changes(&selection(""), Some(at)).base, at);
    assert_eq!(
        table.changes(&selection(""), Some(at + 1)).base,
        0,
        "not from here"
    );
}

#[test]
fn a_node_that_comes_back_as_another_replaced_the_first() {
    let mut table = Table::default();
    take_in(&mut table, &[(1, 0), (2, 0)].into(), 0);
    let at = table.seq();
    take_in(&mut table, &[(6, 0)].into(), 0);
    let changes = table.changes(&selection(""), Some(at));
    let reasons: Vec<_> = changes
        .removed
        .iter()
        .map(|r| (r.key, r.reason()))
        .collect();
    let expected = [
        (1, RemovedReason::Replaced),
        (2, RemovedReason::Unregistered),
    ];
    assert_eq!(reasons, expected);
}

#[test]
fn topics_leave_out_what_was_not_asked_for() {
    let mut table = Table::default();
    take_in(&mut table, &[(1, 0)].into(), 0);
    let topics = Topics::parse(&[Topic::Apis.into()]).unwrap();
    let only = Selection {
        filter: Filter::default(),
        topics,
    };
    let changes = table.changes(&only, None);
    assert!(changes.nodes.is_empty() && changes.replica.is_none());
    assert_eq!(changes.apis.len(), 1);
    assert_eq!(Topics::parse(&[9]), Err(BadSelection::Topic(9)));
}
