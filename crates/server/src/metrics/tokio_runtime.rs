//! Figures of the tokio runtime, read when scraped.

use prometheus::{
    Counter, IntGauge,
    core::{Collector, Desc},
    proto::MetricFamily,
};
use tokio::runtime::Handle;

/// Reads the runtime's own counters.
pub(super) struct RuntimeCollector {
    runtime: Handle,
    workers: IntGauge,
    tasks: IntGauge,
    queued: IntGauge,
    busy: Counter,
}

impl RuntimeCollector {
    pub(super) fn new(runtime: Handle) -> Result<Self, prometheus::Error> {
        Ok(Self {
            runtime,
            workers: IntGauge::new("tokio_workers", "Worker threads of the runtime.")?,
            tasks: IntGauge::new("tokio_alive_tasks", "Tasks that have not ended.")?,
            queued: IntGauge::new(
                "tokio_global_queue_depth",
                "Tasks waiting in the runtime's global queue.",
            )?,
            busy: Counter::new(
                "tokio_worker_busy_seconds_total",
                "Time that all workers together have spent busy since the start.",
            )?,
        })
    }
}

impl Collector for RuntimeCollector {
    fn desc(&self) -> Vec<&Desc> {
        [
            self.workers.desc(),
            self.tasks.desc(),
            self.queued.desc(),
            self.busy.desc(),
        ]
        .concat()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let figures = self.runtime.metrics();
        let workers = figures.num_workers();
        self.workers.set(as_i64(workers));
        self.tasks.set(as_i64(figures.num_alive_tasks()));
        self.queued.set(as_i64(figures.global_queue_depth()));
        let busy = (0..workers).map(|worker| figures.worker_total_busy_duration(worker));
        let busy: f64 = busy.map(|time| time.as_secs_f64()).sum();
        self.busy.inc_by((busy - self.busy.get()).max(0.0));
        [
            self.workers.collect(),
            self.tasks.collect(),
            self.queued.collect(),
            self.busy.collect(),
        ]
        .concat()
    }
}

fn as_i64(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
