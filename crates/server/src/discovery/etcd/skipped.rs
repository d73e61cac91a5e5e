//! Remembers which unreadable keys were logged, so that each is logged once per revision.

use std::collections::{HashMap, VecDeque};

/// How many keys are remembered; beyond it the oldest is forgotten, and logged again if met again.
const MAX_REMEMBERED: usize = 10_000;

#[derive(Debug, Default)]
pub(super) struct SkipLog {
    revisions: HashMap<String, i64>,
    order: VecDeque<String>,
}

impl SkipLog {
    /// Whether this key at this revision is met for the first time; remembers it.
    pub(super) fn is_news(&mut self, key: &str, revision: i64) -> bool {
        if let Some(known) = self.revisions.get_mut(key) {
            return std::mem::replace(known, revision) != revision;
        }
        if self.order.len() >= MAX_REMEMBERED
            && let Some(oldest) = self.order.pop_front()
        {
            self.revisions.remove(&oldest);
        }
        self.order.push_back(key.to_owned());
        self.revisions.insert(key.to_owned(), revision);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_news_once_per_revision_and_memory_is_bounded() {
        let mut log = SkipLog::default();
        assert!(log.is_news("a", 1) && !log.is_news("a", 1) && log.is_news("a", 2));
        for n in 0..MAX_REMEMBERED {
            assert!(log.is_news(&format!("k{n}"), 1));
        }
        assert_eq!(log.revisions.len(), MAX_REMEMBERED);
        assert_eq!(log.order.len(), MAX_REMEMBERED);
        assert!(log.is_news("a", 2), "the oldest was forgotten");
    }
}
