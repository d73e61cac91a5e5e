//! The latest pushes that failed, of each RPC, for whoever looks. While nobody
//! does, nothing is noted and nothing kept.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, SystemTime},
};

use super::Report;
use crate::{
    error::PushError,
    events::shorten,
    ids::PushId,
    message::Push,
    metrics::Api,
    outcome::{Outcome, Reason},
};

/// Pushes kept of each RPC.
pub const MOST_FAILED: usize = 32;

/// A push of which some target failed, or that was not carried out.
#[derive(Clone, Debug)]
pub struct FailedPush {
    /// Grows by one with each that is noted, over all RPCs.
    pub seq: u64,
    /// Its id, where it got one.
    pub id: Option<PushId>,
    /// When it ended, by the wall clock.
    pub at: SystemTime,
    /// How long it took.
    pub took: Duration,
    /// Its targets.
    pub targets: u64,
    /// Them by how they ended.
    pub outcomes: BTreeMap<Outcome, u64>,
    /// Those that failed, by reason.
    pub failed: BTreeMap<Reason, u64>,
    /// What the caller was told, shortened.
    pub message: String,
}

impl FailedPush {
    /// Some of its targets failed.
    pub(super) fn partly(push: &Push, report: &Report) -> Self {
        let (mut outcomes, mut failed) = (BTreeMap::new(), BTreeMap::new());
        for ((outcome, reason), targets) in report.endings() {
            *outcomes.entry(*outcome).or_default() += targets;
            if let Some(reason) = reason.filter(|_| outcome.is_failure()) {
                *failed.entry(reason).or_default() += targets;
            }
        }
        Self {
            took: push.began.elapsed(),
            targets: report.targets(),
            outcomes,
            failed,
            ..Self::new(Some(push.id), report.message.clone())
        }
    }

    /// It was not carried out.
    pub(super) fn whole(push: &Push, error: &PushError, reason: Reason) -> Self {
        Self {
            took: push.began.elapsed(),
            ..Self::refused(Some(push.id), error, reason)
        }
    }

    /// It was refused before anything was done.
    pub(super) fn refused(id: Option<PushId>, error: &PushError, reason: Reason) -> Self {
        Self {
            failed: [(reason, 1)].into(),
            ..Self::new(id, error.to_string())
        }
    }

    fn new(id: Option<PushId>, mut message: String) -> Self {
        shorten(&mut message);
        Self {
            seq: 0,
            id,
            at: SystemTime::now(),
            took: Duration::ZERO,
            targets: 0,
            outcomes: BTreeMap::new(),
            failed: BTreeMap::new(),
            message,
        }
    }
}

/// Where they are noted. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct FailedPushes {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    /// Whether anybody looks: all that a push that fails asks of this otherwise.
    watched: AtomicBool,
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    watchers: usize,
    seq: u64,
    latest: [VecDeque<Arc<FailedPush>>; Api::ALL.len()],
}

impl FailedPushes {
    /// Somebody looks, until the result is dropped.
    pub fn watch(&self) -> FailedPushWatch {
        self.kept().watchers += 1;
        self.shared.watched.store(true, Ordering::Relaxed);
        FailedPushWatch(self.clone())
    }

    /// Notes a push, if anybody looks.
    pub(super) fn note(&self, api: Api, push: impl FnOnce() -> FailedPush) {
        if !self.shared.watched.load(Ordering::Relaxed) {
            return;
        }
        let push = push();
        let mut kept = self.kept();
        if kept.watchers == 0 {
            return;
        }
        kept.seq += 1;
        let seq = kept.seq;
        let latest = &mut kept.latest[api as usize];
        if latest.len() == MOST_FAILED {
            latest.pop_front();
        }
        latest.push_back(Arc::new(FailedPush { seq, ..push }));
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        let kept = self.shared.kept.lock();
        kept.unwrap_or_else(PoisonError::into_inner)
    }
}

/// While it lives, pushes that fail are noted.
#[derive(Debug)]
pub struct FailedPushWatch(FailedPushes);

impl FailedPushWatch {
    /// The latest of an RPC, oldest first.
    pub fn latest(&self, api: Api) -> Vec<Arc<FailedPush>> {
        self.0.kept().latest[api as usize].iter().cloned().collect()
    }
}

impl Drop for FailedPushWatch {
    fn drop(&mut self) {
        let mut kept = self.0.kept();
        kept.watchers -= 1;
        if kept.watchers == 0 {
            // Under the lock, so that who begins to look now is not overlooked.
            self.0.shared.watched.store(false, Ordering::Relaxed);
            kept.latest = Default::default();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn push() -> FailedPush {
        FailedPush::new(None, "x".repeat(2000))
    }

    fn seqs(watch: &FailedPushWatch, api: Api) -> Vec<u64> {
        watch.latest(api).iter().map(|push| push.seq).collect()
    }

    #[test]
    fn nothing_is_noted_while_nobody_looks_and_nothing_kept_after() {
        let pushes = FailedPushes::default();
        let note = |api| pushes.note(api, push);
        pushes.note(Api::PushToRoom, || panic!("nobody looks"));
        let (one, two) = (pushes.watch(), pushes.watch());
        note(Api::PushToRoom);
        note(Api::PushToUser);
        drop(one);
        note(Api::PushToRoom);
        assert_eq!(seqs(&two, Api::PushToRoom), [1, 3]);
        assert_eq!(seqs(&two, Api::PushToUser), [2]);
        drop(two);
        pushes.note(Api::PushToRoom, || panic!("nobody looks"));
        let again = pushes.watch();
        assert!(again.latest(Api::PushToRoom).is_empty());
        note(Api::PushToRoom);
        assert_eq!(seqs(&again, Api::PushToRoom), [4]);
    }

    #[test]
    fn the_latest_are_kept_with_their_words_cut() {
        let pushes = FailedPushes::default();
        let watch = pushes.watch();
        for _ in 0..MOST_FAILED + 2 {
            pushes.note(Api::PushToUser, push);
        }
        let latest = watch.latest(Api::PushToUser);
        assert_eq!((latest.len(), latest[0].seq), (MOST_FAILED, 3));
        assert!(latest[0].message.len() <= 512);
    }
}
