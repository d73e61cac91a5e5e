//! Operators' orders, carried out by the task that owns the nodes; and the end of holds.

use tokio::time::Instant;
use tracing::info;

use super::Worker;
use crate::{
    events::{Kind, Level},
    ids::NodeId,
    pool::{Deed, Hold, LONGEST_HOLD, Order, OrderError, Plan, order},
};

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
        self.holds.set(node.id().clone(), hold, until);
        node.set_hold(hold, Some(until));
        Ok(plan)
    }

    pub(super) fn end_holds(&mut self) {
        for (id, hold) in self.holds.expire(Instant::now()) {
            if let Some(node) = self.nodes.get(&id) {
                node.set_hold(Hold::None, None);
            }
            self.tell_hold_ended(&id, hold, "its time is up");
        }
    }

    pub(super) fn tell_hold_ended(&self, node: &NodeId, hold: Hold, why: &str) {
        let hold = hold.as_label();
        info!(node.id = %node, hold, why, "hold ended");
        self.tell(
            Level::Info,
            Kind::HoldEnded,
            node,
            format!("no longer {hold}: {why}"),
        );
    }
}
