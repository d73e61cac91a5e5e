//! `drain`: a Connect-Node is drained, or no longer drained, at every pod of a PushManager.
//!
//! As in pushtop's console, each pod is asked for its plan first. A node that some pods send to and
//! others do not is worth no drain: where one pod that answers refuses, nothing is done anywhere. A pod
//! that does not answer stops nobody, and is named (docs/decisions/0011).

mod ask;
mod plan;
mod text;

use std::time::Duration;

use serde::Serialize;

pub use self::{
    ask::{Asked, act, places, plan},
    plan::{Place, Verdict, Wish, verdict},
    text::{planned, text},
};

/// How long a drain lasts unless said otherwise.
pub const USUAL: Duration = Duration::from_mins(10);
/// The longest that a manager takes.
pub const LONGEST: Duration = Duration::from_hours(24);
/// A plan older than this must be made anew.
pub const PLAN_HOLDS_FOR: Duration = Duration::from_mins(1);
/// The version of the document's shape.
pub const SCHEMA: u32 = 1;

/// What a pod answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "state", content = "why")]
pub enum Answer {
    /// It would do it.
    Willing,
    /// It did it, in its own words.
    Done(String),
    /// It would not, or did not, for this reason.
    Refused(String),
    /// It does not know the node.
    Unknown,
    /// It did not answer.
    Silent(String),
}

/// A pod with its answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Answered {
    /// The pod.
    pub pod: String,
    /// It was asked to end: nobody waits for its answer.
    pub is_leaving: bool,
    /// What it said.
    #[serde(flatten)]
    pub answer: Answer,
    /// What it does then, a sentence a line.
    pub lines: Vec<String>,
    /// The incarnation of the node that it knows.
    pub instance: String,
}

/// The document of `drain --json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Report {
    /// The version of this shape.
    pub schema: u32,
    /// `drain` or `undrain`.
    pub verb: &'static str,
    /// The node.
    pub node: String,
    /// Only the plan was asked for.
    pub dry_run: bool,
    /// What came of it: `done`, `partly`, `planned`, `refused`, `unknown` or `silent`.
    pub outcome: &'static str,
    /// Each pod.
    pub pods: Vec<Answered>,
}

#[cfg(test)]
mod tests;
