//! Acting on nodes and settings: first a plan from each replica, then a typed confirmation.

use std::{collections::BTreeMap, time::Duration};

use push_manager_proto::admin::{ActResponse, Verb};

use crate::{fleet::NodeName, moment::Moment, replica::ReplicaId};

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

impl ActTarget {
    /// What it is called.
    pub fn label(&self) -> String {
        match self {
            ActTarget::Node(name) => name.to_string(),
            ActTarget::Setting { key, value } => format!("{key} = {value}"),
        }
    }
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

/// What a replica answered, or the error in words.
pub type Answer = Result<Box<ActResponse>, String>;

/// One target of a dialog with the answers so far to the latest question.
#[derive(Clone, Debug, PartialEq)]
pub struct ActPart {
    /// The latest question.
    pub wish: ActWish,
    /// The answers.
    pub answers: BTreeMap<ReplicaId, Answer>,
}

impl ActPart {
    /// Every replica has answered.
    pub fn is_answered(&self) -> bool {
        self.wish
            .replicas
            .keys()
            .all(|id| self.answers.contains_key(id))
    }

    /// A replica that would refuse it, with its reason.
    pub fn refusal(&self) -> Option<(ReplicaId, &str)> {
        self.answers.iter().find_map(|(id, answer)| {
            let plan = answer.as_ref().ok()?.plan.as_ref()?;
            (!plan.refusal.is_empty()).then_some((*id, plan.refusal.as_str()))
        })
    }

    /// Whether it may be asked for: some replica would do it, and none refuses. A node that some of
    /// them send to and others do not is worth no drain.
    pub fn is_agreed(&self) -> bool {
        self.refusal().is_none() && self.willing().next().is_some()
    }

    /// The replicas that would do it, by their plans.
    pub fn willing(&self) -> impl Iterator<Item = ReplicaId> {
        self.answers.iter().filter_map(|(id, answer)| {
            let plan = answer.as_ref().ok()?.plan.as_ref();
            plan.is_some_and(|plan| plan.refusal.is_empty())
                .then_some(*id)
        })
    }
}

/// Where a dialog is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ActStage {
    /// Plans are asked for, or shown; the confirmation is typed.
    Planning,
    /// The act itself was asked for.
    Acting,
}

/// The dialog around an act on one or several targets.
#[derive(Clone, Debug, PartialEq)]
pub struct ActDialog {
    /// The targets; never empty.
    pub parts: Vec<ActPart>,
    /// What must be typed: the node's name, the setting's key, or for several nodes the verb and
    /// their number.
    pub confirmation: String,
    /// What was typed so far.
    pub typed: String,
    /// Where it is.
    pub stage: ActStage,
    /// The first line of the plans, or of what came of them, that is shown.
    pub top: usize,
    /// When the plans were asked for: old ones must be made anew.
    pub asked_at: Moment,
}
