//! Cumulative figures over time, finely for the last minute and coarsely for the hour, so that what
//! happened in a window is a difference of two of them. Bounded by construction.

use std::collections::VecDeque;
use std::time::Duration;

use crate::moment::Moment;

/// Up to such an age, one entry at most in each span is kept.
const THINNING: [(Duration, Duration); 3] = [
    (Duration::from_secs(70), Duration::from_secs(1)),
    (Duration::from_secs(330), Duration::from_secs(10)),
    (Duration::from_secs(3_700), Duration::from_mins(1)),
];

/// Figures of one source within one of its epochs.
#[derive(Clone, Debug)]
pub(super) struct Timeline<T> {
    entries: VecDeque<Entry<T>>,
    longest: Duration,
}

/// Figures at a moment.
#[derive(Clone, Debug)]
pub(super) struct Entry<T> {
    /// By the console's clock.
    pub(super) at: Moment,
    /// By the source's own, in nanoseconds.
    pub(super) ns: u64,
    /// The figures.
    pub(super) figures: T,
}

impl<T> Timeline<T> {
    /// Remembers for as long as `longest`.
    pub(super) fn new(longest: Duration) -> Self {
        Self {
            entries: VecDeque::new(),
            longest,
        }
    }

    /// Adds the newest figures; those whose clock did not go on are not new.
    pub(super) fn push(&mut self, at: Moment, ns: u64, figures: T) {
        if self.entries.back().is_some_and(|last| ns <= last.ns) {
            return;
        }
        self.entries.push_back(Entry { at, ns, figures });
        self.thin(at);
    }

    /// The newest figures.
    pub(super) fn latest(&self) -> Option<&Entry<T>> {
        self.entries.back()
    }

    /// The last two.
    pub(super) fn last_two(&self) -> Option<(&Entry<T>, &Entry<T>)> {
        let newest = self.entries.len().checked_sub(1)?;
        Some((
            self.entries.get(newest.checked_sub(1)?)?,
            self.entries.get(newest)?,
        ))
    }

    /// The figures with which a window that ends now begins: the newest of those that are at least
    /// as old, else the oldest of all.
    pub(super) fn begin_of(&self, window: Duration, now: Moment) -> Option<&Entry<T>> {
        let begin = now - window;
        let later = self.entries.partition_point(|entry| entry.at <= begin);
        self.entries.get(later.saturating_sub(1))
    }

    /// Drops what is too old, and what is finer than its age deserves: of neighbours the younger
    /// one, so that the oldest of each span stays.
    fn thin(&mut self, now: Moment) {
        while self
            .entries
            .front()
            .is_some_and(|entry| now.since(entry.at) > self.longest)
        {
            self.entries.pop_front();
        }
        for (up_to, span) in THINNING {
            if up_to >= self.longest {
                break;
            }
            // Only entries that have just passed this age can have become too fine.
            let passed = self
                .entries
                .partition_point(|entry| now.since(entry.at) > up_to);
            let coarser = THINNING
                .iter()
                .find(|(longer, _)| *longer > up_to)
                .map_or(span, |(_, coarser)| *coarser);
            if passed >= 2 {
                let (before, last) = (&self.entries[passed - 2], &self.entries[passed - 1]);
                if last.at.since(before.at) < coarser {
                    self.entries.remove(passed - 1);
                }
            }
        }
    }
}

/// A difference that never goes below nothing. Counters don't go back within an epoch, and another
/// epoch is another source: one that does go back tells nothing, least of all its whole value.
pub(super) fn grown(now: u64, before: u64) -> u64 {
    now.saturating_sub(before)
}

/// A rate by a clock in nanoseconds; nothing where no time passed.
pub(super) fn rate(grown: u64, from_ns: u64, to_ns: u64) -> Option<f64> {
    let ns = to_ns.checked_sub(from_ns).filter(|ns| *ns > 0)?;
    Some(grown as f64 / (ns as f64 / 1e9))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn second(at: u64) -> Moment {
        Moment::after(Duration::from_secs(at))
    }

    #[test]
    fn an_hour_of_seconds_takes_few_entries_and_windows_begin_where_they_should() {
        let mut line = Timeline::new(Duration::from_mins(61));
        for at in 0..8_000_u64 {
            line.push(second(at), (at + 1) * 1_000_000_000, at);
        }
        assert!(line.entries.len() < 200, "{}", line.entries.len());
        let now = second(7_999);
        for (window, slack) in [(10, 1), (60, 1), (300, 11), (3_600, 61)] {
            let begin = line.begin_of(Duration::from_secs(window), now).unwrap();
            let covered = now.since(begin.at).as_secs();
            assert!(
                (window..=window + slack).contains(&covered),
                "{window}: {covered}"
            );
        }
    }

    #[test]
    fn a_window_that_is_not_full_yet_begins_with_what_there_is() {
        let mut line = Timeline::new(Duration::from_mins(1));
        assert!(line.begin_of(Duration::from_secs(10), second(0)).is_none());
        line.push(second(5), 1, ());
        line.push(second(6), 2, ());
        line.push(second(7), 2, ());
        assert_eq!(
            line.entries.len(),
            2,
            "a clock that stands still tells nothing"
        );
        let begin = line.begin_of(Duration::from_secs(10), second(7)).unwrap();
        assert_eq!(begin.ns, 1);
    }

    #[test]
    fn rates_are_never_negative_nor_infinite() {
        assert_eq!(grown(3, 10), 0, "it went back, which is no growth");
        assert_eq!(rate(10, 5, 5), None);
        assert_eq!(rate(10, 6, 5), None);
        assert_eq!(rate(10, 0, 2_000_000_000), Some(5.0));
    }
}
