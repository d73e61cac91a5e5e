//! What scenarios under load demand of a history.

use std::ops::Range;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::history::{Allowed, History};

/// Fewer deliveries say nothing.
const LEAST: usize = 1_000;
/// Likewise of the time after a fault.
const LEAST_AFTERWARDS: usize = 500;
/// So long must a load go on after a fault for that many to come.
pub const AFTERWARDS: Duration = Duration::from_secs(8);

/// Now, in Unix milliseconds, as histories count.
pub fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| {
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    })
}

impl History {
    /// Nothing failed, was lost or came twice, and every receipt is right.
    pub fn is_spotless(&self) {
        self.must(Allowed {
            least: LEAST,
            ..Allowed::default()
        });
    }

    /// What went wrong was told.
    pub fn is_honest(&self) {
        self.must(Allowed::what_is_told(LEAST));
    }

    /// What went wrong was told, while servers died in this time, in Unix milliseconds.
    pub fn is_honest_but_for_deaths(&self, deaths: &Range<u64>) {
        let verdict = self.check().but_for_copies_by_grpc(deaths);
        let verdict = verdict.clean(Allowed::what_is_told(LEAST));
        verdict.unwrap_or_else(|error| panic!("{error}"));
    }

    /// Nothing went wrong any more from then on.
    pub fn is_spotless_since(&self, from_ms: u64) {
        self.since(from_ms).must(Allowed {
            least: LEAST_AFTERWARDS,
            ..Allowed::default()
        });
    }

    fn must(&self, allowed: Allowed) {
        let verdict = self.check().clean(allowed);
        verdict.unwrap_or_else(|error| panic!("{error}"));
    }
}
