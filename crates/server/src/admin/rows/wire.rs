//! Rows as bytes. Each is a `RowsPart` that holds nothing else: on the wire, such
//! parts one after the other are one part with all their rows. So a row is encoded
//! when it changes, and never again.

use std::sync::Arc;

use prost::Message;
use push_manager_proto::admin::{
    ApiRow, Event, NodeRemoved, NodeRow, NodeStatic, ReplicaRow, RowsPart,
};

use crate::{
    pool::Node,
    timings::{Layout, Room},
};

/// One row, encoded. Clones share it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::admin) struct Wire(Arc<[u8]>);

impl Wire {
    /// What stays the same about a node.
    pub(in crate::admin) fn node_static(fixed: NodeStatic) -> Self {
        Self::of(&RowsPart {
            node_statics: vec![fixed],
            ..RowsPart::default()
        })
    }

    /// A node that left.
    pub(in crate::admin) fn removed(removed: NodeRemoved) -> Self {
        Self::of(&RowsPart {
            removed: vec![removed],
            ..RowsPart::default()
        })
    }

    /// An RPC.
    pub(in crate::admin) fn api(api: ApiRow) -> Self {
        Self::of(&RowsPart {
            apis: vec![api],
            ..RowsPart::default()
        })
    }

    /// The replica.
    pub(in crate::admin) fn replica(replica: ReplicaRow) -> Self {
        Self::of(&RowsPart {
            replica: Some(replica),
            ..RowsPart::default()
        })
    }

    /// An event.
    pub(in crate::admin) fn event(event: Event) -> Self {
        Self::of(&RowsPart {
            events: vec![event],
            ..RowsPart::default()
        })
    }

    /// The bytes.
    pub(in crate::admin) fn bytes(&self) -> &[u8] {
        &self.0
    }

    fn of(part: &RowsPart) -> Self {
        Self(part.encode_to_vec().into())
    }
}

impl From<&[u8]> for Wire {
    fn from(bytes: &[u8]) -> Self {
        Self(bytes.into())
    }
}

/// Writes the rows of nodes, one after the other, in the same place: a node whose
/// row is as before costs no allocation.
#[derive(Debug)]
pub(in crate::admin) struct Writer {
    part: RowsPart,
    room: Room,
    bytes: Vec<u8>,
}

impl Writer {
    pub(in crate::admin) fn new() -> Self {
        Self {
            part: RowsPart {
                nodes: vec![NodeRow::default()],
                ..RowsPart::default()
            },
            room: Room::new(Layout::NODE_RTT),
            bytes: Vec::new(),
        }
    }

    /// A node now, until the next is written.
    pub(in crate::admin) fn node(&mut self, node: &Node) -> &[u8] {
        for row in &mut self.part.nodes {
            super::read_node(node, row, &mut self.room);
        }
        self.bytes.clear();
        let encoded = self.part.encode(&mut self.bytes);
        debug_assert!(encoded.is_ok(), "a vector always has room");
        &self.bytes
    }
}

#[cfg(test)]
impl Wire {
    /// A node.
    pub(in crate::admin) fn node(row: NodeRow) -> Self {
        Self::of(&RowsPart {
            nodes: vec![row],
            ..RowsPart::default()
        })
    }
}
