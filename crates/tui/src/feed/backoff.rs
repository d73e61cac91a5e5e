//! How long to wait before a link is tried again. Pure.

use std::time::Duration;

/// The bounds of the first pause.
const SHORTEST: Duration = Duration::from_millis(250);
/// No pause is longer.
const LONGEST: Duration = Duration::from_secs(8);
/// A stream that lasted so long was a success: the next pause is a first one.
const LASTED: Duration = Duration::from_secs(10);

/// Full jitter between the shortest pause and a bound that doubles with each failure in a row.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Backoff {
    failures: u32,
}

impl Backoff {
    /// The pause after a failure of a stream that lasted so long; `dice` is between 0 and 1.
    pub(super) fn pause(&mut self, lasted: Duration, dice: f64) -> Duration {
        if lasted >= LASTED {
            self.failures = 0;
        }
        let doubled = SHORTEST.saturating_mul(2_u32.saturating_pow(self.failures.min(16)));
        self.failures = self.failures.saturating_add(1);
        let most = doubled.min(LONGEST);
        SHORTEST + most.saturating_sub(SHORTEST).mul_f64(dice.clamp(0.0, 1.0))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn no_pause_is_over_the_cap_or_under_the_floor(
            tries in prop::collection::vec((0..20_u64, 0.0..=1.0_f64), 1..100)
        ) {
            let mut backoff = Backoff::default();
            for (lasted, dice) in tries {
                let pause = backoff.pause(Duration::from_secs(lasted), dice);
                prop_assert!((SHORTEST..=LONGEST).contains(&pause), "{pause:?}");
            }
        }
    }

    #[test]
    fn pauses_grow_until_a_stream_has_lasted() {
        let mut backoff = Backoff::default();
        let mut pauses = (0..8).map(|_| backoff.pause(Duration::ZERO, 1.0));
        assert_eq!(pauses.next(), Some(SHORTEST));
        assert_eq!(pauses.next(), Some(SHORTEST * 2));
        assert_eq!(pauses.last(), Some(LONGEST));
        assert_eq!(backoff.pause(LASTED, 1.0), SHORTEST);
    }
}
