//! How a push ends for one target, and why: two bounded lists that the proto,
//! the metrics and the logs share.

use push_manager_proto::pubsub;

/// How a push ended for one target. Those that need later parts of the
/// contract (conflated, cancelled, pending, parked) are not produced yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Outcome {
    /// A node accepted it for a live connection.
    Delivered,
    /// The user has no live connection.
    Offline,
    /// The caller left this user out.
    Excluded,
    /// Its time ran out before it could be sent.
    Expired,
    /// The node's queue was full.
    QueueFull,
    /// The node left, could not be reached or is not known; surely not sent.
    NodeGone,
    /// The node refused it.
    Rejected,
    /// Sent, but no word came back in time.
    Unknown,
}

impl Outcome {
    /// All of them, in the order of the proto.
    pub const ALL: [Outcome; 8] = [
        Outcome::Delivered,
        Outcome::Offline,
        Outcome::Excluded,
        Outcome::Expired,
        Outcome::QueueFull,
        Outcome::NodeGone,
        Outcome::Rejected,
        Outcome::Unknown,
    ];

    /// The metric label, and the word in sentences.
    pub fn as_label(self) -> &'static str {
        match self {
            Outcome::Delivered => "delivered",
            Outcome::Offline => "offline",
            Outcome::Excluded => "excluded",
            Outcome::Expired => "expired",
            Outcome::QueueFull => "queue_full",
            Outcome::NodeGone => "node_gone",
            Outcome::Rejected => "rejected",
            Outcome::Unknown => "unknown",
        }
    }

    /// Its place in [`Outcome::ALL`].
    pub fn index(self) -> usize {
        self as usize
    }

    /// True for what makes a room push or broadcast unsuccessful.
    pub fn is_failure(self) -> bool {
        !matches!(
            self,
            Outcome::Delivered | Outcome::Offline | Outcome::Excluded
        )
    }

    /// The proto's value.
    pub fn to_proto(self) -> pubsub::Outcome {
        match self {
            Outcome::Delivered => pubsub::Outcome::Delivered,
            Outcome::Offline => pubsub::Outcome::Offline,
            Outcome::Excluded => pubsub::Outcome::Excluded,
            Outcome::Expired => pubsub::Outcome::Expired,
            Outcome::QueueFull => pubsub::Outcome::QueueFull,
            Outcome::NodeGone => pubsub::Outcome::NodeGone,
            Outcome::Rejected => pubsub::Outcome::Rejected,
            Outcome::Unknown => pubsub::Outcome::Unknown,
        }
    }
}

/// Why a target was not delivered to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Reason {
    /// The node said that the user is not there, and so did a fresh look-up.
    NotConnected,
    /// The caller left the user out.
    Excluded,
    /// Sent, no answer by the deadline.
    DeadlineExceeded,
    /// The deadline passed while waiting for the node's turn.
    WaitedTooLong,
    /// The node's queue was at its limit.
    QueueFull,
    /// No connection could be made.
    ConnectFailed,
    /// The connection broke after the call was sent.
    ConnectionLost,
    /// The node left while the call was waiting or running.
    NodeLeft,
    /// No discovered node goes by the id that the Controller gave.
    UnresolvedNode,
    /// The node answered with an error.
    NodeError,
    /// The node answered that it did not serve the call.
    NodeRefused,
    /// The node's counts do not say who got it.
    Unaccounted,
    /// The Controller could not say who is where.
    ControllerUnavailable,
    /// The set of nodes is not known yet, or this instance is draining.
    NotReady,
    /// No answer before this instance had to end.
    ShutDown,
    /// As many targets as allowed were under way.
    Overloaded,
    /// An operator drained or ejected the node.
    Drained,
}

impl Reason {
    /// All of them.
    pub const ALL: [Reason; 17] = [
        Reason::NotConnected,
        Reason::Excluded,
        Reason::DeadlineExceeded,
        Reason::WaitedTooLong,
        Reason::QueueFull,
        Reason::ConnectFailed,
        Reason::ConnectionLost,
        Reason::NodeLeft,
        Reason::UnresolvedNode,
        Reason::NodeError,
        Reason::NodeRefused,
        Reason::Unaccounted,
        Reason::ControllerUnavailable,
        Reason::NotReady,
        Reason::ShutDown,
        Reason::Overloaded,
        Reason::Drained,
    ];

    /// The metric label.
    pub fn as_label(self) -> &'static str {
        match self {
            Reason::NotConnected => "not_connected",
            Reason::Excluded => "excluded",
            Reason::DeadlineExceeded => "deadline_exceeded",
            Reason::WaitedTooLong => "waited_too_long",
            Reason::QueueFull => "queue_full",
            Reason::ConnectFailed => "connect_failed",
            Reason::ConnectionLost => "connection_lost",
            Reason::NodeLeft => "node_left",
            Reason::UnresolvedNode => "unresolved_node",
            Reason::NodeError => "node_error",
            Reason::NodeRefused => "node_refused",
            Reason::Unaccounted => "unaccounted",
            Reason::ControllerUnavailable => "controller_unavailable",
            Reason::NotReady => "not_ready",
            Reason::ShutDown => "shut_down",
            Reason::Overloaded => "overloaded",
            Reason::Drained => "drained",
        }
    }

    /// Its place in [`Reason::ALL`].
    pub fn index(self) -> usize {
        self as usize
    }

    /// The words in an answer's sentence.
    pub fn as_words(self) -> &'static str {
        match self {
            Reason::NotConnected => "user not connected",
            Reason::Excluded => "excluded",
            Reason::DeadlineExceeded => "deadline exceeded",
            Reason::WaitedTooLong => "deadline exceeded before its turn came",
            Reason::QueueFull => "queue full",
            Reason::ConnectFailed => "could not connect",
            Reason::ConnectionLost => "connection lost",
            Reason::NodeLeft => "node left",
            Reason::UnresolvedNode => "no such node is registered (unresolved_node)",
            Reason::NodeError => "node answered with an error",
            Reason::NodeRefused => "node refused the push",
            Reason::Unaccounted => "node's counts are incomplete",
            Reason::ControllerUnavailable => "controller unavailable",
            Reason::NotReady => "not ready",
            Reason::ShutDown => "no answer before this instance shut down",
            Reason::Overloaded => "too many targets at once",
            Reason::Drained => "drained by an operator",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_index_is_the_place_among_all() {
        let outcomes = Outcome::ALL.map(Outcome::index);
        assert_eq!(outcomes, std::array::from_fn(|place| place));
        let reasons = Reason::ALL.map(Reason::index);
        assert_eq!(reasons, std::array::from_fn(|place| place));
    }

    #[test]
    fn labels_are_the_proto_names() {
        for outcome in Outcome::ALL {
            let name = outcome.to_proto().as_str_name().to_lowercase();
            assert_eq!(name, format!("outcome_{}", outcome.as_label()));
        }
    }
}
