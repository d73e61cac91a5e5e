//! What became of a push, in numbers and in a sentence. Pure.

use std::collections::BTreeMap;

use super::{
    Ledger,
    ledger::{Endings, UNRESOLVED},
};
use crate::{
    ids::{NodeId, PushId},
    message::{Push, Target},
    outcome::{Outcome, Reason},
};

/// Most nodes named in a sentence.
const MOST_NAMED: usize = 5;

/// What became of a push.
#[derive(Clone, Debug)]
pub struct Report {
    /// Its id.
    pub id: PushId,
    /// True as the contract defines it for the kind of push.
    pub success: bool,
    /// What happened, in a sentence.
    pub message: String,
    endings: Endings,
}

impl Report {
    /// Closes the account.
    pub fn new(push: &Push, ledger: &Ledger) -> Self {
        let endings = ledger.endings();
        let success = match push.target {
            Target::User(_) => count(&endings, Outcome::Delivered) > 0,
            Target::Room { .. } | Target::Everyone => {
                !endings.keys().any(|(outcome, _)| outcome.is_failure())
            }
        };
        let message = sentence(&push.target, ledger.nodes(), &endings);
        Self {
            id: push.id,
            success,
            message,
            endings,
        }
    }

    /// Targets that ended in one way.
    pub fn count(&self, outcome: Outcome) -> u64 {
        count(&self.endings, outcome)
    }

    /// All targets.
    pub fn targets(&self) -> u64 {
        self.endings.values().sum()
    }

    /// Targets whose node nothing names.
    pub fn unresolved(&self) -> u64 {
        self.endings.get(&UNRESOLVED).copied().unwrap_or(0)
    }

    /// Targets by ending.
    pub fn endings(&self) -> &Endings {
        &self.endings
    }
}

fn count(endings: &Endings, outcome: Outcome) -> u64 {
    endings
        .iter()
        .filter(|((ended, _), _)| *ended == outcome)
        .map(|(_, targets)| targets)
        .sum()
}

fn sentence(
    target: &Target,
    nodes: &BTreeMap<NodeId, Option<Reason>>,
    endings: &Endings,
) -> String {
    let targets: u64 = endings.values().sum();
    match target {
        Target::Room { room, .. } if targets == 0 => {
            return format!("room {room} is unknown or empty: nobody to deliver to");
        }
        Target::User(user) if count(endings, Outcome::Offline) == targets => {
            return format!("user {user} is not connected");
        }
        Target::Everyone if nodes.is_empty() => {
            return "no Connect-Node is registered: nobody to deliver to".to_owned();
        }
        Target::Room { .. } | Target::User(_) | Target::Everyone => {}
    }
    let reached = nodes.values().filter(|failed| failed.is_none()).count();
    let mut text = format!("{reached} of {} nodes reached", nodes.len());
    let failed = nodes
        .iter()
        .filter_map(|(node, failed)| failed.map(|reason| (node, reason)));
    let failed: Vec<_> = failed.collect();
    for (node, reason) in failed.iter().take(MOST_NAMED) {
        add(&mut text, format_args!("; {node}: {}", reason.as_words()));
    }
    if failed.len() > MOST_NAMED {
        add(
            &mut text,
            format_args!("; and {} more", failed.len() - MOST_NAMED),
        );
    }
    add_counts(&mut text, endings);
    text
}

fn add_counts(text: &mut String, endings: &Endings) {
    let mut separator = "; ";
    for outcome in Outcome::ALL {
        let targets = count(endings, outcome);
        if targets > 0 {
            add(
                text,
                format_args!("{separator}{targets} {}", outcome.as_label()),
            );
            separator = ", ";
        }
    }
    if let Some(targets) = endings.get(&UNRESOLVED) {
        let words = Reason::UnresolvedNode.as_words();
        add(text, format_args!("; {targets} where {words}"));
    }
}

fn add(text: &mut String, more: std::fmt::Arguments<'_>) {
    text.push_str(&more.to_string());
}

#[cfg(test)]
mod tests;
