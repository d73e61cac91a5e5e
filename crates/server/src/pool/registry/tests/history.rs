//! The pool equals etcd: random histories of a store, of what discovery tells
//! about it, of connections and of time, against the set that follows from them.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use proptest::prelude::*;
use tokio::time::Instant;

use super::{GRACE, Shadow, id, key, registration, shown};
use crate::discovery::{Address, Event, Malformed, Registration};
use crate::ids::NodeId;
use crate::pool::{Change, Registry};

/// What may happen. Numbers pick one of a few keys, ids and addresses, so that
/// they collide often.
#[derive(Clone, Copy, Debug)]
enum Op {
    /// A key is written; without an id its segment names the node.
    Put {
        key: u8,
        id: Option<u8>,
        address: u8,
        instance: Option<u8>,
    },
    /// A key is written with something unreadable.
    Garbage {
        key: u8,
    },
    Delete {
        key: u8,
    },
    /// The store loses everything and counts from the start.
    Wipe,
    /// The watch delivers so many of the changes that are due.
    Deliver {
        events: u8,
    },
    /// The watch repeats its last changes.
    Repeat {
        events: u8,
    },
    /// The source is lost, though a few changes more may still come out of it.
    Away {
        late: u8,
    },
    /// A whole list, as after a compaction or an outage.
    List,
    Open {
        id: u8,
    },
    Close {
        id: u8,
    },
    Pass {
        seconds: u8,
    },
}

fn op() -> impl Strategy<Value = Op> {
    let (key, id, address) = (0..5_u8, 0..4_u8, 0..4_u8);
    prop_oneof![
        6 => (key.clone(), prop::option::of(id.clone()), address, prop::option::of(0..2_u8))
            .prop_map(|(key, id, address, instance)| Op::Put { key, id, address, instance }),
        1 => key.clone().prop_map(|key| Op::Garbage { key }),
        3 => key.prop_map(|key| Op::Delete { key }),
        1 => Just(Op::Wipe),
        6 => (1..5_u8).prop_map(|events| Op::Deliver { events }),
        2 => (1..5_u8).prop_map(|events| Op::Repeat { events }),
        1 => (0..3_u8).prop_map(|late| Op::Away { late }),
        2 => Just(Op::List),
        4 => id.clone().prop_map(|id| Op::Open { id }),
        3 => id.prop_map(|id| Op::Close { id }),
        2 => (1..40_u8).prop_map(|seconds| Op::Pass { seconds }),
    ]
}

/// The id that a registration claims.
fn claimed(found: &Registration) -> NodeId {
    let segment = || NodeId::new(found.segment.as_str());
    found.node_id.clone().unwrap_or_else(segment)
}

/// A store that remembers its changes, as etcd does until it compacts.
#[derive(Debug, Default)]
struct Store {
    keys: BTreeMap<String, Option<Registration>>,
    history: Vec<Event>,
    revision: i64,
}

/// What discovery has told so far, and the set that should follow from it.
struct Model {
    store: Store,
    /// Changes of `store.history` that were told.
    told: usize,
    connected: bool,
    synced: bool,
    /// The readable registrations as told.
    view: BTreeMap<String, Registration>,
    /// Nodes without a registration: where they were, and until when they stay.
    lingering: BTreeMap<NodeId, (Address, Instant)>,
    /// The nodes with a registration, as of the last change.
    present: BTreeMap<NodeId, Address>,
    open: BTreeSet<NodeId>,
    now: Instant,
}

impl Model {
    fn new() -> Self {
        Self {
            store: Store::default(),
            told: 0,
            connected: false,
            synced: false,
            view: BTreeMap::new(),
            lingering: BTreeMap::new(),
            present: BTreeMap::new(),
            open: BTreeSet::new(),
            now: Instant::now(),
        }
    }

    /// Makes something happen; gives what the pool hears of it.
    fn step(&mut self, op: Op) -> Vec<Event> {
        match op {
            Op::Put {
                key,
                id,
                address,
                instance,
            } => {
                let revision = self.store.revision + 1;
                let found = registration(key, id, address, instance, revision);
                let event = Event::Put {
                    registration: found.clone(),
                };
                self.write(found.key.clone(), Some(found), event);
            }
            Op::Garbage { key: number } => {
                let (key, revision) = (key(number), self.store.revision + 1);
                let reason = Malformed::NotText;
                let event = Event::Skipped {
                    key: key.clone(),
                    revision,
                    reason,
                };
                self.write(key, None, event);
            }
            Op::Delete { key: number } => {
                let (key, revision) = (key(number), self.store.revision + 1);
                if self.store.keys.remove(&key).is_some() {
                    self.store.revision = revision;
                    self.store.history.push(Event::Removed { key, revision });
                }
            }
            Op::Wipe => {
                self.store = Store::default();
                self.told = 0;
                return self.lose(0);
            }
            Op::Deliver { events } if self.connected => return self.deliver(events.into()),
            Op::Repeat { events } if self.connected => return self.repeat(events.into()),
            Op::Away { late } if self.connected => return self.lose(late.into()),
            Op::Deliver { .. } | Op::Repeat { .. } | Op::Away { .. } => {}
            Op::List => return self.list(),
            Op::Open { id: number } => {
                let id = id(number);
                if self.present.contains_key(&id) || self.lingering.contains_key(&id) {
                    self.open.insert(id);
                }
            }
            Op::Close { id: number } => drop(self.open.remove(&id(number))),
            Op::Pass { seconds } => self.now += Duration::from_secs(seconds.into()),
        }
        Vec::new()
    }

    fn write(&mut self, key: String, value: Option<Registration>, event: Event) {
        self.store.revision += 1;
        self.store.keys.insert(key, value);
        self.store.history.push(event);
    }

    fn deliver(&mut self, events: usize) -> Vec<Event> {
        let end = self.store.history.len().min(self.told + events);
        let due = self.store.history[self.told..end].to_vec();
        self.told = end;
        for event in &due {
            match event.clone() {
                Event::Put { registration } => {
                    self.view.insert(registration.key.clone(), registration);
                }
                Event::Removed { key, .. } | Event::Skipped { key, .. } => {
                    self.view.remove(&key);
                }
                Event::Listed { .. } | Event::Away { .. } => unreachable!("not in the history"),
            }
        }
        due
    }

    fn repeat(&self, events: usize) -> Vec<Event> {
        self.store.history[self.told.saturating_sub(events)..self.told].to_vec()
    }

    /// What comes out of a lost source is not acted on before the next list.
    fn lose(&mut self, late: usize) -> Vec<Event> {
        if !std::mem::take(&mut self.connected) {
            return Vec::new();
        }
        let why = "gone".to_owned();
        let mut heard = vec![Event::Away { why }];
        heard.extend(self.deliver(late));
        heard
    }

    fn list(&mut self) -> Vec<Event> {
        (self.connected, self.synced) = (true, true);
        self.told = self.store.history.len();
        let readable = self.store.keys.values().flatten();
        self.view = readable
            .map(|found| (found.key.clone(), found.clone()))
            .collect();
        let registrations = self.view.values().cloned().collect();
        let revision = self.store.revision;
        let mut heard = vec![Event::Listed {
            revision,
            registrations,
        }];
        let unreadable = self.store.keys.iter().filter(|(_, value)| value.is_none());
        heard.extend(unreadable.map(|(key, _)| Event::Skipped {
            key: key.clone(),
            revision,
            reason: Malformed::NotText,
        }));
        heard
    }

    /// One node an address, one an id; the newest revision wins.
    fn wanted(&self) -> BTreeMap<NodeId, Address> {
        let mut newest_first: Vec<_> = self.view.values().collect();
        newest_first.sort_by_key(|found| std::cmp::Reverse(found.revision));
        let mut nodes = BTreeMap::new();
        for found in newest_first {
            let taken = nodes.contains_key(&claimed(found))
                || nodes.values().any(|address| *address == found.address);
            if !taken {
                nodes.insert(claimed(found), found.address.clone());
            }
        }
        nodes
    }

    /// Brings the expected set up to date. While the source is away it stands still.
    fn settle(&mut self) {
        if !self.connected {
            return;
        }
        let wanted = self.wanted();
        for (id, address) in std::mem::take(&mut self.present) {
            if !wanted.contains_key(&id) {
                self.lingering.insert(id, (address, self.now + GRACE));
            }
        }
        let (now, open) = (self.now, &self.open);
        self.lingering.retain(|id, (address, until)| {
            let back = wanted.contains_key(id) || wanted.values().any(|taken| taken == address);
            !back && open.contains(id) && *until > now
        });
        self.present = wanted;
    }

    fn expected(&self) -> BTreeMap<NodeId, (Address, bool)> {
        let present = self.present.iter();
        let present = present.map(|(id, address)| (id.clone(), (address.clone(), false)));
        let lingering = self.lingering.iter();
        let lingering = lingering.map(|(id, (address, _))| (id.clone(), (address.clone(), true)));
        present.chain(lingering).collect()
    }
}

/// Carries changes out as the pool's worker does, and checks that each makes sense.
fn carry_out(shadow: &mut Shadow, changes: Vec<Change>, open: &mut BTreeSet<NodeId>) {
    for change in changes {
        match change {
            Change::Added(spec) => {
                if let Some((old, _)) = shadow.get(&spec.id) {
                    let same = (&old.address, &old.instance) == (&spec.address, &spec.instance);
                    assert!(!same, "{spec:?} is no other node than before");
                    // A new node has no connections yet.
                    open.remove(&spec.id);
                }
                shadow.insert(spec.id.clone(), (spec, false));
            }
            Change::Renamed(spec) => {
                let (old, lingers) = shadow.get_mut(&spec.id).expect("renamed what is there");
                assert!(!*lingers && old.address == spec.address && *old != spec);
                *old = spec;
            }
            Change::Lingering(id) => {
                let (_, lingers) = shadow.get_mut(&id).expect("lingers what is there");
                assert!(!std::mem::replace(lingers, true), "{id} lingers twice");
            }
            Change::Returned(id) => {
                let (_, lingers) = shadow.get_mut(&id).expect("returns what is there");
                assert!(std::mem::take(lingers), "{id} had not left");
            }
            Change::Removed(id) => {
                assert!(shadow.remove(&id).is_some(), "{id} was not there");
                open.remove(&id);
            }
            Change::Duplicate { .. } => {}
        }
    }
}

/// Runs a history and checks the set after each step.
fn check(ops: Vec<Op>) {
    let mut model = Model::new();
    let mut registry = Registry::new(GRACE);
    let mut shadow = Shadow::new();
    for op in ops {
        let before = (registry.revision(), model.expected());
        let heard = model.step(op);
        let listed = heard
            .iter()
            .any(|event| matches!(event, Event::Listed { .. }));
        for event in heard {
            let live = model.open.clone();
            let changes = registry.apply(event, model.now, |id| live.contains(id));
            let stale = matches!(op, Op::Repeat { .. });
            assert!(
                !stale || changes.is_empty(),
                "{op:?} is no news: {changes:?}"
            );
            carry_out(&mut shadow, changes, &mut model.open);
        }
        let live = model.open.clone();
        let changes = registry.expire(model.now, |id| live.contains(id));
        carry_out(&mut shadow, changes, &mut model.open);
        model.settle();

        let found: BTreeMap<_, _> = shown(&registry)
            .into_iter()
            .map(|(id, (spec, lingers))| (id, (spec.address, lingers)))
            .collect();
        assert_eq!(found, model.expected(), "after {op:?}");
        assert_eq!(
            shown(&registry),
            shadow,
            "the changes tell all, after {op:?}"
        );
        let addresses: BTreeSet<_> = found
            .values()
            .map(|(address, _)| address.as_str())
            .collect();
        assert_eq!(
            addresses.len(),
            found.len(),
            "an address twice, after {op:?}"
        );
        assert!(listed || registry.revision() >= before.0, "after {op:?}");
        assert_eq!(registry.away().is_some(), model.synced && !model.connected);
        assert_eq!(registry.is_synced(), model.synced);
        if !model.connected {
            assert_eq!(found, before.1, "away, and yet changed by {op:?}");
        }
        let open = |id| model.open.contains(id) || !model.connected;
        assert!(
            model.lingering.keys().all(open),
            "lingers without a connection after {op:?}"
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn the_set_equals_the_store_and_who_lingers_after_any_history(
        ops in prop::collection::vec(op(), 1..60)
    ) {
        check(ops);
    }
}
