//! Operators' orders, carried out by the task that owns the nodes; and the end of holds.

use tokio::time::Instant;
use tracing::info;

use super::Worker;
use crate::{
    events::{Kind, Level, News},
    ids::NodeId,
    pool::{
        Deed, Hold, LONGEST_HOLD, NodeSpec, Order, OrderError, Plan,
        hold::{Incarnation, Met},
        order,
    },
};

/// Who ended a hold, where a node's registration did.
pub(super) const BY_DISCOVERY: &str = "discovery";

impl Worker {
    /// Does what the same plan allows as a dry run shows.
    pub(super) fn obey(&mut self, order: &Order) -> Result<Plan, OrderError> {
        let plan = order::plan(self.nodes.values(), order)?;
        if let Some(refusal) = plan.refusal.clone() {
            return Err(OrderError::Refused(refusal, Box::new(plan)));
        }
        let node = &plan.node;
        let (hold, ttl) = match order.deed {
            Deed::Drain { ttl } => (Hold::Drained, ttl),
            Deed::Eject { ttl } => (Hold::Ejected, ttl),
            Deed::Release => {
                self.holds.end(node.id());
                node.set_hold(Hold::None, None);
                return Ok(plan);
            }
            Deed::Reconnect => {
                node.reconnect();
                return Ok(plan);
            }
        };
        let until = Instant::now() + ttl.min(LONGEST_HOLD);
        let spec = self.registry.spec(node.id());
        let spec = spec.ok_or_else(|| OrderError::NoSuchNode(node.id().clone()))?;
        self.holds
            .set(node.id().clone(), Incarnation::of(spec), hold, until);
        node.set_hold(hold, Some(until));
        Ok(plan)
    }

    /// A node is found, or tells more of itself: holds it still, if it is the one
    /// that was held, and gives the hold.
    pub(super) fn meet(&mut self, spec: &NodeSpec) -> Option<Hold> {
        let met = self.holds.meet(&spec.id, Incarnation::of(spec))?;
        let node = self.nodes.get(&spec.id)?.clone();
        match met {
            Met::Same(hold, until) => {
                if node.hold() != hold {
                    node.set_hold(hold, Some(until));
                }
                Some(hold)
            }
            Met::Another(hold) => {
                node.set_hold(Hold::None, None);
                self.tell_hold_ended(&spec.id, hold, BY_DISCOVERY, "the node is another now");
                None
            }
        }
    }

    pub(super) fn end_holds(&mut self) {
        for (id, hold) in self.holds.expire(Instant::now()) {
            if let Some(node) = self.nodes.get(&id) {
                node.set_hold(Hold::None, None);
            }
            self.tell_hold_ended(&id, hold, "ttl", "its time is up");
        }
    }

    /// Traffic returns: part of the audit, like the hold.
    pub(super) fn tell_hold_ended(&self, node: &NodeId, hold: Hold, by: &str, why: &str) {
        let hold = hold.as_label();
        info!(node.id = %node, hold, why, "hold ended");
        let message = format!("no longer {hold}: {why}");
        let news = News::new(Level::Audit, Kind::HoldEnded, message);
        self.log.record(news.of(node).by(by));
    }
}
