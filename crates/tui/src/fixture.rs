//! Fleets that never were, the same each time: for pictures, tests and benchmarks of what is shown.

use std::{
    collections::BTreeMap,
    time::{Duration, SystemTime},
};

use prost_types::Timestamp;
use push_manager_proto::admin::{
    ApiRow, Event, EventLevel, GetInfoResponse, Histogram, HistogramLayout, Hold, NodeRow,
    NodeState, NodeStatic, Readiness, ReplicaRow, Role, RowsPart, WatchResponse,
    watch_response::Kind,
};

use crate::{
    app::{Model, Msg, Options, update},
    feed::{FeedEvent, Learnt},
    fleet::Fleet,
    moment::Moment,
    replica::{Link, ReplicaId},
};

/// The wall clock's second at which every scenario begins.
pub const BEGAN: i64 = 1_700_000_000;
/// Each replica has run for so long when the scenario begins.
const UP: u64 = 100_000;

/// A console that has watched a scenario for so many seconds.
pub fn watched(scenario: &Scenario, seconds: u64) -> Model {
    let mut model = Model::new(Options::default(), SystemTime::UNIX_EPOCH);
    for second in 0..=seconds {
        for event in scenario.second(second) {
            drop(update(&mut model, Msg::Feed(event)));
        }
        let now = Scenario::looked_at(second);
        let wall = SystemTime::UNIX_EPOCH + now.since_start();
        drop(update(&mut model, Msg::Tick { now, wall }));
    }
    model
}

/// A node's lot in a scenario.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Lot {
    /// All is well.
    #[default]
    Well,
    /// It never needed a connection.
    Idle,
    /// It refuses connections.
    Failed,
    /// Its queue is nearly full.
    Busy,
    /// It takes calls and never answers.
    Silent,
    /// An operator drained it.
    Drained,
    /// Its registration is gone.
    Lingering,
    /// A connection is being made.
    Connecting,
}

/// A fleet to be.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// Replicas.
    pub replicas: u32,
    /// Nodes: name and lot.
    pub nodes: Vec<(String, Lot)>,
    /// From this second on a replica says nothing any more.
    pub silent_from: BTreeMap<u32, u64>,
    /// From this second on a replica's link is lost, with these words.
    pub down_from: BTreeMap<u32, (u64, String)>,
}

impl Scenario {
    /// So many nodes, all well.
    pub fn of(replicas: u32, nodes: usize) -> Self {
        Self {
            replicas,
            nodes: (1..=nodes)
                .map(|number| (format!("push-{number}"), Lot::Well))
                .collect(),
            silent_from: BTreeMap::new(),
            down_from: BTreeMap::new(),
        }
    }

    /// Three replicas and fourteen nodes of all kinds, some with Chinese names.
    pub fn story() -> Self {
        let mut story = Self::of(3, 8);
        story.nodes[1].1 = Lot::Busy;
        story.nodes[3].1 = Lot::Silent;
        for (name, lot) in [
            ("push-17", Lot::Failed),
            ("push-44", Lot::Connecting),
            ("push-71", Lot::Drained),
            ("推送-节点-07", Lot::Well),
            ("推送-节点-08", Lot::Lingering),
            ("push-203", Lot::Idle),
        ] {
            story.nodes.push((name.to_owned(), lot));
        }
        story
    }

    /// What links learn in a second: at 0 who is there and everything, then what changes.
    pub fn second(&self, second: u64) -> Vec<FeedEvent> {
        let mut events = Vec::new();
        for replica in 0..self.replicas {
            let at = Moment::after(Duration::from_secs(second) + Duration::from_millis(100));
            let mut tell = |what| {
                events.push(FeedEvent {
                    replica: ReplicaId(replica),
                    at,
                    what,
                });
            };
            if second == 0 {
                tell(Learnt::Target(format!("10.4.0.{}:50054", replica + 1)));
                tell(Learnt::Info(Box::new(info(replica))));
                tell(Learnt::Link(Link::Live));
            }
            if let Some((from, why)) = self.down_from.get(&replica) {
                if *from == second {
                    tell(Learnt::Link(Link::Retrying {
                        why: why.clone(),
                        again_at: at + Duration::from_millis(1_600),
                    }));
                }
                if second >= *from {
                    continue;
                }
            }
            let silent = self
                .silent_from
                .get(&replica)
                .is_some_and(|from| second >= *from);
            if !silent {
                tell(Learnt::Frame(Box::new(self.frame(replica, second))));
            }
        }
        events
    }

    /// The fleet after so many seconds, looked at once a second.
    pub fn fleet_after(&self, seconds: u64) -> Fleet {
        let mut fleet = Fleet::default();
        for second in 0..=seconds {
            for event in self.second(second) {
                fleet.take_in(event);
            }
            fleet.tick(Moment::after(
                Duration::from_secs(second) + Duration::from_millis(400),
            ));
        }
        fleet
    }

    /// The moment at which [`Scenario::fleet_after`] looked last.
    pub fn looked_at(seconds: u64) -> Moment {
        Moment::after(Duration::from_secs(seconds) + Duration::from_millis(400))
    }

    fn frame(&self, replica: u32, second: u64) -> WatchResponse {
        let part = RowsPart {
            more: false,
            node_statics: if second == 0 {
                self.statics()
            } else {
                Vec::new()
            },
            nodes: self.rows(replica, second),
            removed: Vec::new(),
            apis: apis(second),
            replica: Some(self.replica_row(second)),
            events: if second == 0 {
                story_events()
            } else {
                Vec::new()
            },
        };
        WatchResponse {
            epoch: u64::from(replica) + 0x71c2,
            seq: second + 1,
            base_seq: second,
            wall_time: Some(wall(second)),
            monotonic_ns: ns(second),
            interval: Some(prost_types::Duration {
                seconds: 1,
                nanos: 0,
            }),
            coalesced: 0,
            events_missed: 0,
            kind: Some(if second == 0 {
                Kind::Snapshot(part)
            } else {
                Kind::Delta(part)
            }),
        }
    }

    fn statics(&self) -> Vec<NodeStatic> {
        let all = self.nodes.iter().zip(1_u64..);
        all.map(|((name, _), key)| NodeStatic {
            key,
            id: name.clone(),
            address: format!("10.4.{}.{}:7443", key / 250, key % 250 + 1),
            instance: format!("{:04x}", 0x9f3c + key),
            registration: format!("connect-node/10.4.{}.{}:7443", key / 250, key % 250 + 1),
            revision: 48_000 + i64::try_from(key).unwrap_or_default(),
            found_at: Some(wall(0)),
        })
        .collect()
    }

    fn rows(&self, replica: u32, second: u64) -> Vec<NodeRow> {
        let all = self.nodes.iter().zip(1_u64..);
        all.map(|((_, lot), key)| row(*lot, key, u64::from(replica), second))
            .collect()
    }

    fn replica_row(&self, second: u64) -> ReplicaRow {
        let up = UP + second;
        let lingering = self.nodes.iter().filter(|(_, lot)| *lot == Lot::Lingering);
        ReplicaRow {
            readiness: Readiness::Ready.into(),
            discovery_up: true,
            discovery_revision: 48_213,
            nodes: u32::try_from(self.nodes.len()).unwrap_or(u32::MAX),
            lingering: u32::try_from(lingering.count()).unwrap_or(u32::MAX),
            pushes: up * 160,
            pushes_in_flight: 12,
            targets: counts(&[
                ("delivered", up * 900),
                ("offline", up * 20),
                ("unknown", up / 2),
            ]),
            failed: counts(&[("deadline_exceeded", up / 2), ("connect_failed", up / 5)]),
            reroutes: up / 10,
            controller_requests: counts(&[("OK", up * 150)]),
            controller_latency: Some(latencies(second, 1)),
            cpu_us: up * 120_000,
            resident_bytes: 41 << 20,
            subscribers: 1,
            ..ReplicaRow::default()
        }
    }
}

fn row(lot: Lot, key: u64, replica: u64, second: u64) -> NodeRow {
    let up = UP + second;
    let wave = (second + key * 3 + replica) % 10;
    let mut row = NodeRow {
        key,
        state: NodeState::Ready.into(),
        state_since_ns: ns(0) - (key * 7_919 % 90_000) * 1_000_000_000,
        connections: 1,
        in_flight: u32::try_from(wave).unwrap_or_default(),
        oldest_in_flight_ns: ns(second) - 3_000_000,
        queued: 2,
        queue_capacity: 10_000,
        queued_bytes: 2_048,
        queue_bytes_capacity: 32 << 20,
        oldest_queued_ns: ns(second) - 1_000_000,
        calls: up * (20 + key),
        delivered: up * (60 + key) + wave * 5,
        offline: up,
        failed: BTreeMap::new(),
        rtt: Some(latencies(second, key)),
        connects: 1,
        ..NodeRow::default()
    };
    match lot {
        Lot::Well => {}
        Lot::Idle => row = idle(key),
        Lot::Failed => {
            row.state = NodeState::Failed.into();
            row.state_since_ns = ns(0) - 47_000_000_000;
            row.connect_failures = 5 + second;
            row.last_error = String::from("connection refused");
            row.failed = counts(&[("connect_failed", up / 3)]);
            still(&mut row);
        }
        Lot::Busy => {
            row.queued = 8_700;
            row.queued_bytes = 20 << 20;
            row.oldest_queued_ns = ns(second) - 1_200_000_000;
            row.failed = counts(&[("deadline_exceeded", up / 4)]);
        }
        Lot::Silent => {
            row.in_flight = 16;
            row.oldest_in_flight_ns = ns(0) - 2_600_000_000;
            row.queued = 120;
            row.delivered = UP * 60;
            row.calls = UP * 20;
        }
        Lot::Drained => {
            row.hold = Hold::Drained.into();
            row.hold_until_ns = ns(600);
            row.failed = counts(&[("drained", second * 2)]);
        }
        Lot::Lingering => row.lingering = true,
        Lot::Connecting => {
            row.state = NodeState::Connecting.into();
            row.state_since_ns = ns(second) - 700_000_000;
            still(&mut row);
        }
    }
    row
}

fn idle(key: u64) -> NodeRow {
    NodeRow {
        key,
        state: NodeState::Idle.into(),
        state_since_ns: 1_000_000_000,
        queue_capacity: 10_000,
        queue_bytes_capacity: 32 << 20,
        ..NodeRow::default()
    }
}

/// Nothing happens there.
fn still(row: &mut NodeRow) {
    row.connections = 0;
    (row.in_flight, row.queued, row.queued_bytes) = (0, 0, 0);
    (row.oldest_in_flight_ns, row.oldest_queued_ns) = (0, 0);
    (row.delivered, row.calls) = (UP * 60, UP * 20);
}

fn apis(second: u64) -> Vec<ApiRow> {
    let up = UP + second;
    [
        ("PushToUser", 120),
        ("PushToRoom", 35),
        ("BroadcastMessage", 1),
    ]
    .into_iter()
    .map(|(api, rate)| {
        let failing = if api == "PushToRoom" {
            up * rate / 40
        } else {
            0
        };
        ApiRow {
            api: api.to_owned(),
            requests: counts(&[("OK", up * rate), ("CANCELLED", up / 9)]),
            in_flight: 4,
            succeeded: up * rate - failing,
            unsuccessful: failing,
            targets: counts(&[("delivered", up * rate * 3)]),
            failed: counts(&[
                ("deadline_exceeded", failing),
                ("queue_full", failing / 12),
                ("node_left", failing / 30),
            ]),
            latency: Some(latencies(second, rate)),
        }
    })
    .collect()
}

/// Cumulative, with a second peak; bucket numbers of either layout below 368 fit.
fn latencies(second: u64, weight: u64) -> Histogram {
    let up = UP + second;
    Histogram {
        index: vec![40, 60, 72, 80, 90, 100, 110, 130],
        count: [40, 120, 260, 200, 90, 30, 9, 2]
            .map(|share: u64| up * share * weight.max(1) / 100)
            .into(),
    }
}

fn counts(all: &[(&str, u64)]) -> BTreeMap<String, u64> {
    all.iter()
        .map(|(label, count)| ((*label).to_owned(), *count))
        .collect()
}

fn ns(second: u64) -> u64 {
    (UP + second) * 1_000_000_000
}

fn wall(second: u64) -> Timestamp {
    Timestamp {
        seconds: BEGAN + i64::try_from(second).unwrap_or_default(),
        nanos: 118_000_000,
    }
}

fn info(replica: u32) -> GetInfoResponse {
    GetInfoResponse {
        manager_id: format!("push-manager-{}", replica + 1),
        instance_id: format!("5eb9fcb2bfb97fc{replica}"),
        epoch: u64::from(replica) + 0x71c2,
        version: "0.1.0".to_owned(),
        started_at: Some(Timestamp {
            seconds: BEGAN - i64::try_from(UP).unwrap_or_default(),
            nanos: 0,
        }),
        grpc_address: format!("10.4.0.{}:50053", replica + 1),
        metrics_address: format!("10.4.0.{}:9093", replica + 1),
        controller_address: "controller:50051".to_owned(),
        discovery_kind: "etcd".to_owned(),
        etcd_endpoints: vec!["etcd:2379".to_owned()],
        limits: None,
        node_rtt: Some(HistogramLayout {
            grouping_power: 3,
            max_value_power: 26,
        }),
        latency: Some(HistogramLayout {
            grouping_power: 4,
            max_value_power: 26,
        }),
        role: Role::Operate.into(),
    }
}

fn story_events() -> Vec<Event> {
    let told = [
        (
            EventLevel::Info,
            "etcd.put",
            "push-203",
            "found at 10.4.0.15:7443",
            "",
        ),
        (
            EventLevel::Error,
            "conn.failed",
            "push-17",
            "connection refused",
            "",
        ),
        (
            EventLevel::Warn,
            "push.failing",
            "push-2",
            "push failed: deadline_exceeded",
            "",
        ),
        (
            EventLevel::Audit,
            "action.drain",
            "push-71",
            "drained for 10 min: kernel",
            "alice",
        ),
        (
            EventLevel::Info,
            "node.lingering",
            "推送-节点-08",
            "registration gone, connection alive",
            "",
        ),
    ];
    told.into_iter()
        .zip(1_u64..)
        .map(|((level, kind, node, message, actor), seq)| Event {
            seq,
            wall_time: Some(Timestamp {
                seconds: BEGAN - 60 + i64::try_from(seq * 9).unwrap_or_default(),
                nanos: 118_000_000,
            }),
            monotonic_ns: ns(0) - seq,
            level: level.into(),
            kind: kind.to_owned(),
            node: node.to_owned(),
            message: message.to_owned(),
            count: 1,
            actor: actor.to_owned(),
        })
        .collect()
}

/// The same frame in two parts, as a replica sends what is too large for one. What is no frame comes
/// twice.
pub fn in_two_parts(event: &FeedEvent) -> [FeedEvent; 2] {
    let (mut first, mut second) = (event.clone(), event.clone());
    if let (Learnt::Frame(first), Learnt::Frame(second)) = (&mut first.what, &mut second.what)
        && let (
            Some(Kind::Snapshot(first) | Kind::Delta(first)),
            Some(Kind::Snapshot(second) | Kind::Delta(second)),
        ) = (&mut first.kind, &mut second.kind)
    {
        first.more = true;
        second.node_statics = first.node_statics.split_off(first.node_statics.len() / 2);
        second.nodes = first.nodes.split_off(first.nodes.len() / 2);
        second.events = std::mem::take(&mut first.events);
        (first.apis, first.replica) = (Vec::new(), None);
        second.removed = Vec::new();
    }
    [first, second]
}
