//! One replica as its frames tell it: rows of nodes, RPCs and itself, and how fresh they are.
//!
//! Pure: frames in, state out. Merging replicas is [`crate::fleet`]'s; connecting is [`crate::feed`]'s.

pub mod rows;
pub mod sequence;
pub mod text;

use std::{fmt, time::Duration};

use push_manager_proto::admin::{
    Event, GetInfoResponse, HistogramLayout, ReplicaRow, RowsPart, WatchResponse,
    watch_response::Kind,
};

use self::{
    rows::Rows,
    sequence::{Sequence, Step},
    text::{MOST_MESSAGE, MOST_NAME, clean},
};
use crate::{feed::Learnt, moment::Moment};

/// Events taken from one replica between two looks at them.
const MOST_NEW_EVENTS: usize = 4_096;

/// Endpoints of etcd kept of a replica's description.
const MOST_ENDPOINTS: usize = 64;

/// Nothing heard for so many of its intervals: stale.
pub const STALE_AFTER_INTERVALS: u32 = 3;
/// Nothing heard for so long: the link is made anew.
pub const SILENT_FOR: Duration = Duration::from_secs(10);

/// Names a replica within the console: its place in the order in which targets were met.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ReplicaId(pub u32);

impl ReplicaId {
    /// No replica: what is told is about none of them.
    pub const NONE: Self = Self(u32::MAX);
}

impl fmt::Display for ReplicaId {
    /// a, b, … z, aa, ab, …
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut letters = Vec::new();
        let mut rest = u64::from(self.0) + 1;
        while rest > 0 {
            rest -= 1;
            letters.push(b'a' + (rest % 26) as u8);
            rest /= 26;
        }
        letters
            .iter()
            .rev()
            .try_for_each(|letter| write!(f, "{}", *letter as char))
    }
}

/// The link to a replica.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Link {
    /// Being made.
    Connecting,
    /// A stream is open. Whether frames come is [`Freshness`].
    Live,
    /// Lost; tried again by itself.
    Retrying {
        /// Why it was lost.
        why: String,
        /// When it is tried again.
        again_at: Moment,
    },
    /// Refused for good: other credentials are needed.
    Refused {
        /// The replica's word.
        why: String,
    },
    /// The target is no longer among those asked for.
    Gone,
}

/// How far a replica's figures may be believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Freshness {
    /// Heard within three intervals.
    Live,
    /// A stream is open, but silent for longer than that.
    Stale,
    /// No stream is open; what is known is from before. Also: nothing was ever known.
    Down,
}

/// A replica as the console knows it.
#[derive(Clone, Debug)]
pub struct Replica {
    id: ReplicaId,
    name: String,
    link: Link,
    info: Option<Box<GetInfoResponse>>,
    sequence: Sequence,
    rows: Rows,
    /// The snapshot that is coming in.
    coming: Rows,
    /// When its last frame came that told something of it.
    heard: Option<Moment>,
    /// Its clock at its last whole state, and the console's.
    clock: Option<(u64, Moment)>,
    interval: Duration,
    coalesced: u64,
    events_missed: u64,
    /// When events were missed last.
    missed_at: Option<Moment>,
    out_of_step: u64,
    /// Parts of what it tells are still to come.
    in_parts: bool,
    /// Events not yet taken over.
    events: Vec<Event>,
    /// The epoch and seq of the last of them.
    event_seen: (u64, u64),
    /// Why the link was lost, until the replica is heard again.
    lost: Option<String>,
}

/// Assumed until a frame says otherwise.
const USUAL_INTERVAL: Duration = Duration::from_secs(1);
/// An interval that a frame may claim.
const LONGEST_INTERVAL: Duration = Duration::from_mins(10);

impl Replica {
    /// A replica of which nothing is known yet.
    pub fn new(id: ReplicaId, name: &str) -> Self {
        Self {
            id,
            name: clean(name, MOST_NAME),
            link: Link::Connecting,
            info: None,
            sequence: Sequence::default(),
            rows: Rows::default(),
            coming: Rows::default(),
            heard: None,
            clock: None,
            interval: USUAL_INTERVAL,
            coalesced: 0,
            events_missed: 0,
            missed_at: None,
            out_of_step: 0,
            in_parts: false,
            events: Vec::new(),
            event_seen: (0, 0),
            lost: None,
        }
    }

    /// Takes in what the link learnt.
    pub fn take_in(&mut self, at: Moment, what: Learnt) {
        match what {
            Learnt::Target(name) => {
                let name = clean(&name, MOST_NAME);
                // A place may be given to another target, of which nothing is known.
                if !self.name.is_empty() && self.name != name {
                    *self = Self::new(self.id, &name);
                }
                self.name = name;
            }
            Learnt::Info(mut info) => {
                clean_info(&mut info);
                self.info = Some(info);
            }
            Learnt::Link(link) => self.take_link(cleaned(link)),
            Learnt::Frame(frame) => self.take_frame(at, *frame),
            Learnt::Aside(_) => {}
        }
    }

    fn take_link(&mut self, link: Link) {
        match &link {
            Link::Gone => {
                (self.rows, self.coming) = (Rows::default(), Rows::default());
                self.sequence = Sequence::default();
                (self.lost, self.in_parts) = (None, false);
            }
            Link::Retrying { why, .. } => {
                self.lost = Some(why.clone());
                self.in_parts = false;
            }
            Link::Live => self.lost = None,
            // An attempt changes nothing about why there is none yet.
            Link::Connecting | Link::Refused { .. } => {}
        }
        self.link = link;
    }

    fn take_frame(&mut self, at: Moment, frame: WatchResponse) {
        let before = self.sequence.reached();
        let Ok(step) = self.sequence.check(&frame) else {
            self.out_of_step += 1;
            return;
        };
        let same_epoch = before.is_some_and(|(epoch, _)| epoch == frame.epoch);
        if matches!(step, Step::Goodbye | Step::Unknown) && !same_epoch {
            // It tells nothing of the state that is known.
            return;
        }
        self.take_link(Link::Live);
        self.coalesced = self.coalesced.saturating_add(frame.coalesced);
        self.events_missed = self.events_missed.saturating_add(frame.events_missed);
        if frame.events_missed > 0 {
            self.missed_at = Some(at);
        }
        let interval = frame.interval.and_then(|given| given.try_into().ok());
        self.interval = interval
            .unwrap_or(USUAL_INTERVAL)
            .min(LONGEST_INTERVAL)
            .max(Duration::from_millis(1));
        match (step, frame.kind) {
            (Step::Snapshot { first, last }, Some(Kind::Snapshot(mut part))) => {
                self.in_parts = !last;
                if first {
                    self.coming = Rows::default();
                }
                self.note_events(frame.epoch, &mut part);
                self.coming.take_in(part);
                if !last {
                    return;
                }
                self.rows = std::mem::take(&mut self.coming);
            }
            (Step::Delta { last }, Some(Kind::Delta(mut part))) => {
                self.in_parts = !last;
                self.note_events(frame.epoch, &mut part);
                self.rows.take_in(part);
                if !last {
                    // Half of the rows are older than this clock: rates would be wrong by it.
                    self.heard = Some(at);
                    return;
                }
            }
            _ => {}
        }
        let later = self.clock.is_none_or(|(ns, _)| frame.monotonic_ns >= ns);
        if later || !same_epoch {
            self.heard = Some(at);
            self.clock = Some((frame.monotonic_ns, at));
        }
    }

    /// Notes those that were not told before: a stream that begins anew may tell them again.
    fn note_events(&mut self, epoch: u64, part: &mut RowsPart) {
        if self.event_seen.0 != epoch {
            self.event_seen = (epoch, 0);
        }
        for event in part.events.drain(..) {
            let seen = &mut self.event_seen.1;
            if event.seq > *seen && self.events.len() < MOST_NEW_EVENTS {
                *seen = event.seq;
                self.events.push(event);
            }
        }
    }

    /// Events that came since the last time.
    pub fn take_events(&mut self) -> Vec<Event> {
        std::mem::take(&mut self.events)
    }

    /// Its place.
    pub fn id(&self) -> ReplicaId {
        self.id
    }

    /// As it was asked for: an address, or a pod's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The link to it.
    pub fn link(&self) -> &Link {
        &self.link
    }

    /// Its own description.
    pub fn info(&self) -> Option<&GetInfoResponse> {
        self.info.as_deref()
    }

    /// Its own row.
    pub fn row(&self) -> Option<&ReplicaRow> {
        self.rows.replica.as_deref()
    }

    /// All its rows.
    pub fn rows(&self) -> &Rows {
        &self.rows
    }

    /// How far its figures may be believed.
    pub fn freshness(&self, now: Moment) -> Freshness {
        match (&self.link, self.age(now)) {
            (Link::Live, Some(age)) if age <= self.interval * STALE_AFTER_INTERVALS => {
                Freshness::Live
            }
            (Link::Live, Some(_)) => Freshness::Stale,
            _ => Freshness::Down,
        }
    }

    /// Time since its last frame.
    pub fn age(&self, now: Moment) -> Option<Duration> {
        self.heard.map(|at| now.since(at))
    }

    /// Its monotonic clock at its last whole state.
    pub fn clock_ns(&self) -> Option<u64> {
        self.clock.map(|(ns, _)| ns)
    }

    /// Its monotonic clock now; it stands still while nothing is heard.
    pub fn now_ns(&self, now: Moment) -> u64 {
        let Some((ns, at)) = self.clock else { return 0 };
        let since = match self.freshness(now) {
            Freshness::Live => now.since(at),
            Freshness::Stale | Freshness::Down => Duration::ZERO,
        };
        ns.saturating_add(u64::try_from(since.as_nanos()).unwrap_or(u64::MAX))
    }

    /// Age of a stamp of its clock; nothing for 0, which means that there is none.
    pub fn age_of(&self, stamp_ns: u64, now: Moment) -> Option<Duration> {
        (stamp_ns > 0).then(|| Duration::from_nanos(self.now_ns(now).saturating_sub(stamp_ns)))
    }

    /// Age of a stamp when its frame was made: what may have ended since counts no further.
    pub fn age_when_told(&self, stamp_ns: u64) -> Option<Duration> {
        let (ns, _) = self.clock?;
        (stamp_ns > 0).then(|| Duration::from_nanos(ns.saturating_sub(stamp_ns)))
    }

    /// Its epoch, once a whole snapshot came in.
    pub fn epoch(&self) -> Option<u64> {
        self.sequence.reached().map(|(epoch, _)| epoch)
    }

    /// The state that its frames have led to.
    pub fn seq(&self) -> u64 {
        self.sequence.reached().map_or(0, |(_, seq)| seq)
    }

    /// The interval at which it sends frames.
    pub fn interval(&self) -> Duration {
        self.interval
    }

    /// Intervals that its connection had no room for.
    pub fn coalesced(&self) -> u64 {
        self.coalesced
    }

    /// Events that left its ring before they could be sent.
    pub fn events_missed(&self) -> u64 {
        self.events_missed
    }

    /// Time since events were missed last.
    pub fn since_missed(&self, now: Moment) -> Option<Duration> {
        self.missed_at.map(|at| now.since(at))
    }

    /// Why its link was lost; nothing once it is heard again.
    pub fn lost(&self) -> Option<&str> {
        self.lost.as_deref()
    }

    /// Frames that did not follow, each of which made the stream begin anew.
    pub fn out_of_step(&self) -> u64 {
        self.out_of_step
    }

    /// Nodes that it knows.
    pub fn node_count(&self) -> usize {
        self.rows.nodes.len()
    }

    /// Layout of its nodes' round trips.
    pub fn node_layout(&self) -> HistogramLayout {
        let told = self.info.as_ref().and_then(|info| info.node_rtt.as_ref());
        rows::layout_or_default(told, 3)
    }

    /// Layout of its RPCs' latencies.
    pub fn latency_layout(&self) -> HistogramLayout {
        let told = self.info.as_ref().and_then(|info| info.latency.as_ref());
        rows::layout_or_default(told, 4)
    }

    /// Whether its last frame made its state whole: no parts are still to come.
    pub fn is_whole(&self) -> bool {
        !self.in_parts
    }

    /// The whole state as a frame, for a recording to begin with. Of a snapshot whose link was lost
    /// before its end, what was known before.
    pub fn to_snapshot(&self) -> Option<WatchResponse> {
        let (epoch, seq) = self.sequence.begun()?;
        Some(WatchResponse {
            epoch,
            seq,
            base_seq: 0,
            wall_time: None,
            monotonic_ns: self.clock_ns()?,
            interval: self.interval.try_into().ok(),
            coalesced: 0,
            events_missed: 0,
            kind: Some(Kind::Snapshot(self.rows.to_part())),
        })
    }
}

fn clean_info(info: &mut GetInfoResponse) {
    info.etcd_endpoints.truncate(MOST_ENDPOINTS);
    let texts = [
        &mut info.manager_id,
        &mut info.instance_id,
        &mut info.version,
        &mut info.grpc_address,
        &mut info.metrics_address,
        &mut info.controller_address,
        &mut info.discovery_kind,
    ];
    for text in texts.into_iter().chain(&mut info.etcd_endpoints) {
        *text = clean(text, MOST_NAME);
    }
}

fn cleaned(link: Link) -> Link {
    match link {
        Link::Retrying { why, again_at } => Link::Retrying {
            why: clean(&why, MOST_MESSAGE),
            again_at,
        },
        Link::Refused { why } => Link::Refused {
            why: clean(&why, MOST_MESSAGE),
        },
        Link::Connecting | Link::Live | Link::Gone => link,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replicas_are_lettered_like_columns() {
        let letters = [0, 1, 25, 26, 27, 701, 702].map(|id| ReplicaId(id).to_string());
        assert_eq!(letters, ["a", "b", "z", "aa", "ab", "zz", "aaa"]);
    }
}
