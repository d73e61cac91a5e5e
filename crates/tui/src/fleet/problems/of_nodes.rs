//! Problems of nodes: those of one kind are one problem.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use super::{Problem, Severity, Subject};
use crate::{
    fleet::{Node, NodeName, NodeWord},
    replica::Freshness,
};

/// A node that has failed for so long needs someone.
pub(crate) const FAILED_FOR: Duration = Duration::from_secs(30);
/// A node whose oldest call has waited so long for an answer is silent.
pub(crate) const SILENT_FOR: Duration = Duration::from_secs(2);
/// A queue above this share is filling up.
pub(crate) const QUEUE_FILLING: f64 = 0.8;
/// A queue above this share refuses.
const QUEUE_FULL: f64 = 0.99;
/// Failed of all targets over a minute.
const TARGETS_FAILING: f64 = 0.05;

/// What can be wrong with a node, the gravest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Ill {
    Failed,
    Silent,
    QueueFull,
    JustFailed,
    QueueFilling,
    Addresses,
    Failing,
}

impl Ill {
    fn kind(self) -> &'static str {
        match self {
            Ill::Failed | Ill::JustFailed => "node_failed",
            Ill::Silent => "node_silent",
            Ill::QueueFull => "queue_full",
            Ill::QueueFilling => "queue_filling",
            Ill::Addresses => "node_addresses_differ",
            Ill::Failing => "node_failing",
        }
    }

    fn severity(self) -> Severity {
        match self {
            Ill::Failed | Ill::Silent | Ill::QueueFull => Severity::Error,
            Ill::JustFailed | Ill::QueueFilling | Ill::Addresses | Ill::Failing => {
                Severity::Warning
            }
        }
    }

    fn words(self) -> &'static str {
        match self {
            Ill::Failed => "FAILED > 30s",
            Ill::JustFailed => "FAILED",
            Ill::Silent => "not answering > 2s",
            Ill::QueueFull => "queue full",
            Ill::QueueFilling => "queue > 80%",
            Ill::Addresses => "at different addresses in replicas",
            Ill::Failing => "fail > 5% of targets",
        }
    }

    /// How bad it is, to put the worst node first.
    fn degree(self, node: &Node) -> f64 {
        let seconds = |time: Option<Duration>| time.unwrap_or_default().as_secs_f64();
        match self {
            Ill::Failed | Ill::JustFailed | Ill::Addresses => seconds(node.since),
            Ill::Silent => seconds(node.oldest_in_flight),
            Ill::QueueFull | Ill::QueueFilling => node.queue_ratio,
            Ill::Failing => node.failed_ratio.unwrap_or(0.0),
        }
    }
}

/// Finds them, and marks the nodes.
pub(super) fn find(nodes: &mut BTreeMap<NodeName, Node>) -> Vec<Problem> {
    let mut found: BTreeMap<Ill, Vec<(f64, NodeName)>> = BTreeMap::new();
    for node in nodes.values_mut() {
        let ills = ills(node);
        node.warning = ills.iter().map(|ill| ill.severity()).max();
        node.problems = ills.iter().map(|ill| ill.kind()).collect();
        for ill in ills {
            let entry = (ill.degree(node), node.name.clone());
            found.entry(ill).or_default().push(entry);
        }
    }
    found
        .into_iter()
        .map(|(ill, nodes)| problem(ill, nodes))
        .collect()
}

fn ills(node: &Node) -> Vec<Ill> {
    let mut ills = Vec::new();
    if node.word == NodeWord::Failed {
        let long = node.since.is_some_and(|since| since > FAILED_FOR);
        ills.push(if long { Ill::Failed } else { Ill::JustFailed });
    }
    if node.oldest_in_flight.is_some_and(|age| age > SILENT_FOR) {
        ills.push(Ill::Silent);
    }
    if node.queue_ratio > QUEUE_FULL {
        ills.push(Ill::QueueFull);
    } else if node.queue_ratio > QUEUE_FILLING {
        ills.push(Ill::QueueFilling);
    }
    let live = node
        .cells
        .values()
        .filter(|cell| cell.freshness == Freshness::Live);
    let addresses: BTreeSet<_> = live.map(|cell| &cell.address).collect();
    if addresses.len() > 1 {
        ills.push(Ill::Addresses);
    }
    if node
        .failed_ratio
        .is_some_and(|ratio| ratio > TARGETS_FAILING)
    {
        ills.push(Ill::Failing);
    }
    ills
}

fn problem(ill: Ill, mut nodes: Vec<(f64, NodeName)>) -> Problem {
    nodes.sort_by(|(one, first), (other, second)| {
        other.total_cmp(one).then_with(|| first.cmp(second))
    });
    let plural = if nodes.len() == 1 { "node" } else { "nodes" };
    Problem {
        kind: ill.kind(),
        severity: ill.severity(),
        text: format!("{} {plural} {}", nodes.len(), ill.words()),
        subject: Subject::Nodes(nodes.into_iter().map(|(_, name)| name).collect()),
    }
}
