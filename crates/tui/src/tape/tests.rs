//! Whatever links learn, playing it back leads where living through it led.

use std::{collections::BTreeMap, time::SystemTime};

use proptest::prelude::*;
use push_manager_proto::admin::{Event, WatchResponse, watch_response::Kind as FrameKind};

use super::{Recorder, Recording, Tape};
use crate::{
    feed::{FeedEvent, Learnt},
    fixture::{Scenario, in_two_parts},
    fleet::{Fleet, NodeName, NodeWord},
    moment::Moment,
    replica::{Link, ReplicaId},
};

const REPLICAS: u32 = 2;

/// What a replica's link does in a second.
#[derive(Clone, Copy, Debug)]
enum Deed {
    /// A delta comes, in one part or two.
    Delta { parts: bool },
    /// The whole state comes, of this epoch or the next.
    Whole { parts: bool, restarted: bool },
    /// A delta comes after one that got lost.
    Gap,
    /// Only the first part of something comes.
    Half { whole: bool },
    /// Nothing comes.
    Silence,
    /// The link is lost.
    Loss,
}

fn deed() -> impl Strategy<Value = Deed> {
    let parts = || any::<bool>();
    prop_oneof![
        10 => parts().prop_map(|parts| Deed::Delta { parts }),
        2 => (parts(), any::<bool>())
            .prop_map(|(parts, restarted)| Deed::Whole { parts, restarted }),
        1 => Just(Deed::Gap),
        1 => any::<bool>().prop_map(|whole| Deed::Half { whole }),
        1 => Just(Deed::Silence),
        1 => Just(Deed::Loss),
    ]
}

/// Where a replica's stream has come to.
#[derive(Clone, Copy, Debug, Default)]
struct Stream {
    epoch: u64,
    seq: u64,
    is_broken: bool,
}

impl Stream {
    /// What the link learns in a second. A stream that is broken begins anew, as a link makes it.
    fn learns(
        &mut self,
        deed: Deed,
        replica: u32,
        second: u64,
        told: &[FeedEvent],
    ) -> Vec<FeedEvent> {
        let deed = match deed {
            Deed::Delta { parts } if self.is_broken => Deed::Whole {
                parts,
                restarted: false,
            },
            deed => deed,
        };
        self.is_broken = matches!(deed, Deed::Gap | Deed::Half { .. } | Deed::Loss)
            || (self.is_broken && matches!(deed, Deed::Silence));
        let base = self.seq;
        let (is_whole, parts) = match deed {
            Deed::Silence => return Vec::new(),
            Deed::Loss => return vec![lost(replica, second)],
            Deed::Whole { parts, restarted } => {
                self.epoch += u64::from(restarted);
                (true, parts)
            }
            Deed::Half { whole } => (whole, true),
            Deed::Delta { parts } => (false, parts),
            Deed::Gap => (false, false),
        };
        self.seq += if matches!(deed, Deed::Gap) { 2 } else { 1 };
        let base_seq = base + u64::from(matches!(deed, Deed::Gap));
        let event = frame(self, replica, (second, base_seq), is_whole, told);
        let mut frames = if parts {
            in_two_parts(&event).to_vec()
        } else {
            vec![event]
        };
        if matches!(deed, Deed::Half { .. }) {
            frames.truncate(1);
        }
        frames
    }
}

fn at(second: u64) -> Moment {
    Scenario::looked_at(second) - std::time::Duration::from_millis(300)
}

fn lost(replica: u32, second: u64) -> FeedEvent {
    let why = format!("lost in second {second}");
    let again_at = Scenario::looked_at(second + 3);
    FeedEvent {
        replica: ReplicaId(replica),
        at: at(second),
        what: Learnt::Link(Link::Retrying { why, again_at }),
    }
}

/// The scenario's frame of a second at a place in the stream, with an event of its own.
fn frame(
    stream: &Stream,
    replica: u32,
    (second, base_seq): (u64, u64),
    is_whole: bool,
    told: &[FeedEvent],
) -> FeedEvent {
    let frame_of = |events: &[FeedEvent]| -> Option<WatchResponse> {
        let mut of_it = events
            .iter()
            .filter(|event| event.replica == ReplicaId(replica));
        of_it.find_map(|event| match &event.what {
            Learnt::Frame(frame) => Some((**frame).clone()),
            Learnt::Target(_) | Learnt::Info(_) | Learnt::Link(_) | Learnt::Aside(_) => None,
        })
    };
    let mut frame = frame_of(told).unwrap();
    if let Some(FrameKind::Snapshot(part) | FrameKind::Delta(part)) = frame.kind.take() {
        let mut part = part;
        part.events = vec![Event {
            seq: second + 1,
            wall_time: frame.wall_time,
            kind: "conn.lost".to_owned(),
            node: "push-1".to_owned(),
            message: format!("in second {second} of {replica}"),
            ..Event::default()
        }];
        frame.kind = Some(if is_whole {
            let first = frame_of(&Scenario::of(REPLICAS, 4).second(0)).unwrap();
            if let Some(FrameKind::Snapshot(first)) = first.kind {
                part.node_statics = first.node_statics;
            }
            FrameKind::Snapshot(part)
        } else {
            FrameKind::Delta(part)
        });
    }
    (frame.epoch, frame.seq, frame.base_seq) = (stream.epoch + 1, stream.seq, base_seq);
    FeedEvent {
        replica: ReplicaId(replica),
        at: at(second),
        what: Learnt::Frame(Box::new(frame)),
    }
}

/// What is to be the same.
#[derive(Debug, PartialEq)]
struct Seen {
    pushes: u64,
    targets: BTreeMap<String, u64>,
    rate: Option<u64>,
    left_out: Vec<ReplicaId>,
    words: Vec<(NodeName, NodeWord)>,
    events: Vec<String>,
    lost: Vec<Option<String>>,
}

impl Seen {
    fn of(fleet: &Fleet) -> Self {
        let totals = fleet.totals();
        let words = fleet.nodes().values();
        let events = fleet.events().items();
        let replicas = fleet.replicas().iter();
        Self {
            pushes: totals.pushes,
            targets: [("delivered", totals.delivered)]
                .map(|(name, count)| (name.to_owned(), count))
                .into(),
            rate: totals.push_rate.map(|rate| (rate * 1e3).round() as u64),
            left_out: totals.left_out.clone(),
            words: words.map(|node| (node.name.clone(), node.word)).collect(),
            events: events.map(|item| item.message.clone()).collect(),
            lost: replicas
                .map(|replica| replica.lost().map(ToOwned::to_owned))
                .collect(),
        }
    }
}

/// What comes at once, and how it was after it.
fn lived(deeds: &[[Deed; REPLICAS as usize]]) -> (Vec<Vec<FeedEvent>>, Vec<Fleet>, Tape) {
    let scenario = Scenario::of(REPLICAS, 4);
    let (mut fleet, mut tape) = (Fleet::default(), Tape::default());
    let mut streams = [Stream::default(); REPLICAS as usize];
    let (mut batches, mut past) = (Vec::new(), Vec::new());
    for (second, deeds) in (0..).zip(deeds) {
        let told = scenario.second(second);
        let mut batch: Vec<FeedEvent> = if second == 0 {
            told.clone()
        } else {
            Vec::new()
        };
        for ((replica, stream), deed) in (0..).zip(&mut streams).zip(deeds) {
            if second == 0 {
                (stream.epoch, stream.seq) = (0x71c2 + u64::from(replica) - 1, 1);
            } else {
                batch.extend(stream.learns(*deed, replica, second, &told));
            }
        }
        for event in &batch {
            tape.note(event);
            fleet.take_in(event.clone());
        }
        fleet.tick(Scenario::looked_at(second));
        tape.tick(&fleet, Scenario::looked_at(second));
        batches.push(batch);
        past.push(fleet.clone());
    }
    (batches, past, tape)
}

fn recorded(batches: &[Vec<FeedEvent>]) -> Vec<FeedEvent> {
    let name = format!("pushtop-any-{}.pmrec", std::process::id());
    let path = std::env::temp_dir().join(name);
    drop(std::fs::remove_file(&path));
    let mut recorder = Recorder::begin(&path, "", SystemTime::UNIX_EPOCH).unwrap();
    let mut fleet = Fleet::default();
    for batch in batches {
        for event in batch {
            recorder.note(event).unwrap();
            fleet.take_in(event.clone());
        }
        recorder.keyframes(&fleet).unwrap();
    }
    recorder.end().unwrap();
    let events = Recording::open(&path).unwrap().collect::<Result<_, _>>();
    std::fs::remove_file(path).unwrap();
    events.unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn what_is_played_back_is_what_was_lived_through(
        deeds in prop::collection::vec([deed(), deed()], 1..150),
        back in 0..60_usize,
    ) {
        let (batches, past, tape) = lived(&deeds);
        // The recording's time begins with its first event.
        let first = at(0).since_start();
        let mut events = recorded(&batches).into_iter().peekable();
        let mut played = Fleet::default();
        for (second, lived) in (0..).zip(&past) {
            let now = Scenario::looked_at(second) - first;
            while let Some(event) = events.next_if(|event| event.at <= now) {
                played.take_in(event);
            }
            played.tick(now);
            prop_assert_eq!(Seen::of(&played), Seen::of(lived), "second {}", second);
        }
        // The same holds for what is remembered of it.
        let second = past.len().saturating_sub(back + 1);
        let moment = Scenario::looked_at(second as u64);
        let then = tape.fleet_at(moment).unwrap();
        let then = then.as_past_of(past.last().unwrap(), moment);
        prop_assert_eq!(Seen::of(&then), Seen::of(&past[second]), "{} of {}", second, past.len());
    }
}
