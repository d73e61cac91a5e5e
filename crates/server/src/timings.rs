//! How long things took, in microseconds, by log-linear buckets that only
//! grow. Noting a time is one atomic addition.

use std::time::Duration;

use histogram::{AtomicHistogram, Config, Histogram};

/// How values fall into buckets: see the crate `histogram`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    /// Each power of two is divided into two to this power of buckets.
    pub grouping_power: u8,
    /// Times from two to this power of microseconds on count as just below.
    pub max_value_power: u8,
}

impl Layout {
    /// Of a node's round trips: 192 buckets, each within an eighth.
    pub const NODE_RTT: Self = Self {
        grouping_power: 3,
        max_value_power: 26,
    };
    /// Of requests to the push API and calls to the Controller: each within a sixteenth.
    pub const LATENCY: Self = Self {
        grouping_power: 4,
        max_value_power: 26,
    };

    const fn config(self) -> Config {
        match Config::new(self.grouping_power, self.max_value_power) {
            Ok(config) => config,
            Err(_) => unreachable!(),
        }
    }

    const fn longest(self) -> u64 {
        (1 << self.max_value_power) - 1
    }
}

// A layout that the crate refuses does not compile.
const _: (Config, Config) = (Layout::NODE_RTT.config(), Layout::LATENCY.config());

/// Times noted since the start.
#[derive(Debug)]
pub struct Timings {
    layout: Layout,
    buckets: AtomicHistogram,
}

impl Timings {
    /// None yet.
    pub fn new(layout: Layout) -> Self {
        Self {
            layout,
            buckets: AtomicHistogram::with_config(&layout.config()),
        }
    }

    /// How its values fall into buckets.
    pub fn layout(&self) -> Layout {
        self.layout
    }

    /// Notes one.
    pub fn note(&self, took: Duration) {
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        // Within the layout's range, so it can't be refused.
        drop(self.buckets.increment(micros.min(self.layout.longest())));
    }

    /// The buckets that hold something, ascending, each with its count.
    pub fn read<'a>(&self, room: &'a mut Room) -> impl Iterator<Item = (u32, u64)> + 'a {
        if self.buckets.load_into(&mut room.0).is_err() {
            // It was of another layout.
            room.0 = self.buckets.load();
        }
        let counts = (0..).zip(room.0.as_slice().iter().copied());
        counts.filter(|(_, count)| *count > 0)
    }

    /// How many were noted.
    pub fn total(&self) -> u64 {
        self.buckets.load().as_slice().iter().sum()
    }
}

/// Where [`Timings`] are read into: reading many of one layout in the same place
/// allocates nothing.
#[derive(Debug)]
pub struct Room(Histogram);

impl Room {
    /// For that layout; one that turns out to be wrong costs an allocation.
    pub fn new(layout: Layout) -> Self {
        Self(Histogram::with_config(&layout.config()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_time_lands_in_one_bucket_however_long_it_was() {
        let timings = Timings::new(Layout::NODE_RTT);
        let micros = Duration::from_micros;
        for took in [micros(0), micros(3), micros(3), micros(1 << 30)] {
            timings.note(took);
        }
        for room in [Layout::NODE_RTT, Layout::LATENCY] {
            let mut room = Room::new(room);
            let counts: Vec<_> = timings.read(&mut room).collect();
            assert_eq!(counts, [(0, 1), (3, 2), (191, 1)]);
        }
        assert_eq!(timings.total(), 4);
    }
}
