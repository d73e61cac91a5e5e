//! What an operator did to nodes, until when, and whether one more may be
//! done. Pure: the pool's task owns it and brings the time.

use std::collections::BTreeMap;

use tokio::time::Instant;

use crate::ids::NodeId;

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

/// The holds that last, by node.
#[derive(Debug, Default)]
pub(super) struct Holds(BTreeMap<NodeId, (Hold, Instant)>);

impl Holds {
    /// Another hold of a node takes the place of the first.
    pub(super) fn set(&mut self, node: NodeId, hold: Hold, until: Instant) {
        self.0.insert(node, (hold, until));
    }

    /// The node is free, or gone. Gives what was done to it.
    pub(super) fn end(&mut self, node: &NodeId) -> Option<Hold> {
        self.0.remove(node).map(|(hold, _)| hold)
    }

    /// When [`Holds::expire`] has something to do next.
    pub(super) fn next_end(&self) -> Option<Instant> {
        self.0.values().map(|(_, until)| *until).min()
    }

    /// Takes out the holds whose time is up.
    pub(super) fn expire(&mut self, now: Instant) -> Vec<(NodeId, Hold)> {
        let over = self.0.iter().filter(|(_, (_, until))| *until <= now);
        let over: Vec<_> = over
            .map(|(node, (hold, _))| (node.clone(), *hold))
            .collect();
        for (node, _) in &over {
            self.0.remove(node);
        }
        over
    }
}

#[cfg(test)]
mod tests;
