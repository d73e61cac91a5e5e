//! Every metric of the operator. Names and labels are API; all labels come from bounded sets.

use std::time::Duration;

use prometheus::{
    Encoder, Histogram, HistogramOpts, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry,
    TextEncoder, core::Collector, process_collector::ProcessCollector,
};

/// From a reconcile that writes nothing to one that waits for a slow API server.
const SECONDS: [f64; 10] = [0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 30.0];

/// All metrics.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    /// How long reconciles took.
    pub reconcile_duration: Histogram,
    /// Reconciles by `result`: `ok` or `error`.
    pub reconciles: IntCounterVec,
    /// Reconciles that failed, by `reason`.
    pub reconcile_errors: IntCounterVec,
    /// Writes of children by `kind`, statuses among them.
    pub writes: IntCounterVec,
    /// Whether this instance leads.
    pub leader: IntGauge,
    /// PushManagers by `condition` and `status`.
    pub objects: IntGaugeVec,
    /// Objects that the watches hold, by `kind`.
    pub watched_objects: IntGaugeVec,
    /// The bytes they take, by `kind`.
    pub watched_bytes: IntGaugeVec,
}

impl Metrics {
    /// All at zero.
    pub fn new() -> prometheus::Result<Self> {
        let registry = Registry::new();
        let counter = |name: &str, help: &str, labels: &[&str]| {
            registered(&registry, IntCounterVec::new(named(name, help), labels)?)
        };
        let gauges = |name: &str, help: &str, labels: &[&str]| {
            registered(&registry, IntGaugeVec::new(named(name, help), labels)?)
        };
        let duration = HistogramOpts::from(named(
            "reconcile_duration_seconds",
            "How long reconciles took.",
        ));
        let metrics = Self {
            reconcile_duration: registered(
                &registry,
                Histogram::with_opts(duration.buckets(SECONDS.to_vec()))?,
            )?,
            reconciles: counter("reconciles_total", "Reconciles by result.", &["result"])?,
            reconcile_errors: counter(
                "reconcile_errors_total",
                "Reconciles that failed, by reason.",
                &["reason"],
            )?,
            writes: counter(
                "writes_total",
                "Objects written or deleted, by kind.",
                &["kind"],
            )?,
            leader: registered(
                &registry,
                IntGauge::with_opts(named(
                    "leader",
                    "Whether this instance leads (1) or not (0).",
                ))?,
            )?,
            objects: gauges(
                "objects",
                "PushManagers by condition and its status.",
                &["condition", "status"],
            )?,
            watched_objects: gauges(
                "watched_objects",
                "Children that the watches hold, by kind.",
                &["kind"],
            )?,
            watched_bytes: gauges(
                "watched_bytes",
                "Bytes of the children that the watches hold, by kind.",
                &["kind"],
            )?,
            registry: registry.clone(),
        };
        registry.register(Box::new(ProcessCollector::for_self()))?;
        for result in ["ok", "error"] {
            metrics.reconciles.with_label_values(&[result]);
        }
        Ok(metrics)
    }

    /// One reconcile ended; with why, if it failed.
    pub fn reconciled(&self, took: Duration, failed: Option<&str>) {
        self.reconcile_duration.observe(took.as_secs_f64());
        let result = if failed.is_some() { "error" } else { "ok" };
        self.reconciles.with_label_values(&[result]).inc();
        if let Some(reason) = failed {
            self.reconcile_errors.with_label_values(&[reason]).inc();
        }
    }

    /// An object of this kind was written or deleted.
    pub fn wrote(&self, kind: &str) {
        self.writes.with_label_values(&[kind]).inc();
    }

    /// The page.
    pub fn render(&self) -> prometheus::Result<String> {
        let mut page = Vec::new();
        TextEncoder::new().encode(&self.registry.gather(), &mut page)?;
        Ok(String::from_utf8_lossy(&page).into_owned())
    }
}

fn named(name: &str, help: &str) -> Opts {
    Opts::new(format!("push_manager_operator_{name}"), help)
}

fn registered<C: Collector + Clone + 'static>(
    registry: &Registry,
    collector: C,
) -> prometheus::Result<C> {
    registry.register(Box::new(collector.clone()))?;
    Ok(collector)
}
