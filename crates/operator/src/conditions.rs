//! What is told of a PushManager: its status, from all that is known of it. Pure.

mod deployment;

use k8s_openapi::{apimachinery::pkg::apis::meta::v1::Time, jiff::Timestamp};

pub use deployment::Rollout;

use crate::{
    api::{Condition, PushManagerStatus},
    children, names,
    pods::Complaint,
};

/// Most complaints that one message repeats.
const MAX_COMPLAINTS: usize = 3;
/// Longest message, in characters: Kubernetes refuses more than 32 KiB.
const MAX_MESSAGE: usize = 4096;

/// All that a status is made from.
#[derive(Clone, Debug, Default)]
pub struct Seen<'a> {
    /// The PushManager's name.
    pub name: &'a str,
    /// Its namespace.
    pub namespace: &'a str,
    /// Its generation.
    pub generation: Option<i64>,
    /// How many instances are wanted.
    pub desired: i32,
    /// How many of them may be away.
    pub tolerated: i32,
    /// The Deployment, once it is there.
    pub rollout: Option<Rollout>,
    /// What stands in the operator's way.
    pub obstacles: Vec<Complaint>,
    /// What passes by itself, or is tried again, before more can be done.
    pub waiting: Option<String>,
    /// Whether the spec is carried out: not while it is invalid, or paused with something to do.
    pub is_held_up: bool,
    /// What pods complain of.
    pub pods: Vec<Complaint>,
    /// What is odd but works.
    pub advice: Vec<String>,
    /// While paused: what would be changed.
    pub paused: Option<Vec<String>>,
    /// The hash of the configuration that the Deployment's pods carry; nothing without one.
    pub hash: Option<String>,
}

/// One condition before it is dated.
struct Word {
    kind: &'static str,
    holds: bool,
    reason: &'static str,
    message: String,
}

/// The status. What `before` said already keeps its date.
pub fn status(
    seen: &Seen<'_>,
    before: Option<&PushManagerStatus>,
    now: Timestamp,
) -> PushManagerStatus {
    let words = [
        available(seen),
        progressing(seen),
        degraded(seen),
        paused(seen),
    ];
    let rollout = seen.rollout.clone().unwrap_or_default();
    let conditions = words.map(|word| dated(word, seen.generation, before, now));
    let hash_before = before.and_then(|status| status.config_hash.clone());
    PushManagerStatus {
        observed_generation: seen.generation,
        desired_replicas: seen.desired,
        replicas: rollout.replicas,
        ready_replicas: rollout.ready,
        updated_replicas: rollout.updated,
        selector: Some(names::line(&names::selector(seen.name))),
        endpoints: children::endpoints(seen.name, seen.namespace),
        config_hash: seen.hash.clone().or(hash_before),
        conditions: conditions.into(),
    }
}

fn dated(
    word: Word,
    generation: Option<i64>,
    before: Option<&PushManagerStatus>,
    now: Timestamp,
) -> Condition {
    let status = if word.holds { "True" } else { "False" };
    let conditions = before.map_or(&[][..], |before| &before.conditions);
    let same = |c: &&Condition| c.type_ == word.kind && c.status == status;
    let since = conditions
        .iter()
        .find(same)
        .map(|c| c.last_transition_time.clone());
    Condition {
        type_: word.kind.to_owned(),
        status: status.to_owned(),
        reason: word.reason.to_owned(),
        message: clip(word.message),
        observed_generation: generation,
        last_transition_time: since.unwrap_or(Time(now)),
    }
}

fn available(seen: &Seen<'_>) -> Word {
    let word = |holds, reason, message| Word {
        kind: "Available",
        holds,
        reason,
        message,
    };
    let Some(rollout) = &seen.rollout else {
        return word(
            false,
            "NoDeployment",
            "there is no Deployment yet".to_owned(),
        );
    };
    let told = format!(
        "{} of {} instances take pushes",
        rollout.ready, seen.desired
    );
    if seen.desired == 0 {
        return word(false, "ScaledToZero", "no instance is wanted".to_owned());
    }
    if rollout.ready >= (seen.desired - seen.tolerated).max(1) {
        word(true, "InstancesReady", told)
    } else {
        word(false, "TooFewReady", told)
    }
}

fn progressing(seen: &Seen<'_>) -> Word {
    let word = |holds, reason, message| Word {
        kind: "Progressing",
        holds,
        reason,
        message,
    };
    let Some(rollout) = &seen.rollout else {
        let blocked = !seen.obstacles.is_empty() || seen.paused.is_some();
        return if blocked {
            word(false, "Blocked", "nothing was made yet".to_owned())
        } else {
            let told = seen.waiting.clone();
            let told = told.unwrap_or_else(|| "the Deployment is being made".to_owned());
            word(true, "Creating", told)
        };
    };
    let told = format!(
        "{} of {} instances are up to date",
        rollout.updated, seen.desired
    );
    if rollout.stuck.is_some() {
        word(false, "RolloutStuck", told)
    } else if seen.is_held_up {
        word(
            false,
            "Blocked",
            format!("{told}; the newest spec is not carried out"),
        )
    } else if let Some(waiting) = &seen.waiting {
        word(true, "Retrying", waiting.clone())
    } else if rollout.is_settled(seen.desired) {
        word(false, "RolledOut", told)
    } else {
        word(true, "RollingOut", told)
    }
}

fn degraded(seen: &Seen<'_>) -> Word {
    let stuck = seen.rollout.iter().flat_map(|rollout| &rollout.stuck);
    let complaints: Vec<&Complaint> = seen
        .obstacles
        .iter()
        .chain(&seen.pods)
        .chain(stuck)
        .collect();
    let (reason, message) = match complaints.first() {
        Some(first) => (first.reason, joined(&complaints)),
        None => ("AsExpected", seen.advice.join("; ")),
    };
    Word {
        kind: "Degraded",
        holds: !complaints.is_empty(),
        reason,
        message,
    }
}

fn paused(seen: &Seen<'_>) -> Word {
    let (holds, reason, message) = match &seen.paused {
        None => (false, "Running", String::new()),
        Some(pending) if pending.is_empty() => (
            true,
            "Paused",
            "spec.paused is set; nothing waits to be changed".to_owned(),
        ),
        Some(pending) => (
            true,
            "Paused",
            format!(
                "spec.paused is set; waiting to be changed: {}",
                pending.join(", ")
            ),
        ),
    };
    Word {
        kind: "Paused",
        holds,
        reason,
        message,
    }
}

fn joined(complaints: &[&Complaint]) -> String {
    let shown = complaints.iter().take(MAX_COMPLAINTS);
    let shown: Vec<&str> = shown.map(|complaint| complaint.message.as_str()).collect();
    match complaints.len().saturating_sub(MAX_COMPLAINTS) {
        0 => shown.join("; "),
        more => format!("{}; and {more} more", shown.join("; ")),
    }
}

fn clip(message: String) -> String {
    if message.chars().count() <= MAX_MESSAGE {
        return message;
    }
    let head: String = message.chars().take(MAX_MESSAGE).collect();
    format!("{head}…")
}
