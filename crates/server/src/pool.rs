//! Which nodes there are, and the connections to them.
//!
//! One task ([`worker`]) owns the map; everyone else reads an immutable
//! [`Snapshot`]. What a node is sent, and when, is decided above, in
//! [`crate::delivery`]. An operator's [`Order`]s go through the same task; who
//! may give them is decided elsewhere.

mod figures;
mod hold;
mod node;
mod order;
mod registry;
mod snapshot;
mod worker;

pub use self::{
    figures::{Figures, Reading, StripeReading, Tally},
    hold::{Balance, Hold, Standing, least_usable},
    node::{Node, QueueLimits},
    order::{Deed, LONGEST_HOLD, Order, OrderError, Plan, Refusal},
    registry::{Change, NodeSpec, Registry},
    snapshot::Snapshot,
    worker::{Pool, PoolSettings},
};
