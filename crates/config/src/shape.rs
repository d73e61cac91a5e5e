//! A knob's bounds as data, for those who render forms or schemas from them.
//!
//! What a rule checks beyond its shape (that an address parses, say) is the rule's alone.

use std::time::Duration;

/// What a value looks like, with the bounds that a schema can state; both ends of a range are
/// included.
#[derive(Clone, Debug, PartialEq)]
pub enum Shape {
    /// One line of text.
    Text {
        /// The fewest characters.
        min: usize,
        /// The most characters.
        max: usize,
    },
    /// A list without repetitions, each entry a text.
    List {
        /// The fewest entries.
        min: usize,
        /// The most entries.
        max: usize,
        /// The most characters of an entry.
        item_max: usize,
    },
    /// `true` or `false`.
    Flag,
    /// A whole number.
    Count {
        /// The smallest.
        min: usize,
        /// The largest.
        max: usize,
    },
    /// A TCP port, 0 included.
    Port,
    /// A number of bytes, with or without a unit.
    Bytes {
        /// The smallest.
        min: usize,
        /// The largest.
        max: usize,
    },
    /// A length of time.
    Duration {
        /// The shortest.
        min: Duration,
        /// The longest.
        max: Duration,
    },
    /// A number from 0 to 1.
    Ratio,
    /// One of these words.
    Choice(Vec<&'static str>),
}
