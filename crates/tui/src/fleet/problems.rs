//! What an operator should look at, the gravest first, each with where to look.

use super::NodeName;
use crate::replica::ReplicaId;

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
