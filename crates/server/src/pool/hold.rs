//! What an operator did to nodes, until when, and whether one more may be
//! done. Pure: the pool's task owns it and brings the time.

use std::collections::BTreeMap;

use tokio::time::Instant;

use super::NodeSpec;
use crate::{discovery::Address, ids::NodeId};

/// Most holds kept of nodes that are not there.
const MOST_AWAY: usize = 1000;

/// What an operator did to a node.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Hold {
    /// Nothing.
    #[default]
    None,
    /// It gets nothing new; what waits for it or is under way ends as usual.
    Drained,
    /// It gets nothing: what waited has ended, what was under way was cut.
    Ejected,
}

impl Hold {
    /// The word for it.
    pub fn as_label(self) -> &'static str {
        match self {
            Hold::None => "none",
            Hold::Drained => "drained",
            Hold::Ejected => "ejected",
        }
    }
}

/// The fewest usable nodes that an act may leave of `nodes`: this share of
/// them, rounded up, and at least one.
pub fn least_usable(nodes: usize, ratio: f64) -> usize {
    // A share that is whole but for the arithmetic is not rounded up.
    const SLIP: f64 = 1e-9;
    let ratio = if ratio.is_nan() {
        1.0
    } else {
        ratio.clamp(0.0, 1.0)
    };
    #[allow(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a fleet is far below 2^52 nodes, and the share is not negative"
    )]
    let share = (nodes as f64 * ratio - SLIP).ceil() as usize;
    share.max(1)
}

/// A node as the decision sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// What was done to it.
    pub hold: Hold,
    /// Its last attempt to connect failed, and no connection is open.
    pub is_failed: bool,
}

impl Standing {
    /// Pushes can be expected to reach it.
    pub fn is_usable(self) -> bool {
        self.hold == Hold::None && !self.is_failed
    }
}

/// What holding or releasing one node does to the number of usable ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Balance {
    /// Usable nodes before.
    pub before: usize,
    /// Usable nodes after.
    pub after: usize,
    /// The fewest that a hold may leave.
    pub least: usize,
}

impl Balance {
    /// What follows when the node among `all` that stands as `target` gets `hold`.
    pub fn of(
        all: impl IntoIterator<Item = Standing>,
        target: Standing,
        hold: Hold,
        ratio: f64,
    ) -> Self {
        let (mut nodes, mut before) = (0, 0);
        for standing in all {
            nodes += 1;
            before += usize::from(standing.is_usable());
        }
        let then = Standing { hold, ..target };
        let others = before - usize::from(target.is_usable()).min(before);
        Self {
            before,
            after: others + usize::from(then.is_usable()),
            least: least_usable(nodes, ratio),
        }
    }

    /// A hold that leaves so few is refused, also of a node that nothing
    /// reaches now: it would stay held when it can be reached again.
    pub fn leaves_too_few(self) -> bool {
        self.after < self.least
    }
}

/// Which process a node is, as far as its registration tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Incarnation {
    /// The instance that it registered, if it did.
    pub(super) instance: Option<String>,
    /// Where it is.
    pub(super) address: Address,
}

impl Incarnation {
    pub(super) fn of(spec: &NodeSpec) -> Self {
        Self {
            instance: spec.instance.clone(),
            address: spec.address.clone(),
        }
    }

    /// Instances tell, where both are known; else the address does.
    fn is(&self, other: &Self) -> bool {
        let instances = self.instance.as_ref().zip(other.instance.as_ref());
        instances.map_or(self.address == other.address, |(one, two)| one == two)
    }
}

#[derive(Debug)]
struct Held {
    hold: Hold,
    until: Instant,
    whom: Incarnation,
    is_away: bool,
}

/// What a node that is found means for the hold of its id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Met {
    /// It is the one that was held, and still is, until then.
    Same(Hold, Instant),
    /// It is another one: what was done to the earlier one is over.
    Another(Hold),
}

/// The holds that last, by node. One outlives its node, which may only have
/// missed a lease: whoever is sick does that most.
#[derive(Debug, Default)]
pub(super) struct Holds(BTreeMap<NodeId, Held>);

impl Holds {
    /// Another hold of a node takes the place of the first.
    pub(super) fn set(&mut self, node: NodeId, whom: Incarnation, hold: Hold, until: Instant) {
        let is_away = false;
        let held = Held {
            hold,
            until,
            whom,
            is_away,
        };
        self.0.insert(node, held);
    }

    /// The node is free. Gives what was done to it.
    pub(super) fn end(&mut self, node: &NodeId) -> Option<Hold> {
        self.0.remove(node).map(|held| held.hold)
    }

    /// The node left, and may come back. Gives the hold that made room, if one
    /// had to: the soonest to end of those whose nodes are away.
    pub(super) fn leave(&mut self, node: &NodeId) -> Option<(NodeId, Hold)> {
        self.0.get_mut(node)?.is_away = true;
        let away = || self.0.iter().filter(|(_, held)| held.is_away);
        if away().count() <= MOST_AWAY {
            return None;
        }
        let soonest = away().min_by_key(|(_, held)| held.until)?.0.clone();
        let hold = self.end(&soonest)?;
        Some((soonest, hold))
    }

    /// A node of that id is found, or tells more of itself.
    pub(super) fn meet(&mut self, node: &NodeId, found: Incarnation) -> Option<Met> {
        let held = self.0.get_mut(node)?;
        if !held.whom.is(&found) {
            return self.end(node).map(Met::Another);
        }
        held.is_away = false;
        let known = held.whom.instance.take();
        held.whom = Incarnation {
            instance: found.instance.or(known),
            ..found
        };
        Some(Met::Same(held.hold, held.until))
    }

    /// When [`Holds::expire`] has something to do next.
    pub(super) fn next_end(&self) -> Option<Instant> {
        self.0.values().map(|held| held.until).min()
    }

    /// Takes out the holds whose time is up.
    pub(super) fn expire(&mut self, now: Instant) -> Vec<(NodeId, Hold)> {
        let over = self.0.extract_if(.., |_, held| held.until <= now);
        over.map(|(node, held)| (node, held.hold)).collect()
    }
}

#[cfg(test)]
mod tests;
