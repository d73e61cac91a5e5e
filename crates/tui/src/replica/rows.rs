//! The rows of a replica, cleaned as they come in.

use std::{collections::BTreeMap, sync::Arc};

use push_manager_proto::admin::{
    ApiRow, Histogram, HistogramLayout, NodeRow, NodeStatic, ReplicaRow, RowsPart,
};

use super::text::{MOST_MESSAGE, MOST_NAME, clean, clean_shared, is_clean};
use crate::fleet::NodeName;

/// Most nodes kept of a replica; what comes beyond is counted and left out.
pub const MOST_NODES: usize = 100_000;
/// Most RPCs kept of a replica.
pub const MOST_APIS: usize = 64;
/// Most labels kept of a counter.
pub const MOST_LABELS: usize = 64;
/// Most buckets kept of a histogram; one that has more is left out.
pub const MOST_BUCKETS: usize = 8_192;

/// What stays the same about a node for as long as it is this node.
#[derive(Clone, Debug, PartialEq)]
pub struct Fixed {
    /// Names it within the epoch.
    pub key: u64,
    /// Its id.
    pub name: NodeName,
    /// Its address.
    pub address: Arc<str>,
    /// The incarnation, which acts name.
    pub instance: Arc<str>,
    /// The registration's key; may be empty.
    pub registration: Arc<str>,
    /// Its revision; 0 = none.
    pub revision: i64,
}

/// A node that a replica knows.
#[derive(Clone, Debug)]
pub struct Known {
    /// What stays.
    pub fixed: Arc<Fixed>,
    /// What changes.
    pub row: Arc<NodeRow>,
}

/// All rows of a replica.
#[derive(Clone, Debug, Default)]
pub struct Rows {
    /// Nodes by key. A node whose row hasn't come yet has an empty one.
    pub nodes: BTreeMap<u64, Known>,
    /// RPCs by name.
    pub apis: BTreeMap<String, Arc<ApiRow>>,
    /// The replica's own.
    pub replica: Option<Arc<ReplicaRow>>,
    /// Nodes that were left out, since there were too many.
    pub left_out: u64,
}

impl Rows {
    /// Takes a part in: rows replace those that are there.
    pub fn take_in(&mut self, part: RowsPart) {
        let RowsPart {
            more: _,
            node_statics,
            nodes,
            removed,
            apis,
            replica,
            events: _,
        } = part;
        for gone in removed {
            if self.nodes.remove(&gone.key).is_none() {
                self.left_out = self.left_out.saturating_sub(1);
            }
        }
        for fixed in node_statics {
            if self.nodes.len() >= MOST_NODES && !self.nodes.contains_key(&fixed.key) {
                self.left_out += 1;
                continue;
            }
            let key = fixed.key;
            let known = Known {
                fixed: Arc::new(cleaned(&fixed)),
                row: Arc::default(),
            };
            self.nodes.insert(key, known);
        }
        for mut row in nodes {
            // A row without its static part belongs to a node that was left out.
            if let Some(known) = self.nodes.get_mut(&row.key) {
                row.last_error = clean(&row.last_error, MOST_MESSAGE);
                clean_labels(&mut row.failed);
                bound(&mut row.rtt);
                known.row = Arc::new(row);
            }
        }
        for mut row in apis {
            row.api = clean(&row.api, MOST_NAME);
            for counts in [&mut row.requests, &mut row.targets, &mut row.failed] {
                clean_labels(counts);
            }
            bound(&mut row.latency);
            if self.apis.len() < MOST_APIS || self.apis.contains_key(&row.api) {
                self.apis.insert(row.api.clone(), Arc::new(row));
            }
        }
        if let Some(mut row) = replica {
            row.not_ready = clean(&row.not_ready, MOST_MESSAGE);
            row.discovery_error = clean(&row.discovery_error, MOST_MESSAGE);
            for counts in [
                &mut row.targets,
                &mut row.failed,
                &mut row.controller_requests,
            ] {
                clean_labels(counts);
            }
            bound(&mut row.controller_latency);
            self.replica = Some(Arc::new(row));
        }
    }

    /// The rows as one part of a snapshot.
    pub fn to_part(&self) -> RowsPart {
        let statics = self.nodes.values().map(|known| NodeStatic {
            key: known.fixed.key,
            id: known.fixed.name.to_string(),
            address: known.fixed.address.to_string(),
            instance: known.fixed.instance.to_string(),
            registration: known.fixed.registration.to_string(),
            revision: known.fixed.revision,
            found_at: None,
        });
        RowsPart {
            more: false,
            node_statics: statics.collect(),
            nodes: self
                .nodes
                .values()
                .map(|known| NodeRow::clone(&known.row))
                .collect(),
            removed: Vec::new(),
            apis: self.apis.values().map(|row| ApiRow::clone(row)).collect(),
            replica: self.replica.as_deref().cloned(),
            events: Vec::new(),
        }
    }
}

/// Labels are shown: they must be harmless and few. Nearly always they are already.
fn clean_labels(counts: &mut BTreeMap<String, u64>) {
    if counts.len() <= MOST_LABELS && counts.keys().all(|label| is_clean(label, MOST_NAME)) {
        return;
    }
    let mut kept = BTreeMap::new();
    for (label, count) in std::mem::take(counts) {
        let label = clean(&label, MOST_NAME);
        if kept.len() < MOST_LABELS || kept.contains_key(&label) {
            let sum: &mut u64 = kept.entry(label).or_default();
            *sum = sum.saturating_add(count);
        }
    }
    *counts = kept;
}

fn bound(histogram: &mut Option<Histogram>) {
    let too_long = |told: &mut Histogram| told.index.len().max(told.count.len()) > MOST_BUCKETS;
    histogram.take_if(too_long);
}

fn cleaned(fixed: &NodeStatic) -> Fixed {
    Fixed {
        key: fixed.key,
        name: NodeName(clean_shared(&fixed.id, MOST_NAME)),
        address: clean_shared(&fixed.address, MOST_NAME),
        instance: clean_shared(&fixed.instance, MOST_NAME),
        registration: clean_shared(&fixed.registration, MOST_NAME),
        revision: fixed.revision,
    }
}

/// Where a layout isn't told, the one that is most likely meant.
pub fn layout_or_default(layout: Option<&HistogramLayout>, grouping_power: u32) -> HistogramLayout {
    layout.copied().unwrap_or(HistogramLayout {
        grouping_power,
        max_value_power: 26,
    })
}
