//! What is told beside the state: it is about the present alone, so it is neither recorded nor part of
//! any past.

use push_manager_proto::admin::{WatchApiResponse, WatchNodeResponse};

/// Something in detail that somebody looks at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Look {
    /// A node, by its id.
    Node(String),
    /// An RPC, by its name.
    Api(String),
}

/// What is told.
#[derive(Clone, Debug, PartialEq)]
pub enum Aside {
    /// Where replicas are found (etcd, Kubernetes) is away, for this reason, or there again. The set of
    /// replicas is the last that was known.
    SourceAway(Option<String>),
    /// A replica tells of the node that is looked at.
    Node(Box<WatchNodeResponse>),
    /// A replica tells of the RPC that is looked at.
    Api(Box<WatchApiResponse>),
    /// A replica does not tell of what is looked at, for this reason.
    Untold(String),
}
