//! What a subscriber asked to be told of.

use std::collections::BTreeSet;

use push_manager_proto::admin::{NodeFilter, NodeStatic, Topic};

/// Ids that a filter may name.
const MOST_IDS: usize = 1000;
/// Bytes of a filter's text.
const LONGEST_TEXT: usize = 256;

/// Why a selection is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(in crate::admin) enum BadSelection {
    /// A number that is no topic.
    #[error("topics: {0} is no topic of this version")]
    Topic(i32),
    /// Too many ids.
    #[error("node_filter.ids: at most {MOST_IDS} ids, got {0}")]
    Ids(usize),
    /// Too long a text.
    #[error("node_filter.contains: at most {LONGEST_TEXT} bytes, got {0}")]
    Text(usize),
}

/// Which kinds of rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(in crate::admin) struct Topics(u8);

impl Topics {
    /// All of them.
    pub(in crate::admin) const ALL: Self =
        Self(bit(Topic::Nodes) | bit(Topic::Apis) | bit(Topic::Replica) | bit(Topic::Events));

    /// Those asked for; nothing = all.
    pub(in crate::admin) fn parse(given: &[i32]) -> Result<Self, BadSelection> {
        if given.is_empty() {
            return Ok(Self::ALL);
        }
        let mut bits = 0;
        for number in given {
            bits |= match Topic::try_from(*number) {
                Ok(topic) if topic != Topic::Unspecified => bit(topic),
                _ => return Err(BadSelection::Topic(*number)),
            };
        }
        Ok(Self(bits))
    }

    /// Rows of nodes.
    pub(in crate::admin) fn nodes(self) -> bool {
        self.0 & bit(Topic::Nodes) != 0
    }

    /// Rows of RPCs.
    pub(in crate::admin) fn apis(self) -> bool {
        self.0 & bit(Topic::Apis) != 0
    }

    /// The replica's row.
    pub(in crate::admin) fn replica(self) -> bool {
        self.0 & bit(Topic::Replica) != 0
    }

    /// Events.
    pub(in crate::admin) fn events(self) -> bool {
        self.0 & bit(Topic::Events) != 0
    }
}

const fn bit(topic: Topic) -> u8 {
    1 << topic as u8
}

/// Which nodes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(in crate::admin) struct Filter {
    ids: BTreeSet<String>,
    contains: String,
}

impl Filter {
    /// As asked for; nothing = all.
    pub(in crate::admin) fn parse(given: Option<NodeFilter>) -> Result<Self, BadSelection> {
        let NodeFilter { ids, contains } = given.unwrap_or_default();
        if ids.len() > MOST_IDS {
            return Err(BadSelection::Ids(ids.len()));
        }
        if contains.len() > LONGEST_TEXT {
            return Err(BadSelection::Text(contains.len()));
        }
        Ok(Self {
            ids: ids.into_iter().collect(),
            contains: contains.to_lowercase(),
        })
    }

    /// Whether a node matches all that is given.
    pub(in crate::admin) fn takes(&self, node: &Names) -> bool {
        let named = self.ids.is_empty() || self.ids.contains(&node.id);
        let holds = |text: &str| text.contains(&self.contains);
        named && (self.contains.is_empty() || node.lowercase.iter().any(|text| holds(text)))
    }
}

/// What a filter looks at; it stays the same for as long as a node is this node.
#[derive(Debug)]
pub(in crate::admin) struct Names {
    id: String,
    /// The id and the address.
    lowercase: [String; 2],
}

impl Names {
    /// Of a node.
    pub(in crate::admin) fn of(node: &NodeStatic) -> Self {
        Self {
            id: node.id.clone(),
            lowercase: [node.id.to_lowercase(), node.address.to_lowercase()],
        }
    }

    /// The id.
    pub(in crate::admin) fn id(&self) -> &str {
        &self.id
    }
}

/// All that a subscriber asked for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(in crate::admin) struct Selection {
    /// Which nodes.
    pub(in crate::admin) filter: Filter,
    /// Which kinds of rows.
    pub(in crate::admin) topics: Topics,
}

impl Selection {
    /// Nothing is left out.
    pub(in crate::admin) fn is_everything(&self) -> bool {
        let Self { filter, topics } = self;
        *topics == Topics::ALL && *filter == Filter::default()
    }
}
