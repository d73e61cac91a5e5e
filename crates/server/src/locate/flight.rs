//! Sharing of look-ups without staleness.
//!
//! A question may share only an answer whose look-up began after the question
//! was asked: one that was under way already could miss a change that the
//! caller has seen. So at any time a key has at most one look-up running, and
//! everyone who came meanwhile shares the next one.

use std::{
    collections::HashMap,
    future::Future,
    hash::Hash,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

/// The look-ups under way, by key. Holds a key only while someone waits for it.
#[derive(Debug)]
pub(super) struct Flights<K, V> {
    slots: Mutex<Slots<K, V>>,
}

/// How many wait for a key, and what they share.
type Slots<K, V> = HashMap<K, (usize, Arc<Slot<V>>)>;

#[derive(Debug)]
struct Slot<V> {
    begun: AtomicU64,
    last: tokio::sync::Mutex<Option<(u64, V)>>,
}

impl<K, V> Default for Flights<K, V> {
    fn default() -> Self {
        Self {
            slots: Mutex::default(),
        }
    }
}

impl<K: Eq + Hash + Clone, V: Clone> Flights<K, V> {
    /// The answer for `key`, and whether another question's look-up gave it.
    pub(super) async fn ask<F: Future<Output = V>>(
        &self,
        key: K,
        look_up: impl FnOnce() -> F,
    ) -> (V, bool) {
        let slot = self.enter(&key);
        let _leave = Leave { flights: self, key };
        let begun_before = slot.begun.load(Ordering::Acquire);
        let mut last = slot.last.lock().await;
        if let Some((number, answer)) = &*last
            && *number > begun_before
        {
            return (answer.clone(), true);
        }
        let number = slot.begun.fetch_add(1, Ordering::AcqRel) + 1;
        let answer = look_up().await;
        *last = Some((number, answer.clone()));
        (answer, false)
    }

    fn enter(&self, key: &K) -> Arc<Slot<V>> {
        let mut slots = self.slots();
        let (waiting, slot) = slots.entry(key.clone()).or_insert_with(|| {
            let last = tokio::sync::Mutex::new(None);
            let begun = AtomicU64::new(0);
            (0, Arc::new(Slot { begun, last }))
        });
        *waiting += 1;
        slot.clone()
    }

    fn slots(&self) -> MutexGuard<'_, Slots<K, V>> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Leaves a key's slot when dropped; the last one out removes the slot.
struct Leave<'a, K: Eq + Hash + Clone, V: Clone> {
    flights: &'a Flights<K, V>,
    key: K,
}

impl<K: Eq + Hash + Clone, V: Clone> Drop for Leave<'_, K, V> {
    fn drop(&mut self) {
        let mut slots = self.flights.slots();
        if let Some((waiting, _)) = slots.get_mut(&self.key) {
            *waiting -= 1;
            if *waiting == 0 {
                slots.remove(&self.key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{sync::atomic::AtomicUsize, time::Duration};

    use futures::future::join_all;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn questions_during_a_look_up_share_the_next_one() {
        let flights = Flights::default();
        let calls = AtomicUsize::new(0);
        let look_up = || async {
            let number = calls.fetch_add(1, Ordering::SeqCst);
            tokio::time::sleep(Duration::from_millis(10)).await;
            number
        };
        let first = flights.ask("room", look_up);
        let later = async {
            tokio::time::sleep(Duration::from_millis(1)).await;
            join_all((0..50).map(|_| flights.ask("room", look_up))).await
        };
        let (first, later) = futures::future::join(first, later).await;
        assert_eq!(first, (0, false));
        assert!(
            later.iter().all(|(number, _)| *number == 1),
            "none got the earlier answer"
        );
        assert_eq!(calls.load(Ordering::SeqCst), 2);
        assert!(flights.slots().is_empty(), "no slot is left behind");
    }

    #[tokio::test(start_paused = true)]
    async fn a_question_that_is_given_up_does_not_block_the_others() {
        let flights: Flights<&str, u8> = Flights::default();
        let stuck = flights.ask("room", std::future::pending);
        let given_up = tokio::time::timeout(Duration::from_millis(5), stuck);
        let (given_up, next) =
            futures::future::join(given_up, flights.ask("room", async || 7)).await;
        assert!(given_up.is_err());
        assert_eq!(next, (7, false));
        assert!(flights.slots().is_empty());
    }
}
