//! Which endpoint comes next, and after what pause. Pure.

use std::time::Duration;

/// The pause after every endpoint failed once; it doubles from there.
pub(crate) const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// A connection that served this long ends the run of failures. One that dies at once does not, or
/// an endpoint that answers and then breaks would be hammered.
const STABLE: Duration = Duration::from_secs(1);

/// Goes round the endpoints in the order given: on at once within a round, with a pause after it.
#[derive(Debug)]
pub(crate) struct Rotation {
    endpoints: usize,
    current: usize,
    failures: usize,
    pause_max: Duration,
}

/// What follows a failure.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Step {
    /// Every endpoint has failed since one last served.
    pub(crate) round_over: bool,
    /// How long to wait before the next attempt.
    pub(crate) pause: Duration,
}

impl Rotation {
    pub(crate) fn new(endpoints: usize, pause_max: Duration) -> Self {
        Self {
            endpoints: endpoints.max(1),
            current: 0,
            failures: 0,
            pause_max,
        }
    }

    /// The index of the endpoint to use.
    pub(crate) fn current(&self) -> usize {
        self.current
    }

    /// Notes that the endpoint failed after having served for `held`; `jitter` is from 0 to 1.
    pub(crate) fn failed(&mut self, held: Duration, jitter: f64) -> Step {
        if held >= STABLE {
            self.failures = 0;
        }
        self.failures = self.failures.saturating_add(1);
        self.current = (self.current + 1) % self.endpoints;
        let round_over = self.failures.is_multiple_of(self.endpoints);
        if !round_over {
            let pause = Duration::ZERO;
            return Step { round_over, pause };
        }
        let doublings = u32::try_from(self.failures / self.endpoints - 1).unwrap_or(u32::MAX);
        let factor = 2_u32.saturating_pow(doublings);
        let pause = FIRST_PAUSE.saturating_mul(factor).min(self.pause_max);
        // Half of it is left to chance, so that many instances don't return in step.
        let pause = pause.mul_f64(0.5 + jitter.clamp(0.0, 1.0) / 2.0);
        Step { round_over, pause }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAX: Duration = Duration::from_secs(1);

    #[test]
    fn every_endpoint_is_tried_before_a_pause_and_pauses_double_to_their_bound() {
        let mut rotation = Rotation::new(2, MAX);
        let mut pauses = Vec::new();
        let mut used = Vec::new();
        for _ in 0..12 {
            used.push(rotation.current());
            let step = rotation.failed(Duration::ZERO, 1.0);
            assert_eq!(step.round_over, !step.pause.is_zero());
            pauses.push(step.pause.as_millis());
        }
        assert_eq!(used[..4], [0, 1, 0, 1]);
        assert_eq!(pauses, [0, 100, 0, 200, 0, 400, 0, 800, 0, 1000, 0, 1000]);
    }

    #[test]
    fn a_connection_that_held_resets_the_pause_and_one_that_did_not_does_not() {
        let mut rotation = Rotation::new(1, MAX);
        for _ in 0..5 {
            rotation.failed(Duration::from_millis(10), 1.0);
        }
        assert_eq!(rotation.failed(Duration::from_millis(10), 1.0).pause, MAX);
        assert_eq!(rotation.failed(STABLE, 1.0).pause, FIRST_PAUSE);
        assert_eq!(
            Rotation::new(1, MAX).failed(STABLE, 0.0).pause,
            FIRST_PAUSE / 2
        );
    }

    #[test]
    fn no_endpoint_and_endless_failure_are_survived() {
        let mut rotation = Rotation::new(0, MAX);
        rotation.failures = usize::MAX;
        assert_eq!(rotation.failed(Duration::ZERO, 2.0).pause, MAX);
        assert_eq!(rotation.current(), 0);
    }
}
