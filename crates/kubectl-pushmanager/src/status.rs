//! `status`: how a PushManager does, and each of its pods.
//!
//! [`gather`] asks, [`Report::of`] judges, [`text`] renders; the middle and the last are pure.

mod build;
mod gather;
mod judge;
mod pods;
mod text;

use serde::Serialize;
use serde_json::Value;

pub use self::{
    gather::{Gathered, gather},
    text::text,
};

/// The version of the document's shape: it grows when a field changes its meaning.
pub const SCHEMA: u32 = 1;

/// The document of `status --json`. What isn't known is null.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// The version of this shape.
    pub schema: u32,
    /// Where it is.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// The generation of its spec.
    pub generation: Option<i64>,
    /// The generation that the operator has acted on.
    pub observed_generation: Option<i64>,
    /// The operator has not acted on the newest spec yet.
    pub is_behind: bool,
    /// What the operator says of it.
    pub conditions: Vec<Condition>,
    /// Its pods by number.
    pub replicas: Replicas,
    /// Where it is reached, as the operator writes it.
    pub endpoints: Value,
    /// The hash of the configuration that pods should have.
    pub config_hash: Option<String>,
    /// Pods with another one that are to stay, by name.
    pub other_config: Vec<String>,
    /// Its pods.
    pub pods: Vec<PodRow>,
    /// Pods there are beyond those that were asked.
    pub pods_left_out: usize,
    /// What is not well, the gravest first; empty = all is well.
    pub findings: Vec<String>,
}

/// A condition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Condition {
    /// E.g. `Available`.
    #[serde(rename = "type")]
    pub kind: String,
    /// `True`, `False` or `Unknown`.
    pub status: String,
    /// In a word.
    pub reason: String,
    /// In a sentence.
    pub message: String,
    /// Seconds since it changed.
    pub age_s: Option<i64>,
    /// It is about an older generation.
    pub is_behind: bool,
}

/// Pods by number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Replicas {
    /// That there should be.
    pub wanted: Option<i64>,
    /// That are ready.
    pub ready: Option<i64>,
    /// That have the newest template.
    pub updated: Option<i64>,
}

/// A pod.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PodRow {
    /// Its name.
    pub name: String,
    /// Its phase.
    pub phase: String,
    /// Kubernetes calls it ready.
    pub is_ready: bool,
    /// It was asked to end.
    pub is_leaving: bool,
    /// Restarts of its containers.
    pub restarts: i32,
    /// Seconds since it was created.
    pub age_s: Option<i64>,
    /// The hash of its configuration.
    pub config_hash: Option<String>,
    /// Whether it is the one that it should have; null where either isn't known.
    pub config_matches: Option<bool>,
    /// Why its admin API told nothing; null where it did.
    pub why: Option<String>,
    /// What its admin API told.
    pub told: Option<Told>,
}

/// What a pod's admin API told.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Told {
    /// Its program's version.
    pub version: String,
    /// `waiting`, `ready` or `draining`.
    pub readiness: &'static str,
    /// What it waits for; empty when it is ready.
    pub waits_for: String,
    /// Connect-Nodes that it knows.
    pub nodes: usize,
    /// Of them, those to which the last attempt did not fail.
    pub nodes_reachable: usize,
    /// Of them, those that an operator drained or ejected.
    pub nodes_held: usize,
    /// The others by name, at most [`MOST_UNREACHABLE`].
    pub unreachable: Vec<String>,
    /// What it can't do, the gravest first.
    pub problems: Vec<Problem>,
}

/// Most names of unreachable nodes told of a pod.
pub const MOST_UNREACHABLE: usize = 10;

/// A problem that a pod has, as pushtop finds it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// A stable name; docs/console.md lists them.
    pub kind: &'static str,
    /// `warning` or `error`.
    pub severity: &'static str,
    /// In a sentence.
    pub text: String,
}

#[cfg(test)]
mod tests;
