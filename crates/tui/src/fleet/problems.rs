//! What an operator should look at, the gravest first, each with where to look.

mod of_nodes;
mod of_replicas;

use std::collections::BTreeMap;

use super::{Api, Node, NodeName, Window, track::Track};
use crate::{
    moment::Moment,
    replica::{Replica, ReplicaId},
};

/// Failed of all answers over a minute, above which an RPC is a problem.
const API_FAILING: f64 = 0.01;
/// And above which someone must act.
const API_FAILING_BADLY: f64 = 0.1;

/// The kinds of problems that a node can have.
pub const NODE_PROBLEMS: [&str; 6] = [
    "node_failed",
    "node_silent",
    "queue_full",
    "queue_filling",
    "node_addresses_differ",
    "node_failing",
];

/// How grave.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Degraded.
    Warning,
    /// Someone must act.
    Error,
}

/// Where a problem's cause is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// These nodes, the worst first; never empty.
    Nodes(Vec<NodeName>),
    /// An RPC.
    Api(String),
    /// A replica.
    Replica(ReplicaId),
    /// The console itself: no replica at all.
    Console,
}

/// A problem.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// A stable name of its kind, for scripts, e.g. `node_failed`; docs/console.md lists them.
    pub kind: &'static str,
    /// How grave.
    pub severity: Severity,
    /// In a sentence without the subject's names, e.g. "3 nodes FAILED > 30s".
    pub text: String,
    /// Where to look.
    pub subject: Subject,
}

/// Finds all problems, the gravest first, and marks the nodes that have one.
pub(super) fn find(
    nodes: &mut BTreeMap<NodeName, Node>,
    apis: &[Api],
    replicas: &[Replica],
    tracks: &[Track],
    now: Moment,
) -> Vec<Problem> {
    let mut problems = of_nodes::find(nodes);
    problems.extend(apis.iter().filter_map(api_failing));
    problems.extend(of_replicas::find(replicas, tracks, now));
    problems.sort_by_key(|problem| std::cmp::Reverse(problem.severity));
    problems
}

/// Adds that new replicas could not be found, after what is graver.
pub(super) fn note_source(problems: &mut Vec<Problem>, why: Option<&str>) {
    let Some(why) = why else { return };
    let errors = problems.partition_point(|problem| problem.severity == Severity::Error);
    let problem = Problem {
        kind: "source_away",
        severity: Severity::Warning,
        text: format!("replicas that come or go are not seen: {why}"),
        subject: Subject::Console,
    };
    problems.insert(errors, problem);
}

fn api_failing(api: &Api) -> Option<Problem> {
    let minute = api.windows.get(&Window::Minute)?;
    let ratio = minute.failed_ratio.filter(|ratio| *ratio > API_FAILING)?;
    let sum: f64 = minute.reasons.values().sum();
    let main = minute
        .reasons
        .iter()
        .max_by(|(_, one), (_, other)| one.total_cmp(other))
        .filter(|_| sum > 0.0)
        .map(|(reason, rate)| format!(" ({reason} {:.0}%)", rate / sum * 100.0));
    Some(Problem {
        kind: "api_failing",
        severity: if ratio > API_FAILING_BADLY {
            Severity::Error
        } else {
            Severity::Warning
        },
        text: format!(
            "{} fails {:.1}% > {:.0}%{}",
            api.name,
            ratio * 100.0,
            API_FAILING * 100.0,
            main.unwrap_or_default()
        ),
        subject: Subject::Api(api.name.clone()),
    })
}
