//! What the Controller should know about this node and what it has been told; pure, no calls.
//!
//! Each (room, user) is in one state that is wanted. At most one report about it is under way, and
//! the next one says what is wanted by then: a join and a leave can't overtake each other, and
//! nothing grows while the Controller is away but the leaves, which are bounded.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    sync::Arc,
};

use tokio::sync::oneshot;

/// A user in a room.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    pub(crate) room: Arc<str>,
    pub(crate) user: Arc<str>,
}

/// One thing to tell the Controller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Report {
    pub(crate) key: Key,
    /// The user's name when present, nothing when gone.
    pub(crate) present: Option<String>,
}

/// How a report ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Told {
    /// The Controller knows.
    Yes,
    /// The Controller won't hear it; said again only at the next resync.
    Refused,
    /// The Controller could not be reached; to be said again.
    Away,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Queued {
    #[default]
    No,
    Fresh,
    Again,
}

#[derive(Debug, Default)]
struct Entry {
    wanted: Option<String>,
    /// Whether a join was ever sent, so that the Controller may know of it.
    known: bool,
    under_way: bool,
    queued: Queued,
    waiters: Vec<oneshot::Sender<()>>,
}

/// The books of one node.
#[derive(Debug)]
pub(crate) struct Ledger {
    entries: HashMap<Key, Entry>,
    /// Changes, told before anything else.
    fresh: VecDeque<Key>,
    /// What is told again although nothing changed.
    again: VecDeque<Key>,
    under_way: usize,
    leaves: usize,
    max_leaves: usize,
}

impl Ledger {
    pub(crate) fn new(max_leaves: usize) -> Self {
        Self {
            entries: HashMap::new(),
            fresh: VecDeque::new(),
            again: VecDeque::new(),
            under_way: 0,
            leaves: 0,
            max_leaves,
        }
    }

    /// Notes that a user is in a room; the receiver hears when the Controller knows.
    pub(crate) fn join(&mut self, key: Key, name: &str) -> oneshot::Receiver<()> {
        let (sender, receiver) = oneshot::channel();
        let was_leaving = matches!(self.entries.get(&key), Some(entry) if entry.wanted.is_none());
        self.leaves -= usize::from(was_leaving);
        let entry = self.entries.entry(key.clone()).or_default();
        entry.wanted = Some(name.to_owned());
        entry.waiters.retain(|waiter| !waiter.is_closed());
        entry.waiters.push(sender);
        self.queue(key);
        receiver
    }

    /// Notes that a user left a room.
    pub(crate) fn leave(&mut self, key: &Key) {
        let Some(entry) = self.entries.get_mut(key) else {
            return;
        };
        if entry.wanted.take().is_none() {
            return;
        }
        entry.waiters.clear();
        let idle = !entry.under_way;
        let unheard_of = !entry.known;
        self.leaves += 1;
        if idle && (unheard_of || self.leaves > self.max_leaves) {
            self.forget(key);
        } else {
            self.queue(key.clone());
        }
    }

    /// The next thing to tell; it counts as under way until [`Ledger::told`].
    pub(crate) fn next(&mut self) -> Option<Report> {
        loop {
            let key = self.fresh.pop_front().or_else(|| self.again.pop_front())?;
            let Some(entry) = self.entries.get_mut(&key) else {
                continue;
            };
            // A key may have been queued twice, or told meanwhile.
            if std::mem::take(&mut entry.queued) == Queued::No || entry.under_way {
                continue;
            }
            entry.under_way = true;
            entry.known = true;
            self.under_way += 1;
            let present = entry.wanted.clone();
            return Some(Report { key, present });
        }
    }

    /// Notes how a report ended and queues what still has to be said.
    pub(crate) fn told(&mut self, report: &Report, told: Told) {
        let Some(entry) = self.entries.get_mut(&report.key) else {
            return;
        };
        entry.under_way = false;
        self.under_way -= 1;
        if entry.wanted != report.present || told == Told::Away {
            self.queue(report.key.clone());
        } else if entry.wanted.is_some() {
            for waiter in entry.waiters.drain(..) {
                // Whoever stopped waiting doesn't need to hear.
                waiter.send(()).ok();
            }
        } else {
            self.forget(&report.key);
        }
    }

    /// Queues everything for being told again, unless the last round is still going on.
    pub(crate) fn resync(&mut self) {
        if !self.again.is_empty() {
            return;
        }
        for (key, entry) in &mut self.entries {
            if entry.queued == Queued::No && !entry.under_way {
                entry.queued = Queued::Again;
                self.again.push_back(key.clone());
            }
        }
    }

    /// True when there is nothing left to tell and nothing under way.
    pub(crate) fn is_settled(&self) -> bool {
        self.fresh.is_empty() && self.again.is_empty() && self.under_way == 0
    }

    fn queue(&mut self, key: Key) {
        let Some(entry) = self.entries.get_mut(&key) else {
            return;
        };
        // While a report is under way, its end decides what is said next.
        if entry.under_way || entry.queued == Queued::Fresh {
            return;
        }
        entry.queued = Queued::Fresh;
        self.fresh.push_back(key);
        if self.fresh.len() > 2 * self.entries.len() {
            self.compact();
        }
    }

    /// Drops forgotten keys from the queue, which would otherwise grow with everyone who came and
    /// went while the Controller was away.
    fn compact(&mut self) {
        let mut seen = HashSet::new();
        let entries = &self.entries;
        self.fresh
            .retain(|key| entries.contains_key(key) && seen.insert(key.clone()));
    }

    fn forget(&mut self, key: &Key) {
        if let Some(entry) = self.entries.remove(key)
            && entry.wanted.is_none()
        {
            self.leaves -= 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(user: &str) -> Key {
        Key {
            room: "r".into(),
            user: user.into(),
        }
    }

    fn says(ledger: &mut Ledger) -> Option<(Key, bool)> {
        let report = ledger.next()?;
        Some((report.key, report.present.is_some()))
    }

    #[test]
    fn a_leave_waits_for_the_join_that_is_under_way() {
        let mut ledger = Ledger::new(10);
        let _told = ledger.join(key("u"), "");
        let join = ledger.next().unwrap();
        ledger.leave(&key("u"));
        assert_eq!(ledger.next(), None);
        ledger.told(&join, Told::Yes);
        assert_eq!(says(&mut ledger), Some((key("u"), false)));
    }

    #[test]
    fn what_could_not_be_told_is_told_again() {
        let mut ledger = Ledger::new(10);
        let mut told = ledger.join(key("u"), "");
        let report = ledger.next().unwrap();
        ledger.told(&report, Told::Away);
        assert!(told.try_recv().is_err());
        let report = ledger.next().unwrap();
        ledger.told(&report, Told::Yes);
        assert_eq!(told.try_recv(), Ok(()));
        assert!(ledger.is_settled());
    }

    #[test]
    fn a_resync_tells_everything_present_once_and_lets_changes_overtake() {
        let mut ledger = Ledger::new(10);
        for user in ["a", "b"] {
            let _told = ledger.join(key(user), "");
            let report = ledger.next().unwrap();
            ledger.told(&report, Told::Yes);
        }
        ledger.resync();
        ledger.resync();
        let _told = ledger.join(key("new"), "");
        assert_eq!(says(&mut ledger), Some((key("new"), true)));
        assert!(says(&mut ledger).is_some() && says(&mut ledger).is_some());
        assert_eq!(says(&mut ledger), None);
    }

    #[test]
    fn a_leave_that_was_told_is_forgotten() {
        let mut ledger = Ledger::new(10);
        let _told = ledger.join(key("u"), "");
        let join = ledger.next().unwrap();
        ledger.told(&join, Told::Yes);
        ledger.leave(&key("u"));
        let report = ledger.next().unwrap();
        assert_eq!(report.present, None);
        ledger.told(&report, Told::Yes);
        assert!(ledger.entries.is_empty());
        assert_eq!(ledger.leaves, 0);
    }

    #[test]
    fn who_came_and_went_untold_is_not_mentioned() {
        let mut ledger = Ledger::new(10);
        for number in 0..100 {
            let user = key(&format!("u{number}"));
            let _told = ledger.join(user.clone(), "");
            ledger.leave(&user);
        }
        assert!(ledger.fresh.len() <= 2, "{}", ledger.fresh.len());
        assert_eq!(ledger.next(), None);
    }

    #[test]
    fn leaves_that_wait_for_the_controller_are_bounded() {
        let mut ledger = Ledger::new(3);
        for number in 0..10 {
            let _told = ledger.join(key(&format!("u{number}")), "");
        }
        let joins: Vec<Report> = std::iter::from_fn(|| ledger.next()).collect();
        for join in &joins {
            ledger.told(join, Told::Away);
            ledger.leave(&join.key);
        }
        assert_eq!(ledger.entries.len(), 3);
        assert_eq!(ledger.leaves, 3);
    }
}
