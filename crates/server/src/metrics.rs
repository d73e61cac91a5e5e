//! Every metric, with its name, help and labels. Names and labels are API.
//!
//! Children with bounded labels are made at the start, so that each series is
//! there, at 0, before its first event. Series of a node go with the node.

mod apis;
mod nodes;
mod tokio_runtime;

use std::time::Duration;

use prometheus::{
    Encoder, Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, Opts,
    Registry, TextEncoder, core::Collector, process_collector::ProcessCollector,
};
use tokio::runtime::Handle;
use tonic::Code;

pub use self::{
    apis::{Api, ApiFigures, ApiReading, CODES},
    nodes::NodeMetrics,
};
use crate::{
    counts::Counts,
    error::code_label,
    outcome::{Outcome, Reason},
    timings::{Layout, Timings},
};

/// The RPCs of the push API, as labels.
pub const APIS: [&str; 3] = [
    Api::PushToRoom.as_label(),
    Api::PushToUser.as_label(),
    Api::BroadcastMessage.as_label(),
];
/// Reasons that are no failure: they have no series.
const HARMLESS: [Reason; 2] = [Reason::Excluded, Reason::NotConnected];

const SECONDS: [f64; 14] = [
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
];

/// All metrics of one instance.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    api_requests: IntCounterVec,
    api_duration: HistogramVec,
    apis: [ApiFigures; Api::ALL.len()],
    /// Per node.
    pub nodes: NodeMetrics,
    push_success: IntCounter,
    push_failed: IntCounterVec,
    /// Pushes that passed validation.
    pub push_total: IntCounter,
    targets: IntCounterVec,
    pushes_in_flight: IntGauge,
    controller_requests: IntCounterVec,
    controller_duration: Histogram,
    controller_codes: Counts<CODES>,
    controller_latency: Timings,
    /// User look-ups answered from the cache.
    pub controller_cache_hits: IntCounter,
    /// Pushes that shared another one's look-up.
    pub controller_shared: IntCounter,
    /// Targets sent again after a fresh look-up.
    pub reroutes: IntCounter,
    /// Keys that could not be read.
    pub discovery_skipped: IntCounterVec,
    /// 1 while the discovery source answers.
    pub discovery_up: IntGauge,
    /// Nodes in use.
    pub discovery_nodes: IntGauge,
    /// Of them, those whose registration is gone but whose connection lives.
    pub discovery_lingering: IntGauge,
}

impl Metrics {
    /// Registers everything; `runtime` is the one whose figures are shown.
    pub fn new(runtime: &Handle) -> Result<Self, prometheus::Error> {
        let registry = Registry::new();
        let r = Registering(&registry);
        registry.register(Box::new(ProcessCollector::for_self()))?;
        registry.register(Box::new(tokio_runtime::RuntimeCollector::new(
            runtime.clone(),
        )?))?;
        let metrics = Self {
            api_requests: r.counters(
                "push_manager_api_requests_total",
                "Requests to the push API, by RPC and gRPC status.",
                &["api", "status"],
            )?,
            api_duration: r.add(HistogramVec::new(
                HistogramOpts::new(
                    "push_manager_api_duration_seconds",
                    "Time from a request's arrival to its answer.",
                )
                .buckets(SECONDS.to_vec()),
                &["api"],
            )?)?,
            apis: Api::ALL.map(|_| ApiFigures::new()),
            nodes: NodeMetrics::new(&registry)?,
            push_success: r.counter(
                "push_manager_push_success_total",
                "Targets delivered to: a node accepted the push for a live connection.",
            )?,
            push_failed: r.counters(
                "push_manager_push_failed_total",
                "Targets that ended other than delivered, offline or excluded, and pushes whose targets could not be learnt.",
                &["reason"],
            )?,
            push_total: r.counter("push_manager_push_total", "Pushes that passed validation.")?,
            targets: r.counters(
                "push_manager_push_targets_total",
                "Targets by how the push ended for them.",
                &["outcome"],
            )?,
            pushes_in_flight: r.gauge("push_manager_pushes_in_flight", "Pushes running now.")?,
            controller_requests: r.counters(
                "push_manager_controller_requests_total",
                "Calls to the Controller, by method and gRPC status.",
                &["method", "status"],
            )?,
            controller_duration: r.add(Histogram::with_opts(
                HistogramOpts::new(
                    "push_manager_controller_duration_seconds",
                    "Time that a call to the Controller took.",
                )
                .buckets(SECONDS.to_vec()),
            )?)?,
            controller_codes: Counts::default(),
            controller_latency: Timings::new(Layout::LATENCY),
            controller_cache_hits: r.counter(
                "push_manager_controller_cache_hits_total",
                "User look-ups answered from the cache.",
            )?,
            controller_shared: r.counter(
                "push_manager_controller_shared_total",
                "Room look-ups answered by a call made for another push.",
            )?,
            reroutes: r.counter(
                "push_manager_reroutes_total",
                "Targets sent again to another node after a fresh look-up.",
            )?,
            discovery_skipped: r.counters(
                "push_manager_discovery_skipped_total",
                "Registrations that could not be read, by reason.",
                &["reason"],
            )?,
            discovery_up: r.gauge(
                "push_manager_discovery_up",
                "1 while the discovery source answers, else 0.",
            )?,
            discovery_nodes: r.gauge("push_manager_discovery_nodes", "Connect-Nodes in use.")?,
            discovery_lingering: r.gauge(
                "push_manager_discovery_lingering_nodes",
                "Connect-Nodes in use whose registration is gone while their connection lives.",
            )?,
            registry,
        };
        metrics.resolve_children();
        Ok(metrics)
    }

    fn resolve_children(&self) {
        for api in APIS {
            self.api_requests.with_label_values(&[api, "OK"]);
            self.api_duration.with_label_values(&[api]);
        }
        for outcome in Outcome::ALL {
            self.targets.with_label_values(&[outcome.as_label()]);
        }
        for reason in Reason::ALL
            .iter()
            .filter(|reason| !HARMLESS.contains(reason))
        {
            self.push_failed.with_label_values(&[reason.as_label()]);
        }
    }

    /// The figures of an RPC.
    pub fn api(&self, api: Api) -> &ApiFigures {
        &self.apis[api as usize]
    }

    /// Counts one answered request, which [`ApiFigures::began`] before.
    pub fn answered(&self, api: Api, code: Code, took: Duration) {
        self.api(api).answered(code, took);
        let label = api.as_label();
        self.api_requests
            .with_label_values(&[label, code_label(code)])
            .inc();
        self.api_duration
            .with_label_values(&[label])
            .observe(took.as_secs_f64());
    }

    /// Counts one call to the Controller.
    pub fn controller_answered(&self, method: &str, code: Code, took: Duration) {
        self.controller_codes.add(apis::place_of(code), 1);
        self.controller_latency.note(took);
        self.controller_requests
            .with_label_values(&[method, code_label(code)])
            .inc();
        self.controller_duration.observe(took.as_secs_f64());
    }

    /// Calls to the Controller, over all methods, by the number of their gRPC status.
    pub fn controller_codes(&self) -> [u64; CODES] {
        self.controller_codes.read()
    }

    /// Their duration.
    pub fn controller_latency(&self) -> &Timings {
        &self.controller_latency
    }

    /// Counts targets that ended alike.
    pub fn ended(&self, api: Api, outcome: Outcome, reason: Option<Reason>, targets: u64) {
        self.api(api).ended(outcome, targets);
        self.targets
            .with_label_values(&[outcome.as_label()])
            .inc_by(targets);
        if outcome == Outcome::Delivered {
            self.push_success.inc_by(targets);
        } else if outcome.is_failure() {
            if let Some(reason) = reason {
                self.api(api).failed(reason, targets);
            }
            let reason = reason.map_or("none", Reason::as_label);
            self.push_failed
                .with_label_values(&[reason])
                .inc_by(targets);
        }
    }

    /// Targets ended so far, in the order of [`Outcome::ALL`]: the series of
    /// `push_manager_push_targets_total`.
    pub fn targets(&self) -> [u64; Outcome::ALL.len()] {
        Outcome::ALL.map(|outcome| self.targets.with_label_values(&[outcome.as_label()]).get())
    }

    /// Targets failed so far, in the order of [`Reason::ALL`]: the series of
    /// `push_manager_push_failed_total`.
    pub fn failed(&self) -> [u64; Reason::ALL.len()] {
        Reason::ALL.map(|reason| {
            if HARMLESS.contains(&reason) {
                return 0;
            }
            self.push_failed
                .with_label_values(&[reason.as_label()])
                .get()
        })
    }

    /// Targets delivered to: `push_manager_push_success_total`.
    pub fn delivered(&self) -> u64 {
        self.push_success.get()
    }

    /// Registrations that could not be used, whatever the reason.
    pub fn registrations_skipped(&self) -> u64 {
        let families = self.discovery_skipped.collect();
        let series = families
            .iter()
            .flat_map(prometheus::proto::MetricFamily::get_metric);
        let counts = series.map(|series| series.get_counter().get_value());
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a sum of counts"
        )]
        let sum = counts.sum::<f64>() as u64;
        sum
    }

    /// Counts a push as running until the guard is dropped.
    pub fn in_flight(&self) -> InFlight {
        self.pushes_in_flight.inc();
        InFlight(self.pushes_in_flight.clone())
    }

    /// Pushes running now.
    pub fn pushes_in_flight(&self) -> i64 {
        self.pushes_in_flight.get()
    }

    /// Counts a push whose targets were never learnt.
    pub fn failed_whole(&self, api: Api, reason: Reason) {
        self.api(api).failed(reason, 1);
        self.push_failed
            .with_label_values(&[reason.as_label()])
            .inc();
    }

    /// The text exposition.
    pub fn render(&self) -> Result<String, prometheus::Error> {
        let mut text = Vec::new();
        TextEncoder::new().encode(&self.registry.gather(), &mut text)?;
        Ok(String::from_utf8_lossy(&text).into_owned())
    }
}

/// A running push.
#[derive(Debug)]
pub struct InFlight(IntGauge);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.dec();
    }
}

/// Makes and registers in one step.
struct Registering<'a>(&'a Registry);

impl Registering<'_> {
    fn add<C: Collector + Clone + 'static>(&self, collector: C) -> Result<C, prometheus::Error> {
        self.0.register(Box::new(collector.clone()))?;
        Ok(collector)
    }

    fn counter(&self, name: &str, help: &str) -> Result<IntCounter, prometheus::Error> {
        self.add(IntCounter::new(name, help)?)
    }

    fn counters(
        &self,
        name: &str,
        help: &str,
        labels: &[&str],
    ) -> Result<IntCounterVec, prometheus::Error> {
        self.add(IntCounterVec::new(Opts::new(name, help), labels)?)
    }

    fn gauge(&self, name: &str, help: &str) -> Result<IntGauge, prometheus::Error> {
        self.add(IntGauge::new(name, help)?)
    }
}
