//! The calls in flight to a node by when they were begun: the oldest is what
//! shows a node that takes calls and never answers. Owned by the lane's task.

use std::collections::BTreeSet;

/// Calls in flight, at most the lane's concurrency. See the module's documentation.
#[derive(Debug, Default)]
pub(super) struct InFlight {
    begun: BTreeSet<Begun>,
    next: u64,
}

/// A call in flight: its stamp, and a number that tells it from others begun at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Begun {
    ns: u64,
    number: u64,
}

impl InFlight {
    pub(super) fn begin(&mut self, ns: u64) -> Begun {
        let begun = Begun {
            ns,
            number: self.next,
        };
        self.next += 1;
        self.begun.insert(begun);
        begun
    }

    pub(super) fn end(&mut self, begun: Begun) {
        self.begun.remove(&begun);
    }

    pub(super) fn clear(&mut self) {
        self.begun.clear();
    }

    pub(super) fn len(&self) -> usize {
        self.begun.len()
    }

    /// The stamp of the oldest; 0 when there is none.
    pub(super) fn oldest_ns(&self) -> u64 {
        self.begun.first().map_or(0, |begun| begun.ns)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_is_known_in_whatever_order_calls_end() {
        let mut flight = InFlight::default();
        let [first, second, third] = [10, 20, 20].map(|ns| flight.begin(ns));
        assert_eq!((flight.len(), flight.oldest_ns()), (3, 10));
        flight.end(second);
        assert_eq!(flight.oldest_ns(), 10);
        flight.end(first);
        assert_eq!((flight.len(), flight.oldest_ns()), (1, 20));
        flight.end(third);
        assert_eq!((flight.len(), flight.oldest_ns()), (0, 0));
    }
}
