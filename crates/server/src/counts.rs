//! Counters by a small bounded list, such as all outcomes: an array of atomics.

use std::sync::atomic::{AtomicU64, Ordering};

/// One counter for each of `N` things, from 0 on.
#[derive(Debug)]
pub struct Counts<const N: usize>([AtomicU64; N]);

impl<const N: usize> Default for Counts<N> {
    fn default() -> Self {
        Self(std::array::from_fn(|_| AtomicU64::new(0)))
    }
}

impl<const N: usize> Counts<N> {
    /// Counts so many of the thing at that place; a place outside the list is left out.
    pub fn add(&self, place: usize, more: u64) {
        if let Some(counter) = self.0.get(place) {
            counter.fetch_add(more, Ordering::Relaxed);
        }
    }

    /// All of them now.
    pub fn read(&self) -> [u64; N] {
        std::array::from_fn(|place| self.0[place].load(Ordering::Relaxed))
    }
}
