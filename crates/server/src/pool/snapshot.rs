//! The nodes at one moment, immutable, and how an id finds its node.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

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
    revision: i64,
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
        let members: Vec<_> = members.collect();
        // A node's own id is its own, though an older registration lends it to another.
        for (at, (spec, _)) in members.iter().enumerate() {
            if spec.named.contains(&spec.id) {
                snapshot.named.insert(spec.id.clone(), at);
            } else {
                snapshot.segments.insert(spec.id.clone(), at);
            }
        }
        for (at, (spec, node)) in members.into_iter().enumerate() {
            snapshot.nodes.push(node.clone());
            for id in &spec.named {
                snapshot.named.entry(id.clone()).or_insert(at);
            }
            for id in &spec.segments {
                snapshot.segments.entry(id.clone()).or_insert(at);
            }
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

    /// The newest revision that discovery has seen; 0 = there are none.
    pub fn revision(&self) -> i64 {
        self.revision
    }

    pub(super) fn at(mut self, revision: i64) -> Self {
        self.revision = revision;
        self
    }

    /// The ids by which the Controller may mean a node, its address apart; none
    /// for a node that isn't in use.
    pub fn names(&self, node: &Node) -> BTreeSet<NodeId> {
        let ids = self.named.keys().chain(self.segments.keys());
        let means = |id: &&NodeId| {
            self.resolve(id, None)
                .is_some_and(|found| found.serial() == node.serial())
        };
        ids.filter(means).cloned().collect()
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

#[cfg(test)]
impl Snapshot {
    /// A synced set of nodes that were never connected to.
    pub(crate) fn of_specs(specs: &[NodeSpec]) -> Self {
        let nodes = specs.iter().map(Node::unconnected).map(Arc::new);
        let nodes: Vec<_> = nodes.collect();
        Self::new(specs.iter().zip(&nodes), true, None)
    }

    /// Nodes that are named in their metadata, at one address each.
    pub(crate) fn of_ids(ids: &[&str]) -> Self {
        let specs = (1..).zip(ids).map(|(port, id)| NodeSpec {
            id: NodeId::new(*id),
            address: format!("10.0.0.1:{port}").parse().unwrap(),
            instance: None,
            registration: String::new(),
            revision: 0,
            named: [NodeId::new(*id)].into(),
            segments: [NodeId::new(format!("10.0.0.1:{port}"))].into(),
        });
        Self::of_specs(&specs.collect::<Vec<_>>())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(id: &str, port: u16, named: &[&str], segments: &[&str]) -> NodeSpec {
        let ids = |texts: &[&str]| texts.iter().map(|text| NodeId::new(*text)).collect();
        NodeSpec {
            id: NodeId::new(id),
            address: format!("10.0.0.1:{port}").parse().unwrap(),
            instance: None,
            registration: String::new(),
            revision: 0,
            named: ids(named),
            segments: ids(segments),
        }
    }

    fn port(snapshot: &Snapshot, id: &str, learnt: Option<&str>) -> Option<u16> {
        let node = snapshot.resolve(&NodeId::new(id), learnt)?;
        Some(node.address().port())
    }

    #[test]
    fn an_id_in_metadata_goes_before_one_in_a_key() {
        let snapshot = Snapshot::of_specs(&[
            spec("by-key", 1, &[], &["by-key", "shared"]),
            spec("by-metadata", 2, &["by-metadata", "shared"], &["x"]),
        ]);
        assert_eq!(port(&snapshot, "shared", None), Some(2));
        assert_eq!(port(&snapshot, "by-key", None), Some(1));
    }

    #[test]
    fn a_key_goes_before_an_address_and_an_address_before_what_was_learnt() {
        let snapshot = Snapshot::of_specs(&[
            spec("10.0.0.1:2", 1, &[], &["10.0.0.1:2"]),
            spec("plain", 2, &[], &["plain"]),
            spec("other", 3, &["other"], &["y"]),
        ]);
        assert_eq!(
            port(&snapshot, "10.0.0.1:2", None),
            Some(1),
            "the key's last segment"
        );
        assert_eq!(port(&snapshot, "10.0.0.1:3", Some("10.0.0.1:2")), Some(3));
        assert_eq!(port(&snapshot, "unheard-of", Some("10.0.0.1:2")), Some(2));
    }

    #[test]
    fn an_id_that_leads_nowhere_is_not_resolved() {
        let snapshot = Snapshot::of_specs(&[spec("node:1", 1, &["node:1"], &["10.0.0.1:1"])]);
        assert_eq!(
            port(&snapshot, "node:1", None),
            Some(1),
            "a colon is part of an id"
        );
        assert_eq!(port(&snapshot, "node", None), None);
        assert_eq!(port(&snapshot, "unheard-of", None), None);
        let nowhere = Some("10.9.9.9:1");
        assert_eq!(
            port(&snapshot, "unheard-of", nowhere),
            None,
            "no discovered node is there"
        );
    }

    #[test]
    fn a_nodes_own_id_is_not_taken_by_one_that_was_called_so_before() {
        let snapshot = Snapshot::of_specs(&[
            spec("a", 1, &["a"], &["k1"]),
            spec("b", 2, &["a", "b"], &["k1", "k2"]),
        ]);
        assert_eq!(port(&snapshot, "a", None), Some(1));
        assert_eq!(port(&snapshot, "b", None), Some(2));
    }
}
