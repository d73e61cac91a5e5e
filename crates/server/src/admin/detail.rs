//! One node or one RPC in detail, while someone looks.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
    time::SystemTime,
};

use futures::Stream;
use push_manager_proto::admin::{
    Event, FailedPush, NodeConnection, WatchApiRequest, WatchApiResponse, WatchNodeRequest,
    WatchNodeResponse,
};
use tokio::time::{Interval, MissedTickBehavior};
use tonic::Status;

use super::{Facts, rows, watch};
use crate::{
    metrics::Api,
    pipeline,
    pool::{Node, Snapshot},
};

/// Events of a node that are shown with it.
const MOST_EVENTS: usize = 50;
/// Bytes of a node's id, and of what it is expected to be.
pub(super) const LONGEST_NODE: usize = 1024;
/// Bytes of an RPC's name.
const LONGEST_API: usize = 64;

/// Whether a text is short enough to be looked for, and named in an answer.
pub(super) fn fits(field: &str, text: &str, most: usize) -> Result<(), Status> {
    let got = text.len();
    if got > most {
        let problem = format!("{field}: at most {most} bytes, got {got}");
        return Err(Status::invalid_argument(problem));
    }
    Ok(())
}

/// The node of that name at each interval; `NOT_FOUND` once there is none, or
/// another.
pub(super) fn node(
    facts: Facts,
    request: &WatchNodeRequest,
) -> Result<impl Stream<Item = Result<WatchNodeResponse, Status>> + use<>, Status> {
    let ticks = ticks(watch::interval(request.interval)?);
    fits("node", &request.node, LONGEST_NODE)?;
    let watched = Watched::find(facts, &request.node)?;
    let state = Some((watched, ticks));
    Ok(futures::stream::unfold(state, async |state| {
        let (mut watched, mut ticks) = state?;
        ticks.tick().await;
        let read = watched.read();
        let next = read.is_ok().then_some((watched, ticks));
        Some((read, next))
    }))
}

/// A node, and what was read of it that seldom changes.
struct Watched {
    facts: Facts,
    node: Arc<Node>,
    snapshot: Arc<Snapshot>,
    names: Vec<String>,
    events: VecDeque<Event>,
    /// The latest event, of any node, that these are from.
    seen: u64,
}

impl Watched {
    fn find(facts: Facts, id: &str) -> Result<Self, Status> {
        let snapshot = facts.pool.snapshot();
        let node = find(&snapshot, id)?;
        Ok(Self {
            names: names(&snapshot, &node),
            facts,
            node,
            snapshot,
            events: VecDeque::new(),
            seen: 0,
        })
    }

    fn read(&mut self) -> Result<WatchNodeResponse, Status> {
        self.look_at_nodes()?;
        self.look_at_events();
        let stripes = (0..).zip(self.node.stripes());
        let connections = stripes.map(|(stripe, reading)| NodeConnection {
            stripe,
            open: reading.open,
            unheard: reading.unheard,
        });
        Ok(WatchNodeResponse {
            node_static: Some(rows::node_static(&self.node)),
            node: Some(rows::node(&self.node)),
            connections: connections.collect(),
            names: self.names.clone(),
            monotonic_ns: self.facts.events.epoch().now_ns(),
            wall_time: Some(SystemTime::now().into()),
            events: self.events.iter().cloned().collect(),
        })
    }

    /// Its counters would begin anew, so another node is not shown as this one.
    fn look_at_nodes(&mut self) -> Result<(), Status> {
        let snapshot = self.facts.pool.snapshot();
        if Arc::ptr_eq(&snapshot, &self.snapshot) {
            return Ok(());
        }
        let node = find(&snapshot, self.node.id().as_str())?;
        if node.serial() != self.node.serial() {
            let (id, instance, at) = (node.id(), node.instance(), node.address());
            let replaced = format!("{id} was replaced by {instance} at {at}: watch it anew");
            return Err(Status::not_found(replaced));
        }
        self.names = names(&snapshot, &node);
        self.snapshot = snapshot;
        Ok(())
    }

    fn look_at_events(&mut self) {
        let newest = self.facts.events.newest_seq();
        if newest == self.seen {
            return;
        }
        let events = &self.facts.events;
        let later = events.about(self.node.id(), self.seen, MOST_EVENTS);
        self.seen = later.last().map_or(newest, |last| newest.max(last.seq));
        self.events
            .extend(later.iter().map(|entry| rows::event(entry)));
        let surplus = self.events.len().saturating_sub(MOST_EVENTS);
        self.events.drain(..surplus);
    }
}

fn find(snapshot: &Snapshot, id: &str) -> Result<Arc<Node>, Status> {
    let mut nodes = snapshot.nodes().iter();
    let found = nodes.find(|node| node.id().as_str() == id).cloned();
    found.ok_or_else(|| Status::not_found(format!("no node is called {id:?}")))
}

fn names(snapshot: &Snapshot, node: &Node) -> Vec<String> {
    let names = snapshot.names(node);
    names.iter().map(|name| name.as_str().to_owned()).collect()
}

/// The RPC of that name at each interval. Its pushes that fail are noted while
/// the result lives.
pub(super) fn api(
    facts: Facts,
    request: &WatchApiRequest,
) -> Result<impl Stream<Item = Result<WatchApiResponse, Status>> + use<>, Status> {
    let ticks = ticks(watch::interval(request.interval)?);
    fits("api", &request.api, LONGEST_API)?;
    let api = Api::named(&request.api).ok_or_else(|| {
        let known = Api::ALL.map(Api::as_label).join(", ");
        Status::not_found(format!(
            "no RPC is called {:?}; there are {known}",
            request.api
        ))
    })?;
    let failed = facts.failed_pushes.watch();
    Ok(futures::stream::unfold(
        (facts, ticks, api, failed),
        async |(facts, mut ticks, api, failed)| {
            ticks.tick().await;
            let latest = failed.latest(api);
            let read = WatchApiResponse {
                api: Some(rows::api(&facts.metrics, api)),
                monotonic_ns: facts.events.epoch().now_ns(),
                wall_time: Some(SystemTime::now().into()),
                failed_pushes: latest.iter().map(|push| failed_push(push)).collect(),
            };
            Some((Ok(read), (facts, ticks, api, failed)))
        },
    ))
}

fn failed_push(push: &pipeline::FailedPush) -> FailedPush {
    let outcomes = push.outcomes.iter();
    let outcomes = outcomes.map(|(outcome, targets)| (outcome.as_label().to_owned(), *targets));
    let failed = push.failed.iter();
    let failed = failed.map(|(reason, targets)| (reason.as_label().to_owned(), *targets));
    FailedPush {
        seq: push.seq,
        push_id: push.id.map(|id| id.to_string()).unwrap_or_default(),
        wall_time: Some(push.at.into()),
        took_us: u64::try_from(push.took.as_micros()).unwrap_or(u64::MAX),
        targets: push.targets,
        outcomes: outcomes.collect::<BTreeMap<_, _>>(),
        failed: failed.collect::<BTreeMap<_, _>>(),
        message: push.message.clone(),
    }
}

/// The first at once. A stream whose connection had no room skips what it missed.
fn ticks(interval: std::time::Duration) -> Interval {
    let mut ticks = tokio::time::interval(interval);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}
