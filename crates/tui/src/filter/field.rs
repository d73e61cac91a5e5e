//! What can be asked of a node.

use crate::fleet::problems::NODE_PROBLEMS;

/// A field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    /// Its name.
    Name,
    /// Its address.
    Address,
    /// Its state, a word.
    State,
    /// Drained or ejected, or none.
    Hold,
    /// Warning, error or none.
    Warning,
    /// A problem that it has, by its kind.
    Problem,
    /// Why its last call or attempt failed, by any live replica.
    Error,
    /// A live replica that knows it.
    Replica,
    /// How full its queue is.
    Queue,
    /// Calls that wait.
    Queued,
    /// Calls in flight.
    InFlight,
    /// Age of its oldest call without an answer.
    Oldest,
    /// Connections.
    Connections,
    /// Failed of all targets over the last minute.
    Err,
    /// Targets delivered a second.
    Rate,
    /// Targets failed a second.
    Fail,
    /// Age of its state.
    Age,
    /// Percentiles of round trips.
    RttP50,
    /// 90 %.
    RttP90,
    /// 99 %.
    RttP99,
    /// The largest.
    RttMax,
}

/// What a field's values are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Text.
    Text,
    /// A share: `80%` or `0.8`.
    Share,
    /// A number.
    Number,
    /// A duration: `100ms`.
    Time,
}

impl Field {
    /// All, with their names.
    pub const ALL: [(&'static str, Field); 21] = [
        ("name", Field::Name),
        ("address", Field::Address),
        ("state", Field::State),
        ("hold", Field::Hold),
        ("warning", Field::Warning),
        ("problem", Field::Problem),
        ("error", Field::Error),
        ("replica", Field::Replica),
        ("queue", Field::Queue),
        ("queued", Field::Queued),
        ("inflight", Field::InFlight),
        ("oldest", Field::Oldest),
        ("connections", Field::Connections),
        ("err", Field::Err),
        ("rate", Field::Rate),
        ("fail", Field::Fail),
        ("age", Field::Age),
        ("rtt.p50", Field::RttP50),
        ("rtt.p90", Field::RttP90),
        ("rtt.p99", Field::RttP99),
        ("rtt.max", Field::RttMax),
    ];

    pub(super) fn named(name: &str) -> Option<Self> {
        let name = name.to_ascii_lowercase();
        let found = Self::ALL.iter().find(|(known, _)| *known == name);
        found.map(|(_, field)| *field)
    }

    /// The words that can be equal to it; nothing where any text can.
    pub(super) fn words(self) -> Option<&'static [&'static str]> {
        match self {
            Field::State => Some(&[
                "failed",
                "ejected",
                "draining",
                "connecting",
                "lingering",
                "ready",
                "idle",
                "gone",
            ]),
            Field::Hold => Some(&["drained", "ejected", "none"]),
            Field::Warning => Some(&["error", "warning", "none"]),
            Field::Problem => Some(&NODE_PROBLEMS),
            _ => None,
        }
    }

    pub(super) fn kind(self) -> Kind {
        match self {
            Field::Name
            | Field::Address
            | Field::State
            | Field::Hold
            | Field::Warning
            | Field::Problem
            | Field::Error
            | Field::Replica => Kind::Text,
            Field::Queue | Field::Err => Kind::Share,
            Field::Queued | Field::InFlight | Field::Connections | Field::Rate | Field::Fail => {
                Kind::Number
            }
            Field::Oldest
            | Field::Age
            | Field::RttP50
            | Field::RttP90
            | Field::RttP99
            | Field::RttMax => Kind::Time,
        }
    }
}
