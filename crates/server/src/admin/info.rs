//! Who this replica is, and its own row.

use std::sync::Arc;

use push_manager_config::{Config, DiscoveryKind};
use push_manager_proto::admin::{
    AdminLimits, GetInfoResponse, Readiness as ReadinessState, ReplicaRow, Role,
};

use super::{
    frames::PART_BYTES,
    hub::{LONGEST_INTERVAL, MOST_SUBSCRIBERS, SHORTEST_INTERVAL},
    rows,
    service::MOST_DETAIL_STREAMS,
};
use crate::{
    events::{EventLog, MOST_KEPT},
    ids::InstanceId,
    metrics::Metrics,
    pipeline::FailedPushes,
    pool::{Pool, Snapshot},
    readiness::{Readiness, State},
    timings::Layout,
    tuning::Tuning,
};

/// What is told in steps of: pages come and go while nothing happens.
const RESIDENT_STEP: u64 = 1 << 20;

/// What the admin API reads.
#[derive(Clone, Debug)]
pub struct Facts {
    /// As configured.
    pub config: Arc<Config>,
    /// This start's instance.
    pub instance: InstanceId,
    /// Where the push API listens.
    pub grpc_address: String,
    /// Where `/metrics` is.
    pub metrics_address: String,
    /// The nodes.
    pub pool: Pool,
    /// The counters.
    pub metrics: Arc<Metrics>,
    /// Pushes that failed, while somebody looks.
    pub failed_pushes: FailedPushes,
    /// The latch.
    pub readiness: Readiness,
    /// What happened lately.
    pub events: EventLog,
    /// The settings now.
    pub tuning: Tuning,
}

impl Facts {
    pub(super) fn info(&self, role: Role) -> GetInfoResponse {
        let Facts { config, .. } = self;
        let epoch = self.events.epoch();
        let with_etcd = config.discovery.kind == DiscoveryKind::Etcd;
        let etcd_endpoints = config.etcd.endpoints.clone();
        GetInfoResponse {
            manager_id: config.manager.id.clone(),
            instance_id: self.instance.to_string(),
            epoch: epoch.id(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            started_at: Some(epoch.started_at().into()),
            grpc_address: self.grpc_address.clone(),
            metrics_address: self.metrics_address.clone(),
            controller_address: config.controller.address.clone(),
            discovery_kind: config.discovery.kind.to_string(),
            etcd_endpoints: if with_etcd {
                etcd_endpoints
            } else {
                Vec::new()
            },
            limits: Some(limits()),
            node_rtt: Some(rows::layout(Layout::NODE_RTT)),
            latency: Some(rows::layout(Layout::LATENCY)),
            role: role.into(),
        }
    }

    /// The replica's row, with that many subscribers.
    pub(super) fn replica(&self, snapshot: &Snapshot, subscribers: usize) -> ReplicaRow {
        let metrics = &self.metrics;
        let state = self.readiness.state();
        let lingering = snapshot.nodes().iter().filter(|node| node.is_lingering());
        let (cpu_us, resident_bytes) = process();
        ReplicaRow {
            readiness: readiness(&state).into(),
            not_ready: state.why_not().unwrap_or_default(),
            discovery_up: metrics.discovery_up.get() == 1,
            discovery_error: snapshot.away().unwrap_or_default().to_owned(),
            discovery_revision: snapshot.revision(),
            nodes: as_u32(snapshot.nodes().len()),
            lingering: as_u32(lingering.count()),
            pushes: metrics.push_total.get(),
            pushes_in_flight: u32::try_from(metrics.pushes_in_flight()).unwrap_or(0),
            targets: rows::by_outcome(&metrics.targets()),
            failed: rows::by_reason(&metrics.failed()),
            reroutes: metrics.reroutes.get(),
            controller_requests: rows::by_code(&metrics.controller_codes()),
            controller_latency: Some(rows::histogram(metrics.controller_latency())),
            cpu_us,
            resident_bytes,
            subscribers: as_u32(subscribers),
            settings_revision: self.tuning.revision(),
            registrations_skipped: metrics.registrations_skipped(),
        }
    }
}

fn limits() -> AdminLimits {
    AdminLimits {
        subscribers: as_u32(MOST_SUBSCRIBERS),
        detail_streams: as_u32(MOST_DETAIL_STREAMS),
        shortest_interval: Some(rows::duration(SHORTEST_INTERVAL)),
        longest_interval: Some(rows::duration(LONGEST_INTERVAL)),
        events_kept: as_u32(MOST_KEPT),
        part_bytes: as_u32(PART_BYTES),
    }
}

fn readiness(state: &State) -> ReadinessState {
    match state {
        State::Waiting(_) => ReadinessState::Waiting,
        State::Ready => ReadinessState::Ready,
        State::Draining => ReadinessState::Draining,
    }
}

/// CPU in microseconds (the system counts in hundredths of a second) and
/// memory in whole steps; 0 where the system doesn't tell.
fn process() -> (u64, u64) {
    let stat = procfs::process::Process::myself().and_then(|process| process.stat());
    let Ok(stat) = stat else { return (0, 0) };
    let a_second = procfs::ticks_per_second();
    let cpu_us = (stat.utime + stat.stime).saturating_mul(1_000_000) / a_second.max(1);
    let resident = stat.rss.saturating_mul(procfs::page_size());
    (cpu_us, resident / RESIDENT_STEP * RESIDENT_STEP)
}

fn as_u32(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}
