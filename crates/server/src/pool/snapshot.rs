//! The nodes at one moment, immutable, and how an id finds its node.

use std::{collections::HashMap, sync::Arc};

use super::{Node, NodeSpec};
use crate::{discovery::Address, ids::NodeId};

/// The nodes in use. See the module's documentation.
#[derive(Debug, Default)]
pub struct Snapshot {
    nodes: Vec<Arc<Node>>,
    named: HashMap<NodeId, usize>,
    segments: HashMap<NodeId, usize>,
    addresses: HashMap<Address, usize>,
    synced: bool,
    away: Option<String>,
}

impl Snapshot {
    /// Indexes the nodes; specs without a node are left out.
    pub(super) fn new<'a>(
        members: impl Iterator<Item = (&'a NodeSpec, &'a Arc<Node>)>,
        synced: bool,
        away: Option<String>,
    ) -> Self {
        let mut snapshot = Self {
            synced,
            away,
            ..Self::default()
        };
        for (spec, node) in members {
            let at = snapshot.nodes.len();
            snapshot.nodes.push(node.clone());
            snapshot
                .named
                .extend(spec.named.iter().map(|id| (id.clone(), at)));
            snapshot
                .segments
                .extend(spec.segments.iter().map(|id| (id.clone(), at)));
            snapshot.addresses.insert(spec.address.clone(), at);
        }
        snapshot
    }

    /// All nodes, by id.
    pub fn nodes(&self) -> &[Arc<Node>] {
        &self.nodes
    }

    /// True once discovery has told a whole set.
    pub fn is_synced(&self) -> bool {
        self.synced
    }

    /// Why discovery can't be reached, while it can't.
    pub fn away(&self) -> Option<&str> {
        self.away.as_deref()
    }

    /// The node that the Controller means by `id`: named so in its metadata, in
    /// its key, by its address, or at the address that was learnt for the id.
    pub fn resolve(&self, id: &NodeId, learnt: Option<&str>) -> Option<&Arc<Node>> {
        let at = self
            .named
            .get(id)
            .or_else(|| self.segments.get(id))
            .or_else(|| self.at_address(id.as_str()))
            .or_else(|| self.at_address(learnt?))?;
        self.nodes.get(*at)
    }

    fn at_address(&self, address: &str) -> Option<&usize> {
        self.addresses.get(&address.parse::<Address>().ok()?)
    }
}
