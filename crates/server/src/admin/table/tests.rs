//! Claims about the table: whoever applies what it gives has what it holds.

use std::collections::BTreeMap;

use proptest::prelude::*;
use push_manager_proto::admin::{NodeFilter, Topic};

use prost::Message;
use push_manager_proto::admin::{ApiRow, NodeRow, RemovedReason, ReplicaRow, RowsPart};

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

/// The table's state, and the next one with such rows; true when it is another one.
fn take_in(state: &mut Arc<State>, nodes: &BTreeMap<u64, u64>, pushes: u64) -> bool {
    let mut next = Next::after(state.clone());
    for (key, calls) in nodes {
        let wire = Wire::node(row(*key, *calls));
        next.node(*key, wire.bytes(), || Who::new(fixed(*key)));
    }
    let api = Wire::api(ApiRow {
        api: "PushToRoom".to_owned(),
        succeeded: pushes / 2,
        ..ApiRow::default()
    });
    let replica = Wire::replica(ReplicaRow {
        pushes,
        ..ReplicaRow::default()
    });
    let next = next.finish(vec![api], replica, pushes);
    let changed = !Arc::ptr_eq(state, &next);
    *state = next;
    changed
}

/// What goes over the wire.
fn told(changes: &Changes<'_>) -> RowsPart {
    let bytes: Vec<&[u8]> = changes.rows.iter().flatten().copied().collect();
    RowsPart::decode(bytes.concat().as_slice()).unwrap()
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
    fn apply(&mut self, state: &State, selection: &Selection) {
        let changes = state.changes(selection, Some(self.at));
        if changes.base == 0 {
            *self = Self::default();
        } else {
            assert_eq!(changes.base, self.at);
        }
        let told = told(&changes);
        for removed in &told.removed {
            self.statics.remove(&removed.key);
            self.rows.remove(&removed.key);
        }
        for fixed in told.node_statics {
            self.statics.insert(fixed.key, fixed);
        }
        for row in told.nodes {
            assert!(self.statics.contains_key(&row.key), "a row without a node");
            self.rows.insert(row.key, row);
        }
        for api in told.apis {
            self.apis.insert(api.api.clone(), api);
        }
        self.replica = told.replica.unwrap_or(std::mem::take(&mut self.replica));
        self.at = state.seq();
    }

    fn has_what_is_in(&self, state: &State, selection: &Selection) {
        let all = told(&state.changes(selection, None));
        let rows: Vec<_> = self.rows.values().cloned().collect();
        assert_eq!(rows, all.nodes);
        let statics: Vec<_> = self.statics.values().cloned().collect();
        assert_eq!(statics, all.node_statics);
        let apis: Vec<_> = self.apis.values().cloned().collect();
        assert_eq!(apis, all.apis);
        assert_eq!(Some(&self.replica), all.replica.as_ref());
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
            (Arc::<State>::default(), BTreeMap::new(), 1, 0);
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
    let mut table = Arc::<State>::default();
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
fn a_row_that_is_as_before_is_the_same_bytes_and_only_another_one_is_written_anew() {
    let mut table = Arc::<State>::default();
    take_in(&mut table, &[(1, 0), (2, 0)].into(), 0);
    let before = table.clone();
    take_in(&mut table, &[(1, 0), (2, 1), (3, 0)].into(), 0);
    let all = selection("");
    let [before, after] = [&before, &table].map(|state| state.changes(&all, None).rows);
    let places = |row: &[&[u8]; 2]| row.map(<[u8]>::as_ptr);
    let rows = |rows: &[[&[u8]; 2]]| rows.iter().map(places).collect::<Vec<_>>();
    let (before, after) = (rows(&before), rows(&after));
    assert_eq!(before[0], after[0], "nothing changed");
    assert_eq!(before[1][0], after[1][0], "it is the same node");
    assert_ne!(before[1][1], after[1][1], "its row changed");
}

#[test]
fn a_node_that_comes_back_as_another_replaced_the_first() {
    let mut table = Arc::<State>::default();
    take_in(&mut table, &[(1, 0), (2, 0)].into(), 0);
    let at = table.seq();
    take_in(&mut table, &[(6, 0)].into(), 0);
    let told = told(&table.changes(&selection(""), Some(at)));
    let reasons = told.removed.iter().map(|r| (r.key, r.reason()));
    let reasons: Vec<_> = reasons.collect();
    let expected = [
        (1, RemovedReason::Replaced),
        (2, RemovedReason::Unregistered),
    ];
    assert_eq!(reasons, expected);
}

#[test]
fn topics_leave_out_what_was_not_asked_for() {
    let mut table = Arc::<State>::default();
    take_in(&mut table, &[(1, 0)].into(), 0);
    let topics = Topics::parse(&[Topic::Apis.into()]).unwrap();
    let only = Selection {
        filter: Filter::default(),
        topics,
    };
    let told = told(&table.changes(&only, None));
    assert!(told.nodes.is_empty() && told.replica.is_none());
    assert_eq!(told.apis.len(), 1);
    assert_eq!(Topics::parse(&[9]), Err(BadSelection::Topic(9)));
}
