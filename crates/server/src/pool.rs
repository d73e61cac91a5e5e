//! Which nodes there are, and the connections to them.
//!
//! One task ([`worker`]) owns the map; everyone else reads an immutable
//! [`Snapshot`]. What a node is sent, and when, is decided above, in
//! [`crate::delivery`].

mod node;
mod registry;
mod snapshot;
mod worker;

pub use self::{
    node::Node,
    registry::{Change, NodeSpec, Registry},
    snapshot::Snapshot,
    worker::{Pool, PoolSettings},
};
