//! When a failed call is tried again, and what it means when it isn't. Pure.

use std::time::Duration;

use tonic::Code;

use crate::{
    channel::Failure,
    outcome::{Outcome, Reason},
};

/// The first wait; it doubles with each further try.
const FIRST_WAIT: Duration = Duration::from_millis(20);
/// No wait is longer.
const LONGEST_WAIT: Duration = Duration::from_millis(500);

/// The configured part of the policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Further tries of a call that surely went unsent.
    pub retries: u32,
    /// Also retry calls that may have been carried out: they may double.
    pub retry_unacknowledged: bool,
}

/// What to do after a failed try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attempt {
    /// Wait, then try again.
    Again(Duration),
    /// This is how it ends.
    GiveUp(Outcome, Reason),
}

impl Policy {
    /// Decides after the `tried`-th try (from 1) failed with `left` time to the
    /// deadline. `jitter` is in 0..=1.
    pub fn after(&self, failure: Failure, tried: u32, left: Duration, jitter: f64) -> Attempt {
        let again = failure.is_unsent() || (self.retry_unacknowledged && failure == Failure::Lost);
        let doubled = FIRST_WAIT
            .saturating_mul(1 << (tried - 1).min(16))
            .min(LONGEST_WAIT);
        let wait = doubled.mul_f64(0.5 + jitter.clamp(0.0, 1.0) / 2.0);
        if again && tried <= self.retries && wait < left {
            return Attempt::Again(wait);
        }
        let (outcome, reason) = ending(failure);
        Attempt::GiveUp(outcome, reason)
    }
}

fn ending(failure: Failure) -> (Outcome, Reason) {
    match failure {
        Failure::Unconnected => (Outcome::NodeGone, Reason::ConnectFailed),
        Failure::Unsent => (Outcome::NodeGone, Reason::ConnectionLost),
        Failure::Lost => (Outcome::Unknown, Reason::ConnectionLost),
        Failure::Late | Failure::Answered(Code::DeadlineExceeded) => {
            (Outcome::Unknown, Reason::DeadlineExceeded)
        }
        // The node may have served some before it failed; a proxy before it says
        // UNAVAILABLE, and this side's decoder OUT_OF_RANGE, after it served all.
        Failure::Answered(
            Code::Ok
            | Code::Cancelled
            | Code::Unknown
            | Code::Aborted
            | Code::OutOfRange
            | Code::Internal
            | Code::Unavailable
            | Code::DataLoss,
        ) => (Outcome::Unknown, Reason::NodeError),
        Failure::Answered(_) => (Outcome::Rejected, Reason::NodeError),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);
    const POLICY: Policy = Policy {
        retries: 2,
        retry_unacknowledged: false,
    };

    #[test]
    fn only_a_call_that_surely_went_unsent_is_tried_again() {
        for failure in [Failure::Unconnected, Failure::Unsent] {
            assert!(matches!(
                POLICY.after(failure, 1, SECOND, 0.5),
                Attempt::Again(_)
            ));
        }
        let lost = Attempt::GiveUp(Outcome::Unknown, Reason::ConnectionLost);
        assert_eq!(POLICY.after(Failure::Lost, 1, SECOND, 0.5), lost);
        let eager = Policy {
            retry_unacknowledged: true,
            ..POLICY
        };
        assert!(matches!(
            eager.after(Failure::Lost, 1, SECOND, 0.5),
            Attempt::Again(_)
        ));
    }

    #[test]
    fn retries_are_bounded_by_number_and_by_the_deadline() {
        let over = Attempt::GiveUp(Outcome::NodeGone, Reason::ConnectFailed);
        assert_eq!(POLICY.after(Failure::Unconnected, 3, SECOND, 0.5), over);
        let no_time = Duration::from_millis(1);
        assert_eq!(POLICY.after(Failure::Unconnected, 1, no_time, 0.5), over);
    }

    #[test]
    fn an_answer_that_may_hide_a_delivery_is_unknown() {
        let ends = |code| POLICY.after(Failure::Answered(code), 1, SECOND, 0.5);
        let unknown = Attempt::GiveUp(Outcome::Unknown, Reason::NodeError);
        let rejected = Attempt::GiveUp(Outcome::Rejected, Reason::NodeError);
        assert_eq!(ends(Code::Internal), unknown);
        assert_eq!(ends(Code::Unimplemented), rejected);
        assert_eq!(ends(Code::PermissionDenied), rejected);
    }
}
