//! Acting on nodes and settings: first a plan from each replica, then a typed confirmation.

use std::{collections::BTreeMap, time::Duration};

use push_manager_proto::admin::{ActResponse, Verb};

use crate::{fleet::NodeName, replica::ReplicaId};

/// What an act is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ActTarget {
    /// A node.
    Node(NodeName),
    /// A setting.
    Setting {
        /// Its key.
        key: String,
        /// Its new value.
        value: String,
    },
}

/// An act to ask replicas for.
#[derive(Clone, Debug, PartialEq)]
pub struct ActWish {
    /// Its number within this console.
    pub number: u64,
    /// What.
    pub verb: Verb,
    /// To what.
    pub target: ActTarget,
    /// Which replicas, each with the instance that it is to act on (empty for a setting).
    pub replicas: BTreeMap<ReplicaId, String>,
    /// How long it lasts; only drain and eject.
    pub ttl: Duration,
    /// Why, for the audit event.
    pub reason: String,
    /// Only plan.
    pub dry_run: bool,
}

/// The dialog around an act.
#[derive(Clone, Debug, PartialEq)]
pub struct ActDialog {
    /// What is asked for.
    pub wish: ActWish,
    /// Answers so far to the latest question.
    pub answers: BTreeMap<ReplicaId, Result<Box<ActResponse>, String>>,
    /// What must be typed: the node's name, or the setting's key.
    pub confirmation: String,
    /// What was typed so far.
    pub typed: String,
    /// The plans are in and the confirmation was typed: the act itself was asked for.
    pub applying: bool,
}
