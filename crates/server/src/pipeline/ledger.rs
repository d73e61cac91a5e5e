//! Accounts for every target of a push. Pure: its counts always sum to its targets.

use std::collections::BTreeMap;

use crate::{
    delivery::{Ending, Verdict},
    ids::{NodeId, UserId},
    outcome::{Outcome, Reason},
    routing::{PlannedCall, To, Via},
};

const OFFLINE: Ending = (Outcome::Offline, Some(Reason::NotConnected));
pub(super) const UNRESOLVED: Ending = (Outcome::NodeGone, Some(Reason::UnresolvedNode));
const HELD: Ending = (Outcome::NodeGone, Some(Reason::Drained));
const LOST_TRACK: Ending = (Outcome::NodeGone, Some(Reason::ControllerUnavailable));

/// How many targets ended alike.
pub(super) type Endings = BTreeMap<Ending, u64>;

/// The account of one push. See the module's documentation.
#[derive(Debug, Default)]
pub struct Ledger {
    targets: Vec<Target>,
    /// Targets that nodes counted without naming them.
    counted: Endings,
    /// The members of a room whose nodes counted instead of naming them.
    expected: u64,
    /// The nodes asked; the reason of the first failed call, if any failed.
    nodes: BTreeMap<NodeId, Option<Reason>>,
    /// A call ended without a word while it may have arrived.
    cut: bool,
}

#[derive(Debug)]
struct Target {
    user: UserId,
    best: Option<Ending>,
    pending: u32,
    asked: Option<u64>,
    /// Mostly empty: few users are on several nodes.
    also_asked: Vec<u64>,
    looked_up_again: bool,
}

impl Ledger {
    /// Adds a target and gives its number.
    pub fn add(&mut self, user: UserId) -> usize {
        self.targets.push(Target {
            user,
            best: None,
            pending: 0,
            asked: None,
            also_asked: Vec::new(),
            looked_up_again: false,
        });
        self.targets.len() - 1
    }

    /// Nodes will count a room of so many members: whoever none of them counts
    /// is at a node that nothing names.
    pub fn expect(&mut self, members: usize) {
        self.expected = members as u64;
    }

    /// The user behind a number.
    pub fn user(&self, target: usize) -> &UserId {
        &self.targets[target].user
    }

    /// Whether a node was asked about a target.
    pub fn was_asked(&self, target: usize, serial: u64) -> bool {
        let target = &self.targets[target];
        target.asked == Some(serial) || target.also_asked.contains(&serial)
    }

    /// Ends a target without asking a node.
    pub fn end(&mut self, target: usize, ending: Ending) {
        self.targets[target].merge(ending);
    }

    /// No node goes by the target's id, and there is none left to ask.
    pub fn unresolved(&mut self, target: usize) {
        self.end(target, UNRESOLVED);
    }

    /// A call is on its way.
    pub fn asking(&mut self, call: &PlannedCall) {
        self.nodes.entry(call.node.id().clone()).or_insert(None);
        let To::Named(targets) = &call.to else { return };
        for target in &**targets {
            self.targets[*target].ask(call.node.serial());
        }
    }

    /// Takes in a node's word. Gives the targets to look up afresh, each once:
    /// those whom the node does not have, though it was the right one; and those
    /// whom no node has, when the right one was not known.
    pub fn record(&mut self, call: &PlannedCall, verdict: &Verdict) -> Vec<usize> {
        if let Verdict::Failed {
            reason, outcome, ..
        } = verdict
        {
            self.cut |= *outcome == Outcome::Unknown;
            let word = self.nodes.entry(call.node.id().clone()).or_insert(None);
            word.get_or_insert(*reason);
        }
        match &call.to {
            To::Room | To::Everyone => {
                self.count(verdict);
                Vec::new()
            }
            To::Named(targets) => {
                let sure = call.via == Via::Registered;
                let ended = targets.iter().zip(endings(verdict, targets.len(), sure));
                ended
                    .filter_map(|(at, ending)| {
                        self.targets[*at].answered(ending, sure).then_some(*at)
                    })
                    .collect()
            }
        }
    }

    fn count(&mut self, verdict: &Verdict) {
        match verdict {
            Verdict::Counted {
                delivered,
                failed,
                unaccounted,
            } => {
                self.add_counted((Outcome::Delivered, None), *delivered);
                self.add_counted(OFFLINE, *failed);
                let open = (Outcome::Unknown, Some(Reason::Unaccounted));
                self.add_counted(open, *unaccounted);
            }
            // How many the node would have named is not known: it counts as one.
            Verdict::Failed {
                outcome, reason, ..
            } => {
                // It had its say, or was kept from the push on purpose.
                let sure = *outcome == Outcome::Rejected || *reason == Reason::Drained;
                let outcome = if sure { *outcome } else { Outcome::Unknown };
                self.add_counted((outcome, Some(*reason)), 1);
            }
            Verdict::Named(endings) => {
                for ending in endings {
                    self.add_counted(*ending, 1);
                }
            }
        }
    }

    fn add_counted(&mut self, ending: Ending, targets: u64) {
        if targets > 0 {
            *self.counted.entry(ending).or_insert(0) += targets;
        }
    }

    /// A fresh look-up found the target nowhere.
    pub fn nowhere(&mut self, target: usize) {
        let best = &mut self.targets[target].best;
        // Another node's word that it has the target, or may have, stands.
        if best.is_none_or(|(outcome, _)| outcome == Outcome::NodeGone) {
            *best = Some(OFFLINE);
        }
    }

    /// A fresh look-up failed: nobody can say where the target is.
    pub fn lost_track(&mut self, target: usize) {
        self.end(target, LOST_TRACK);
    }

    /// Why a call failed and for how many targets, where it did.
    pub fn failure<'v>(call: &PlannedCall, verdict: &'v Verdict) -> Option<(Reason, u64, &'v str)> {
        match verdict {
            Verdict::Failed { reason, detail, .. } => {
                let targets = match &call.to {
                    To::Named(targets) => targets.len() as u64,
                    To::Room | To::Everyone => 1,
                };
                Some((*reason, targets, detail))
            }
            Verdict::Named(endings) => {
                let unaccounted = endings
                    .iter()
                    .filter(|ending| ending.0.is_failure())
                    .count();
                (unaccounted > 0).then_some((Reason::Unaccounted, unaccounted as u64, ""))
            }
            Verdict::Counted { unaccounted, .. } => {
                (*unaccounted > 0).then_some((Reason::Unaccounted, *unaccounted, ""))
            }
        }
    }

    /// The nodes asked, each with the reason of its first failed call.
    pub(super) fn nodes(&self) -> &BTreeMap<NodeId, Option<Reason>> {
        &self.nodes
    }

    /// How many targets ended how. Whoever no node was asked about is offline.
    pub(super) fn endings(&self) -> Endings {
        let mut endings = self.counted.clone();
        for target in &self.targets {
            *endings.entry(target.best.unwrap_or(OFFLINE)).or_insert(0) += 1;
        }
        let missing = self.expected.saturating_sub(self.counted.values().sum());
        if missing > 0 {
            // Behind a node without a word there may be any of them.
            let mut silent = self.nodes.values().filter_map(|failed| *failed);
            let ending = match silent.next() {
                None => UNRESOLVED,
                Some(Reason::Drained)
                    if !self.cut && silent.all(|reason| reason == Reason::Drained) =>
                {
                    HELD
                }
                Some(reason) => (Outcome::Unknown, Some(reason)),
            };
            *endings.entry(ending).or_insert(0) += missing;
        }
        endings
    }
}

impl Target {
    fn ask(&mut self, serial: u64) {
        self.pending += 1;
        match self.asked {
            None => self.asked = Some(serial),
            Some(_) => self.also_asked.push(serial),
        }
    }

    /// True when the target should be looked up afresh.
    fn answered(&mut self, ending: Ending, sure: bool) -> bool {
        self.pending = self.pending.saturating_sub(1);
        self.merge(ending);
        let word = if sure {
            Some(ending)
        } else {
            self.best.filter(|_| self.pending == 0)
        };
        let missed = matches!(word, Some((Outcome::Offline | Outcome::NodeGone, _)));
        let again = missed && !self.looked_up_again;
        self.looked_up_again |= again;
        again
    }

    fn merge(&mut self, ending: Ending) {
        let better = self
            .best
            .is_none_or(|best| weight(ending.0) > weight(best.0));
        if better {
            self.best = Some(ending);
        }
    }
}

/// Of several nodes' words about a user the weightiest holds.
fn weight(outcome: Outcome) -> u8 {
    match outcome {
        Outcome::Delivered => 7,
        Outcome::Unknown => 6,
        Outcome::Rejected => 5,
        Outcome::QueueFull => 4,
        Outcome::Expired => 3,
        Outcome::NodeGone => 2,
        Outcome::Offline => 1,
        Outcome::Excluded => 0,
    }
}

/// A verdict as one ending for each target. At a node that may not be the right
/// one, "not here" says nothing about the user.
fn endings(verdict: &Verdict, targets: usize, sure: bool) -> Vec<Ending> {
    let mut endings = match verdict {
        Verdict::Named(endings) => endings.clone(),
        Verdict::Failed {
            outcome, reason, ..
        } => vec![(*outcome, Some(*reason)); targets],
        // A node can't count instead of naming when it was given names.
        Verdict::Counted { .. } => Vec::new(),
    };
    endings.resize(targets, (Outcome::Unknown, Some(Reason::Unaccounted)));
    if !sure {
        for ending in &mut endings {
            if *ending == OFFLINE {
                *ending = UNRESOLVED;
            }
        }
    }
    endings
}

#[cfg(test)]
mod tests;
