//! What an operator asks of a node, what would follow, and why not. The same
//! plan is made for a dry run, over the snapshot, and for the act, by the
//! pool's task.

use std::{sync::Arc, time::Duration};

use tokio::sync::oneshot;

use super::{Hold, Node, Standing, hold::Balance};
use crate::{channel::LinkState, ids::NodeId};

/// Orders that may wait for the pool's task.
pub(super) const MOST_WAITING: usize = 64;

/// A longer hold is shortened to this.
pub const LONGEST_HOLD: Duration = Duration::from_hours(24);

/// What to do to a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deed {
    /// Send it nothing new until `ttl` is over.
    Drain {
        /// How long.
        ttl: Duration,
    },
    /// Send it nothing until `ttl` is over: what waits ends, what is under way
    /// is cut, its connections close.
    Eject {
        /// How long.
        ttl: Duration,
    },
    /// End a drain or eject; no effect on a node that isn't held.
    Release,
    /// Make its connections anew; calls in flight keep theirs.
    Reconnect,
}

/// An operator's order.
#[derive(Clone, Debug)]
pub struct Order {
    /// The node's id.
    pub node: NodeId,
    /// Its [`Node::instance`]; nothing = whichever it is.
    pub expected: Option<String>,
    /// What to do.
    pub deed: Deed,
    /// The share of all nodes that must stay usable.
    pub least_usable_ratio: f64,
}

/// What an order means.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The node that is meant.
    pub node: Arc<Node>,
    /// What was done to it before.
    pub hold_before: Hold,
    /// Usable nodes before and after, and the fewest that a hold may leave.
    pub balance: Balance,
    /// Why it is refused, if it is.
    pub refusal: Option<Refusal>,
}

/// Why an order is not carried out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The node restarted or moved since the operator looked.
    #[error("node {node} is another instance than expected: {found:?}, not {expected:?}")]
    OtherInstance {
        /// The node.
        node: NodeId,
        /// As the order says.
        expected: String,
        /// As it is.
        found: String,
    },
    /// Its registration is gone: it is here for as long as its connection is.
    #[error(
        "node {node} lingers: its registration is gone, and without its open connection it \
         would leave, and pushes to its people would end unresolved_node"
    )]
    Lingering {
        /// The node.
        node: NodeId,
    },
    /// Pushes would reach too few nodes.
    #[error("{after} usable nodes would remain of {before}, at least {least} must")]
    TooFewUsable {
        /// Usable nodes before.
        before: usize,
        /// Usable nodes after.
        after: usize,
        /// The fewest allowed.
        least: usize,
    },
}

/// Why an order came to nothing.
#[derive(Clone, Debug, thiserror::Error)]
pub enum OrderError {
    /// No node has this id.
    #[error("no node is called {0}")]
    NoSuchNode(NodeId),
    /// It must not be done now. The plan says the same.
    #[error("refused")]
    Refused(#[source] Refusal, Box<Plan>),
    /// Too many orders wait.
    #[error("{MOST_WAITING} orders are waiting already: try again")]
    Busy,
    /// This instance shuts down.
    #[error("this instance is shutting down")]
    Stopped,
}

/// An order on its way to the pool's task, and where its end is told.
#[derive(Debug)]
pub(super) struct Command {
    pub(super) order: Order,
    pub(super) done: oneshot::Sender<Result<Plan, OrderError>>,
}

/// What an order means for these nodes.
pub(super) fn plan<'a>(
    nodes: impl Iterator<Item = &'a Arc<Node>> + Clone,
    order: &Order,
) -> Result<Plan, OrderError> {
    let mut all = nodes.clone();
    let node = all
        .find(|node| *node.id() == order.node)
        .ok_or_else(|| OrderError::NoSuchNode(order.node.clone()))?;
    let target = standing(node);
    let hold = match order.deed {
        Deed::Drain { .. } => Hold::Drained,
        Deed::Eject { .. } => Hold::Ejected,
        Deed::Release => Hold::None,
        Deed::Reconnect => target.hold,
    };
    let all = nodes.map(|node| standing(node));
    let balance = Balance::of(all, target, hold, order.least_usable_ratio);
    Ok(Plan {
        node: node.clone(),
        hold_before: target.hold,
        balance,
        refusal: refusal(node, order, target.hold, balance),
    })
}

fn refusal(node: &Node, order: &Order, before: Hold, balance: Balance) -> Option<Refusal> {
    if let Some(expected) = &order.expected
        && expected != node.instance()
    {
        return Some(Refusal::OtherInstance {
            node: node.id().clone(),
            expected: expected.clone(),
            found: node.instance().to_owned(),
        });
    }
    let closes = matches!(order.deed, Deed::Reconnect | Deed::Eject { .. });
    if closes && node.is_lingering() {
        let node = node.id().clone();
        return Some(Refusal::Lingering { node });
    }
    let holds = matches!(order.deed, Deed::Drain { .. } | Deed::Eject { .. });
    // A node that is held already leaves no fewer.
    let more = holds && before == Hold::None;
    (more && balance.leaves_too_few()).then_some(Refusal::TooFewUsable {
        before: balance.before,
        after: balance.after,
        least: balance.least,
    })
}

fn standing(node: &Node) -> Standing {
    Standing {
        hold: node.hold(),
        is_failed: node.link().0 == LinkState::Failed,
    }
}
