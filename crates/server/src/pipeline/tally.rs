//! A node's word as numbers for its figures. Pure.

use crate::{
    delivery::Verdict,
    outcome::{Outcome, Reason},
    pool::Tally,
};

/// What a call's verdict says of its targets; `failure` is the ledger's word on
/// those that failed.
pub(super) fn of(verdict: &Verdict, failure: Option<(Reason, u64, &str)>) -> Tally {
    let failed = failure.map(|(reason, targets, _)| (reason, targets));
    let (delivered, offline) = match verdict {
        Verdict::Named(endings) => {
            let count = |outcome| endings.iter().filter(|ending| ending.0 == outcome).count();
            let [delivered, offline] = [Outcome::Delivered, Outcome::Offline].map(count);
            (delivered as u64, offline as u64)
        }
        Verdict::Counted {
            delivered, failed, ..
        } => (*delivered, *failed),
        Verdict::Failed { .. } => (0, 0),
    };
    Tally {
        delivered,
        offline,
        failed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_target_of_a_word_is_in_one_of_the_numbers() {
        let named = Verdict::Named(vec![
            (Outcome::Delivered, None),
            (Outcome::Offline, Some(Reason::NotConnected)),
            (Outcome::Unknown, Some(Reason::Unaccounted)),
            (Outcome::Delivered, None),
        ]);
        let tally = of(&named, Some((Reason::Unaccounted, 1, "")));
        let expected = Tally {
            delivered: 2,
            offline: 1,
            failed: Some((Reason::Unaccounted, 1)),
        };
        assert_eq!(tally, expected);
        let late = Verdict::failed(Outcome::Unknown, Reason::DeadlineExceeded, "");
        let tally = of(&late, Some((Reason::DeadlineExceeded, 5, "")));
        assert_eq!((tally.delivered, tally.offline), (0, 0));
        assert_eq!(tally.failed, Some((Reason::DeadlineExceeded, 5)));
    }
}
