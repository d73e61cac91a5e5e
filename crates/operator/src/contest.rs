//! Who else writes what we write: an operator beside this one, a webhook that puts its own value
//! in. Without this, both would write for ever.

use std::{
    collections::{HashMap, VecDeque},
    hash::{DefaultHasher, Hash, Hasher},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use serde_json::Value;
use tokio::time::Instant;

use crate::{children::Kind, live::Place};

/// So many updates of one child …
const MANY: usize = 10;
/// … within so long are a contest.
const WINDOW: Duration = Duration::from_mins(2);

/// What is known of children that were updated lately, or that can't be brought nearer.
#[derive(Debug, Default)]
pub struct Contests {
    children: Mutex<HashMap<(Kind, Place), Record>>,
}

#[derive(Debug, Default)]
struct Record {
    /// When it was updated.
    updates: VecDeque<Instant>,
    /// The version that an update of ours left as it was, and what was wanted.
    unmoved: Option<(u64, u64)>,
}

impl Contests {
    /// Whether applying `wanted` to this version changed nothing before.
    pub fn is_unmoved(&self, kind: Kind, place: &Place, version: u64, wanted: &Value) -> bool {
        let children = self.children();
        let record = children.get(&(kind, place.clone()));
        record.is_some_and(|record| record.unmoved == Some((version, hash(wanted))))
    }

    /// Takes note that applying `wanted` to this version changed nothing.
    pub fn unmoved(&self, kind: Kind, place: &Place, version: u64, wanted: &Value) {
        let mut children = self.children();
        let record = children.entry((kind, place.clone())).or_default();
        record.unmoved = Some((version, hash(wanted)));
    }

    /// Whether it was updated too often lately.
    pub fn is_contested(&self, kind: Kind, place: &Place, now: Instant) -> bool {
        let mut children = self.children();
        let Some(record) = children.get_mut(&(kind, place.clone())) else {
            return false;
        };
        let is_old = |at: &Instant| now.duration_since(*at) > WINDOW;
        while record.updates.front().is_some_and(is_old) {
            record.updates.pop_front();
        }
        record.updates.len() >= MANY
    }

    /// Takes note of an update.
    pub fn updated(&self, kind: Kind, place: &Place, now: Instant) {
        let mut children = self.children();
        let record = children.entry((kind, place.clone())).or_default();
        record.updates.push_back(now);
        if record.updates.len() > MANY {
            record.updates.pop_front();
        }
    }

    /// Forgets those that are gone.
    pub fn keep_only(&self, there: impl Fn(Kind, &Place) -> bool) {
        self.children()
            .retain(|(kind, place), _| there(*kind, place));
    }

    fn children(&self) -> MutexGuard<'_, HashMap<(Kind, Place), Record>> {
        self.children.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn hash(value: &Value) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.to_string().hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const KIND: Kind = crate::children::DEPLOYMENT;

    fn place() -> Place {
        ("shop".to_owned(), "push".to_owned())
    }

    #[tokio::test(start_paused = true)]
    async fn many_updates_in_a_short_time_are_a_contest_that_ends_with_the_time() {
        let contests = Contests::default();
        let now = Instant::now();
        for index in 0..MANY {
            assert!(!contests.is_contested(KIND, &place(), now), "{index}");
            contests.updated(KIND, &place(), now);
        }
        assert!(contests.is_contested(KIND, &place(), now));
        let later = now + WINDOW + Duration::from_secs(1);
        assert!(!contests.is_contested(KIND, &place(), later));
    }

    #[test]
    fn what_did_not_move_is_tried_again_once_either_side_changes() {
        let contests = Contests::default();
        let wanted = json!({"a": 1});
        contests.unmoved(KIND, &place(), 7, &wanted);
        assert!(contests.is_unmoved(KIND, &place(), 7, &wanted));
        assert!(!contests.is_unmoved(KIND, &place(), 8, &wanted));
        assert!(!contests.is_unmoved(KIND, &place(), 7, &json!({"a": 2})));
    }
}
