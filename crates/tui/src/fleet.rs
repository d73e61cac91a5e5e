//! All replicas as one: nodes and RPCs merged, rates, percentiles, history, problems.
//!
//! Pure: [`Fleet::take_in`] takes what links learnt, [`Fleet::tick`] the passing of time. Totals leave
//! out replicas that are not live, and say so; percentiles come from merged histograms.

pub mod api;
mod apis;
pub mod events;
pub mod history;
mod merge;
pub mod node;
pub mod problems;
mod sums;
mod timeline;
pub mod totals;
mod track;
pub mod window;

pub use self::{
    api::Api,
    events::{EventItem, EventList},
    history::{Bucket, Percentiles, Series},
    node::{Cell, Node, NodeName, NodeWord},
    problems::{Problem, Severity, Subject},
    totals::{NodeCounts, Totals},
    window::Window,
};

use std::{collections::BTreeMap, sync::Arc};

use push_manager_proto::admin::ReplicaRow;

use self::track::Track;
use crate::{
    feed::{Aside, FeedEvent, Learnt},
    moment::Moment,
    replica::{
        Link, Replica, ReplicaId,
        text::{MOST_MESSAGE, clean},
    },
};

/// Most replicas followed at once.
pub const MOST_REPLICAS: u32 = 256;

/// A replica's own row, as its memory keeps it.
type ReplicaFigures = Arc<ReplicaRow>;

/// The fleet. See the module's documentation.
#[derive(Clone, Debug, Default)]
pub struct Fleet {
    replicas: Vec<Replica>,
    tracks: Vec<Track>,
    nodes: BTreeMap<NodeName, Node>,
    apis: Vec<Api>,
    totals: Totals,
    events: EventList,
    problems: Vec<Problem>,
    /// Why the place where replicas are found is away.
    source_away: Option<String>,
    revision: u64,
    /// The second whose point of history was added last.
    pointed: Option<u64>,
}

impl Fleet {
    /// Takes in what a link learnt. What follows from it is seen after the next [`Fleet::tick`].
    pub fn take_in(&mut self, event: FeedEvent) {
        let FeedEvent { replica, at, what } = event;
        if let Learnt::Aside(Aside::SourceAway(why)) = what {
            self.source_away = why.map(|why| clean(&why, MOST_MESSAGE));
            return;
        }
        if replica.0 >= MOST_REPLICAS {
            return;
        }
        let place = replica.0 as usize;
        while self.replicas.len() <= place {
            let id = ReplicaId(u32::try_from(self.replicas.len()).unwrap_or(u32::MAX));
            self.replicas.push(Replica::new(id, ""));
            self.tracks.push(Track::default());
        }
        let one = &mut self.replicas[place];
        one.take_in(at, what);
        for event in one.take_events() {
            self.events.add(replica, at, &event);
        }
        self.revision += 1;
    }

    /// Brings everything up to date: rates, ages, staleness; one point of history for each full
    /// second, gaps included.
    pub fn tick(&mut self, now: Moment) {
        let second = now.since_start().as_secs();
        let due = self.pointed.map_or(1, |last| second.saturating_sub(last));
        // After a standstill the past is a gap, but no longer than history reaches.
        let gaps = due.saturating_sub(1).min(3_600);
        for _ in 0..gaps {
            self.gap();
        }
        let point = due > 0;
        let columns = self.columns_due(second);
        apis::gaps(&mut self.apis, gaps, columns.saturating_sub(1));
        let column = columns > 0;
        for (replica, track) in self.replicas.iter().zip(&mut self.tracks) {
            track.look(replica, now);
        }
        let (replicas, tracks) = (&self.replicas, &self.tracks);
        merge::nodes(&mut self.nodes, replicas, tracks, now, point);
        apis::apis(&mut self.apis, replicas, tracks, now, (point, column));
        sums::totals(&mut self.totals, &self.nodes, replicas, tracks, now, point);
        let missed = replicas.iter().map(Replica::events_missed);
        self.events.set_missed(missed.fold(0, u64::saturating_add));
        self.problems = problems::find(&mut self.nodes, &self.apis, replicas, tracks, now);
        problems::note_source(&mut self.problems, self.source_away.as_deref());
        if point {
            self.pointed = Some(second);
        }
        self.revision += 1;
    }

    /// Columns of latency heat that have ended since the last look.
    fn columns_due(&self, second: u64) -> u64 {
        let ended = second / apis::HEAT_SECONDS;
        self.pointed.map_or(
            u64::from(second.is_multiple_of(apis::HEAT_SECONDS)),
            |last| ended.saturating_sub(last / apis::HEAT_SECONDS),
        )
    }

    /// A second that nobody looked at.
    fn gap(&mut self) {
        for node in self.nodes.values_mut() {
            node.rate_history.push(None);
            node.queue_history.push(None);
            node.in_flight_history.push(None);
        }
        let totals = &mut self.totals;
        for series in [
            &mut totals.push_history,
            &mut totals.delivered_history,
            &mut totals.p50_history,
            &mut totals.p95_history,
            &mut totals.p99_history,
        ] {
            series.push(None);
        }
    }

    /// Whether no replica is in the middle of telling its state.
    pub fn is_whole(&self) -> bool {
        self.replicas.iter().all(Replica::is_whole)
    }

    /// The whole state as events that lead to it, for a tape to begin with.
    pub fn to_events(&self, at: Moment) -> Vec<FeedEvent> {
        let mut events = Vec::new();
        for replica in &self.replicas {
            let told = [
                Some(Learnt::Target(replica.name().to_owned())),
                replica
                    .info()
                    .map(|info| Learnt::Info(Box::new(info.clone()))),
                replica
                    .to_snapshot()
                    .map(|frame| Learnt::Frame(Box::new(frame))),
                // Why it was lost is known until it is heard again, whatever is tried meanwhile.
                replica.lost().map(|why| {
                    let (why, again_at) = (why.to_owned(), at);
                    Learnt::Link(Link::Retrying { why, again_at })
                }),
                Some(Learnt::Link(replica.link().clone())),
            ];
            // A frame was heard when it was heard: nothing gets fresher by being told again.
            let heard = replica.age(at).map_or(at, |age| at - age);
            events.extend(told.into_iter().flatten().map(|what| FeedEvent {
                replica: replica.id(),
                at: if matches!(what, Learnt::Frame(_)) {
                    heard
                } else {
                    at
                },
                what,
            }));
        }
        events
    }

    /// This fleet, built again as it was at that moment, with what the present one still has of then.
    #[must_use]
    pub fn as_past_of(mut self, present: &Fleet, at: Moment) -> Fleet {
        let missed = self.events.missed();
        self.events = present.events.until(at);
        self.events.set_missed(missed);
        // No two moments are taken for one another, however few events led to them.
        let nanos = u64::try_from(at.since_start().as_nanos()).unwrap_or(u64::MAX);
        self.revision = nanos ^ (1 << 63);
        self
    }

    /// The fleet as if there were only one replica, to be followed from now on. Its charts begin now:
    /// those of all replicas together would tell of others.
    #[must_use]
    pub fn only(&self, replica: ReplicaId, now: Moment) -> Fleet {
        let mut fleet = Fleet {
            replicas: self.replicas.clone(),
            tracks: self.tracks.clone(),
            events: self.events.clone(),
            source_away: self.source_away.clone(),
            revision: self.revision,
            pointed: self.pointed,
            ..Fleet::default()
        };
        for other in &mut fleet.replicas {
            if other.id() != replica {
                other.take_in(now, Learnt::Link(Link::Gone));
            }
        }
        fleet.tick(now);
        fleet
    }

    /// A replica's pushes a second by its last two frames; kept when it goes stale.
    pub fn push_rate(&self, replica: ReplicaId) -> Option<f64> {
        let track = self.tracks.get(replica.0 as usize)?;
        let (before, after) = track.row.last_two()?;
        track::rate_between(before, after, |row| row.pushes)
    }

    /// How a node's round trips of the last minute are spread, over live replicas: made when it is
    /// asked for, since it is asked for one node at a time.
    pub fn round_trips(&self, name: &NodeName, now: Moment) -> Vec<Bucket> {
        let merged = merge::round_trips(name, &self.replicas, &self.tracks, now);
        merged.as_ref().map(history::buckets).unwrap_or_default()
    }

    /// One replica.
    pub fn replica(&self, id: ReplicaId) -> Option<&Replica> {
        self.replicas.get(id.0 as usize)
    }

    /// All replicas, in the order in which they were met.
    pub fn replicas(&self) -> &[Replica] {
        &self.replicas
    }

    /// All nodes that a replica knows, by name.
    pub fn nodes(&self) -> &BTreeMap<NodeName, Node> {
        &self.nodes
    }

    /// One node.
    pub fn node(&self, name: &NodeName) -> Option<&Node> {
        self.nodes.get(name)
    }

    /// The RPCs, in a fixed order.
    pub fn apis(&self) -> &[Api] {
        &self.apis
    }

    /// The sums.
    pub fn totals(&self) -> &Totals {
        &self.totals
    }

    /// The events.
    pub fn events(&self) -> &EventList {
        &self.events
    }

    /// What to look at, the gravest first.
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }

    /// Grows whenever anything above changed.
    pub fn revision(&self) -> u64 {
        self.revision
    }
}

#[cfg(test)]
mod tests;
