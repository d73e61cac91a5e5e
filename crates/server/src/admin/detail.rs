//! One node or one RPC in detail, while someone looks.

use std::time::SystemTime;

use futures::Stream;
use push_manager_proto::admin::{
    NodeConnection, WatchApiRequest, WatchApiResponse, WatchNodeRequest, WatchNodeResponse,
};
use tokio::time::{Interval, MissedTickBehavior};
use tonic::Status;

use super::{Facts, rows, watch};
use crate::{metrics::Api, pool::Node};

/// Events of a node that are shown with it.
const MOST_EVENTS: usize = 50;

/// The node of that name at each interval; `NOT_FOUND` once there is none.
pub(super) fn node(
    facts: Facts,
    request: WatchNodeRequest,
) -> Result<impl Stream<Item = Result<WatchNodeResponse, Status>>, Status> {
    let ticks = ticks(watch::interval(request.interval)?);
    let first = read_node(&facts, &request.node)?;
    let state = Some((facts, request.node, ticks, Some(first)));
    Ok(futures::stream::unfold(state, async |state| {
        let (facts, id, mut ticks, first) = state?;
        ticks.tick().await;
        let read = first.map_or_else(|| read_node(&facts, &id), Ok);
        let next = read.is_ok().then_some((facts, id, ticks, None));
        Some((read, next))
    }))
}

fn read_node(facts: &Facts, id: &str) -> Result<WatchNodeResponse, Status> {
    let snapshot = facts.pool.snapshot();
    let found = snapshot
        .nodes()
        .iter()
        .find(|node| node.id().as_str() == id);
    let node: &Node =
        found.ok_or_else(|| Status::not_found(format!("no node is called {id:?}")))?;
    let connections = (0..)
        .zip(node.stripes())
        .map(|(stripe, reading)| NodeConnection {
            stripe,
            open: reading.open,
            unheard: reading.unheard,
        });
    let names = snapshot.names(node);
    let events = facts.events.about(node.id(), 0, MOST_EVENTS);
    Ok(WatchNodeResponse {
        node_static: Some(rows::node_static(node)),
        node: Some(rows::node(node)),
        connections: connections.collect(),
        names: names.iter().map(|name| name.as_str().to_owned()).collect(),
        monotonic_ns: facts.events.epoch().now_ns(),
        wall_time: Some(SystemTime::now().into()),
        events: events.iter().map(|entry| rows::event(entry)).collect(),
    })
}

/// The RPC of that name at each interval.
pub(super) fn api(
    facts: Facts,
    request: &WatchApiRequest,
) -> Result<impl Stream<Item = Result<WatchApiResponse, Status>> + use<>, Status> {
    let ticks = ticks(watch::interval(request.interval)?);
    let api = Api::named(&request.api).ok_or_else(|| {
        let known = Api::ALL.map(Api::as_label).join(", ");
        Status::not_found(format!(
            "no RPC is called {:?}; there are {known}",
            request.api
        ))
    })?;
    Ok(futures::stream::unfold(
        (facts, ticks, api),
        async |(facts, mut ticks, api)| {
            ticks.tick().await;
            let read = WatchApiResponse {
                api: Some(rows::api(&facts.metrics, api)),
                monotonic_ns: facts.events.epoch().now_ns(),
                wall_time: Some(SystemTime::now().into()),
                failed_pushes: Vec::new(),
            };
            Some((Ok(read), (facts, ticks, api)))
        },
    ))
}

/// The first at once. A stream whose connection had no room skips what it missed.
fn ticks(interval: std::time::Duration) -> Interval {
    let mut ticks = tokio::time::interval(interval);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}
