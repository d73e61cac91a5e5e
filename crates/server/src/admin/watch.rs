//! One subscriber's stream. What it gives when it is polled is the newest state,
//! and only the parts of the frame that it is in the middle of wait.
//!
//! hyper polls it once more when its connection has no room, and keeps that one
//! part. So who stalled first gets what was under way, which is as old as the
//! stall, and then all that changed since, as one frame.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use futures::Stream;
use push_manager_proto::admin::WatchRequest;
use tokio::{sync::watch::Receiver, time::Instant};
use tokio_util::sync::CancellationToken;
use tonic::Status;

use super::{
    frames::{self, Frame},
    hub::{Hub, LONGEST_INTERVAL, MOST_SUBSCRIBERS, Place, SHORTEST_INTERVAL, Seat, Tick},
    table::{BadSelection, Filter, Selection, Topics},
};

/// Served where none is asked for.
const USUAL_INTERVAL: Duration = Duration::from_secs(1);

/// The interval served for the one asked for.
pub(super) fn interval(asked: Option<prost_types::Duration>) -> Result<Duration, Status> {
    let Some(asked) = asked else {
        return Ok(USUAL_INTERVAL);
    };
    let asked = Duration::try_from(asked)
        .map_err(|_| Status::invalid_argument("interval: must not be negative"))?;
    Ok(asked.clamp(SHORTEST_INTERVAL, LONGEST_INTERVAL))
}

/// Frames until `goodbye`, of which the last tells.
pub(super) fn subscribe(
    hub: &Hub,
    epoch: u64,
    request: &WatchRequest,
    goodbye: CancellationToken,
) -> Result<impl Stream<Item = Result<Frame, Status>> + use<>, Status> {
    let interval = interval(request.interval)?;
    let selection = selection(request).map_err(|bad| Status::invalid_argument(bad.to_string()))?;
    let resume = request.resume.filter(|resume| resume.epoch == epoch);
    // Of a part of everything it is not known which part the caller has.
    let base = resume.filter(|_| selection.is_everything());
    let seat = hub.sit(interval).ok_or_else(|| {
        Status::resource_exhausted(format!(
            "at most {MOST_SUBSCRIBERS} Watch streams at once: close another console, or try again"
        ))
    })?;
    let watcher = Watcher {
        hub: hub.clone(),
        ticks: hub.ticks(),
        seat,
        interval,
        due: None,
        resumed: resume.is_some(),
        place: Place {
            selection: Arc::new(selection),
            base: base.map(|resume| resume.seq),
            event_seq: resume.map_or(0, |resume| resume.event_seq),
        },
        parts: [].into(),
        given: 0,
        own: None,
        usual: frames::own(interval, 0, 0),
        goodbye,
        ended: false,
    };
    Ok(futures::stream::unfold(watcher, async |mut watcher| {
        let frame = watcher.next().await?;
        Some((Ok(frame), watcher))
    }))
}

fn selection(request: &WatchRequest) -> Result<Selection, BadSelection> {
    Ok(Selection {
        filter: Filter::parse(request.node_filter.clone())?,
        topics: Topics::parse(&request.topics)?,
    })
}

struct Watcher {
    hub: Hub,
    ticks: Receiver<Tick>,
    seat: Seat,
    interval: Duration,
    /// When the next frame is due; nothing before the first.
    due: Option<Instant>,
    resumed: bool,
    place: Place,
    parts: Arc<[Bytes]>,
    given: usize,
    /// Of the frame whose first part comes next.
    own: Option<Bytes>,
    /// Of all other parts.
    usual: Bytes,
    goodbye: CancellationToken,
    ended: bool,
}

impl Watcher {
    async fn next(&mut self) -> Option<Frame> {
        if let Some(part) = self.next_part() {
            return Some(part);
        }
        if self.ended {
            return None;
        }
        match self.next_tick().await {
            Some(tick) => self.step(tick).await,
            None => self.end(),
        }
        self.next_part()
    }

    /// The newest, once there is one for us; nothing when this replica leaves.
    async fn next_tick(&mut self) -> Option<Tick> {
        // Samples of others' shorter intervals are let pass, but for the one nearest to ours.
        let due = self.due.map(|due| due - self.interval / 2);
        loop {
            let from = self.seat.waits(due);
            let tick = tokio::select! {
                biased;
                () = self.goodbye.cancelled() => return None,
                tick = self.ticks.wait_for(|tick| tick.number > 0 && tick.at >= from) => {
                    tick.ok().map(|tick| *tick)
                }
            };
            if tick.is_none() || self.seat.takes() {
                return tick;
            }
        }
    }

    async fn step(&mut self, tick: Tick) {
        let due = self.due.unwrap_or(tick.at);
        let late = tick.at.saturating_duration_since(due);
        let coalesced = late.as_nanos() / self.interval.as_nanos();
        self.due = Some(if late < self.interval / 2 {
            due.max(tick.at - self.interval / 2) + self.interval
        } else {
            tick.at + self.interval
        });
        let step = self.hub.step(&self.place).await;
        // Who has seen none has missed none.
        let missed = if self.resumed { step.missed } else { 0 };
        self.resumed = true;
        self.place.base = Some(step.at);
        self.place.event_seq = step.event_seq;
        self.parts = step.parts;
        self.given = 0;
        let coalesced = u64::try_from(coalesced).unwrap_or(u64::MAX);
        self.own = Some(frames::own(self.interval, coalesced, missed));
    }

    fn end(&mut self) {
        self.ended = true;
        let at = self.place.base.unwrap_or(0);
        self.parts = [self.hub.stamp_now(at).goodbye(at)].into();
        self.given = 0;
    }

    fn next_part(&mut self) -> Option<Frame> {
        let shared = self.parts.get(self.given)?.clone();
        self.given += 1;
        if self.given == self.parts.len() {
            self.parts = [].into();
            self.given = 0;
        }
        Some(Frame {
            shared,
            own: self.own.take().unwrap_or_else(|| self.usual.clone()),
        })
    }
}
