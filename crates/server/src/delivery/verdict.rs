//! What a node's answer means for each target. Pure.

use std::collections::HashSet;

use push_manager_proto::pubsub::{PushMessageBatchResponse, PushMessageResponse};

use crate::{
    ids::UserId,
    outcome::{Outcome, Reason},
};

/// How it ended for one target.
pub type Ending = (Outcome, Option<Reason>);

const DELIVERED: Ending = (Outcome::Delivered, None);
const NOT_HERE: Ending = (Outcome::Offline, Some(Reason::NotConnected));
const UNACCOUNTED: Ending = (Outcome::Unknown, Some(Reason::Unaccounted));

/// What became of one call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The node told of each named user, in the call's order.
    Named(Vec<Ending>),
    /// The node served a room or everyone, and counted.
    Counted {
        /// Users who got it.
        delivered: u64,
        /// Users whose connections did not take it.
        failed: u64,
        /// Targets that the answer leaves open.
        unaccounted: u64,
    },
    /// No target got the node's word.
    Failed {
        /// How all targets of the call ended.
        outcome: Outcome,
        /// Why.
        reason: Reason,
        /// The error in words, for logs; may be empty.
        detail: String,
    },
}

impl Verdict {
    /// The whole call failed.
    pub fn failed(outcome: Outcome, reason: Reason, detail: impl Into<String>) -> Self {
        Self::Failed {
            outcome,
            reason,
            detail: detail.into(),
        }
    }

    /// Reads the answer about one user.
    pub(super) fn of_one(answer: &PushMessageResponse) -> Self {
        Self::Named(vec![if answer.success { DELIVERED } else { NOT_HERE }])
    }

    /// The node does not know the room.
    pub(super) fn no_such_room() -> Self {
        Self::Counted {
            delivered: 0,
            failed: 0,
            unaccounted: 0,
        }
    }

    /// Every named user is not on that node.
    pub(super) fn none_here(users: usize) -> Self {
        Self::Named(vec![NOT_HERE; users])
    }

    /// Reads the answer about named users.
    ///
    /// Old nodes leave the count at 0 when all got it. Where count and failed
    /// ids do not add up to those asked, the rest is unknown.
    pub(super) fn of_named(asked: &[UserId], answer: &PushMessageBatchResponse) -> Self {
        let PushMessageBatchResponse {
            success,
            delivered_count,
            failed_user_ids,
        } = answer;
        let failed: HashSet<&str> = failed_user_ids.iter().map(String::as_str).collect();
        if failed.is_empty() && *delivered_count == 0 {
            return if *success {
                Self::Named(vec![DELIVERED; asked.len()])
            } else {
                refused()
            };
        }
        let mut counted = usize::try_from(*delivered_count).unwrap_or(0);
        let ending = |user: &UserId| {
            if failed.contains(user.as_str()) {
                NOT_HERE
            } else if counted > 0 {
                counted -= 1;
                DELIVERED
            } else {
                UNACCOUNTED
            }
        };
        Self::Named(asked.iter().map(ending).collect())
    }

    /// Reads the answer about a room or everyone.
    pub(super) fn of_all(answer: &PushMessageBatchResponse) -> Self {
        let PushMessageBatchResponse {
            success,
            delivered_count,
            failed_user_ids,
        } = answer;
        let failed: HashSet<&str> = failed_user_ids.iter().map(String::as_str).collect();
        if !success && failed.is_empty() && *delivered_count <= 0 {
            return refused();
        }
        Self::Counted {
            delivered: u64::try_from(*delivered_count).unwrap_or(0),
            failed: failed.len() as u64,
            // No success, or less than nobody, and no names: somebody was not served.
            unaccounted: u64::from(failed.is_empty() && (!success || *delivered_count < 0)),
        }
    }
}

fn refused() -> Verdict {
    Verdict::failed(Outcome::Rejected, Reason::NodeRefused, "")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn users(names: &[&str]) -> Vec<UserId> {
        names.iter().map(|name| UserId::new(*name)).collect()
    }

    fn answer(success: bool, count: i32, failed: &[&str]) -> PushMessageBatchResponse {
        let failed_user_ids = failed.iter().map(ToString::to_string).collect();
        PushMessageBatchResponse {
            success,
            delivered_count: count,
            failed_user_ids,
        }
    }

    #[test]
    fn success_without_count_or_failures_means_all_who_were_asked() {
        let verdict = Verdict::of_named(&users(&["a", "b"]), &answer(true, 0, &[]));
        assert_eq!(verdict, Verdict::Named(vec![DELIVERED; 2]));
    }

    #[test]
    fn failed_ids_are_not_here_and_the_rest_is_delivered() {
        let verdict = Verdict::of_named(&users(&["a", "b", "c"]), &answer(true, 2, &["b"]));
        assert_eq!(
            verdict,
            Verdict::Named(vec![DELIVERED, NOT_HERE, DELIVERED])
        );
    }

    #[test]
    fn a_count_that_leaves_users_out_makes_them_unknown() {
        let verdict = Verdict::of_named(&users(&["a", "b", "c"]), &answer(true, 1, &["a"]));
        assert_eq!(
            verdict,
            Verdict::Named(vec![NOT_HERE, DELIVERED, UNACCOUNTED])
        );
    }

    #[test]
    fn a_count_of_devices_never_exceeds_the_users_asked() {
        let verdict = Verdict::of_named(&users(&["a"]), &answer(true, 7, &["stranger"]));
        assert_eq!(verdict, Verdict::Named(vec![DELIVERED]));
    }

    #[test]
    fn no_success_without_any_count_is_a_refusal() {
        assert_eq!(
            Verdict::of_named(&users(&["a"]), &answer(false, 0, &[])),
            refused()
        );
        assert_eq!(Verdict::of_all(&answer(false, 0, &[])), refused());
    }

    #[test]
    fn an_answer_that_contradicts_itself_is_no_success() {
        let named = Verdict::of_named(&users(&["a"]), &answer(true, -5, &[]));
        assert_eq!(named, Verdict::Named(vec![UNACCOUNTED]));
        let partly = Verdict::Counted {
            delivered: 2,
            failed: 0,
            unaccounted: 1,
        };
        assert_eq!(Verdict::of_all(&answer(false, 2, &[])), partly);
    }

    #[test]
    fn a_room_form_counts_what_the_node_reports() {
        let verdict = Verdict::of_all(&answer(true, 3, &["x"]));
        assert_eq!(
            verdict,
            Verdict::Counted {
                delivered: 3,
                failed: 1,
                unaccounted: 0
            }
        );
        let nobody = Verdict::of_all(&answer(true, 0, &[]));
        assert_eq!(
            nobody,
            Verdict::Counted {
                delivered: 0,
                failed: 0,
                unaccounted: 0
            }
        );
    }
}
