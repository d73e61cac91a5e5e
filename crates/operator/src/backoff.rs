//! How long to wait before a PushManager that failed is tried again: each has its own count.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use crate::live::Place;

/// The first pause.
const FIRST: Duration = Duration::from_millis(500);
/// The longest pause.
const LONGEST: Duration = Duration::from_mins(5);
/// Doublings after which the longest is reached.
const DOUBLINGS: u32 = 10;

/// The failures in a row of each PushManager that fails; those that succeed or go are forgotten.
#[derive(Debug, Default)]
pub struct Backoffs {
    failures: Mutex<HashMap<Place, Failures>>,
}

/// How often one generation of a spec failed: another one gets a fresh start.
#[derive(Debug, Default)]
struct Failures {
    generation: Option<i64>,
    count: u32,
}

impl Backoffs {
    /// The pause after one more failure. `least` is what the API server asks for, `chance` from 0
    /// to 1 keeps those who failed together from coming back together.
    pub fn pause(
        &self,
        place: Place,
        generation: Option<i64>,
        least: Option<Duration>,
        chance: f64,
    ) -> Duration {
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        let failed = failures.entry(place).or_default();
        if failed.generation != generation {
            *failed = Failures {
                generation,
                count: 0,
            };
        }
        let doubled = FIRST.saturating_mul(1 << failed.count.min(DOUBLINGS));
        failed.count = failed.count.saturating_add(1);
        let pause = doubled.min(LONGEST).mul_f64(0.5 + chance / 2.0);
        pause.max(least.unwrap_or_default())
    }

    /// How often it failed in a row.
    pub fn failures(&self, place: &Place) -> u32 {
        let failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        failures.get(place).map_or(0, |failed| failed.count)
    }

    /// Forgets a PushManager's failures.
    pub fn succeeded(&self, place: &Place) {
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        failures.remove(place);
    }

    /// Forgets those that are gone.
    pub fn keep_only(&self, there: impl Fn(&Place) -> bool) {
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        failures.retain(|place, _| there(place));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(name: &str) -> Place {
        ("shop".to_owned(), name.to_owned())
    }

    #[test]
    fn each_has_its_own_pause_that_doubles_up_to_the_longest() {
        let backoffs = Backoffs::default();
        let pause = |name| backoffs.pause(place(name), Some(1), None, 1.0);
        assert_eq!(pause("a"), FIRST);
        assert_eq!(pause("a"), FIRST * 2);
        assert_eq!(pause("b"), FIRST);
        for _ in 0..40 {
            pause("a");
        }
        assert_eq!(pause("a"), LONGEST);
        backoffs.succeeded(&place("a"));
        assert_eq!(pause("a"), FIRST);
        assert_eq!(pause("a"), FIRST * 2);
        let mended = backoffs.pause(place("a"), Some(2), None, 1.0);
        assert_eq!(mended, FIRST, "a spec that was mended is tried at once");
    }

    #[test]
    fn what_the_api_server_asks_for_is_the_least() {
        let backoffs = Backoffs::default();
        let least = Duration::from_secs(7);
        assert_eq!(backoffs.pause(place("a"), Some(1), Some(least), 0.0), least);
    }
}
