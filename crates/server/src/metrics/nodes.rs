//! Series that belong to one Connect-Node and go with it.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, PoisonError},
};

use prometheus::{IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry};

use crate::{ids::NodeId, outcome::Reason};

/// The series of all nodes.
#[derive(Clone, Debug)]
pub struct NodeMetrics {
    connections: IntGaugeVec,
    queued: IntGaugeVec,
    failures: IntCounterVec,
    /// Nodes whose series may exist: a late failure must not revive a series.
    present: Arc<Mutex<HashSet<NodeId>>>,
}

impl NodeMetrics {
    pub(crate) fn new(registry: &Registry) -> Result<Self, prometheus::Error> {
        let metrics = Self {
            connections: IntGaugeVec::new(
                Opts::new(
                    "push_manager_node_connections",
                    "Open connections to a Connect-Node.",
                ),
                &["node_id"],
            )?,
            queued: IntGaugeVec::new(
                Opts::new(
                    "push_manager_node_queued_calls",
                    "Calls waiting for a Connect-Node.",
                ),
                &["node_id"],
            )?,
            failures: IntCounterVec::new(
                Opts::new(
                    "push_manager_node_failed_targets_total",
                    "Targets that failed at a Connect-Node, by reason.",
                ),
                &["node_id", "reason"],
            )?,
            present: Arc::default(),
        };
        registry.register(Box::new(metrics.connections.clone()))?;
        registry.register(Box::new(metrics.queued.clone()))?;
        registry.register(Box::new(metrics.failures.clone()))?;
        Ok(metrics)
    }

    /// Makes the series of a node that came: its open connections and waiting calls.
    pub fn add(&self, node: &NodeId) -> (IntGauge, IntGauge) {
        self.present().insert(node.clone());
        let labels = [node.as_str()];
        (
            self.connections.with_label_values(&labels),
            self.queued.with_label_values(&labels),
        )
    }

    /// Counts targets that failed there, unless the node has left.
    pub fn failed(&self, node: &NodeId, reason: Reason, targets: u64) {
        let present = self.present();
        if present.contains(node) {
            self.failures
                .with_label_values(&[node.as_str(), reason.as_label()])
                .inc_by(targets);
        }
    }

    /// Removes every series of a node that left. A node without a series is fine.
    pub fn remove(&self, node: &NodeId) {
        let mut present = self.present();
        present.remove(node);
        let id = node.as_str();
        drop(self.connections.remove_label_values(&[id]));
        drop(self.queued.remove_label_values(&[id]));
        for reason in Reason::ALL {
            drop(self.failures.remove_label_values(&[id, reason.as_label()]));
        }
    }

    fn present(&self) -> std::sync::MutexGuard<'_, HashSet<NodeId>> {
        self.present.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
