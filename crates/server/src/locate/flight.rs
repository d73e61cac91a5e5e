//! Sharing of look-ups without staleness.
//!
//! A question may share only an answer whose look-up began after the question
//! was asked: one that was under way already could miss a change that the
//! caller has seen. So at any time a key has at most one look-up running and
//! one that waits for it, which everyone who comes meanwhile shares.
//!
//! Whoever waits drives a look-up; none ends because the one who asked first
//! gave up.

use std::{
    collections::HashMap,
    future::Future,
    hash::Hash,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use futures::{
    FutureExt,
    future::{BoxFuture, Shared},
};

/// The look-ups under way, by key. Holds a key only while someone waits for it.
#[derive(Debug)]
pub(super) struct Flights<K, V: Clone> {
    slots: Mutex<HashMap<K, Slot<V>>>,
}

#[derive(Debug)]
struct Slot<V: Clone> {
    waiting: usize,
    latest: Flight<V>,
}

/// A look-up that waits for the one before it, or runs.
#[derive(Clone, Debug)]
struct Flight<V: Clone> {
    begun: Arc<AtomicBool>,
    answer: Shared<BoxFuture<'static, V>>,
}

impl<K, V: Clone> Default for Flights<K, V> {
    fn default() -> Self {
        Self {
            slots: Mutex::default(),
        }
    }
}

impl<K: Eq + Hash + Clone, V: Clone + Send + Sync + 'static> Flights<K, V> {
    /// The answer for `key`, and whether another question's look-up gave it.
    pub(super) async fn ask<F>(
        &self,
        key: K,
        look_up: impl FnOnce() -> F + Send + 'static,
    ) -> (V, bool)
    where
        F: Future<Output = V> + Send + 'static,
    {
        let (flight, shared) = self.enter(&key, look_up);
        let _leave = Leave { flights: self, key };
        (flight.answer.await, shared)
    }

    fn enter<F>(&self, key: &K, look_up: impl FnOnce() -> F + Send + 'static) -> (Flight<V>, bool)
    where
        F: Future<Output = V> + Send + 'static,
    {
        let mut slots = self.slots();
        let Some(slot) = slots.get_mut(key) else {
            let latest = Flight::after(None, look_up);
            let slot = Slot {
                waiting: 1,
                latest: latest.clone(),
            };
            slots.insert(key.clone(), slot);
            return (latest, false);
        };
        slot.waiting += 1;
        if !slot.latest.begun.load(Ordering::Acquire) {
            return (slot.latest.clone(), true);
        }
        slot.latest = Flight::after(Some(slot.latest.clone()), look_up);
        (slot.latest.clone(), false)
    }

    fn slots(&self) -> MutexGuard<'_, HashMap<K, Slot<V>>> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<V: Clone + Send + Sync + 'static> Flight<V> {
    fn after<F>(before: Option<Self>, look_up: impl FnOnce() -> F + Send + 'static) -> Self
    where
        F: Future<Output = V> + Send + 'static,
    {
        let begun = Arc::new(AtomicBool::new(false));
        let begins = begun.clone();
        let answer = async move {
            if let Some(before) = before {
                before.answer.await;
            }
            begins.store(true, Ordering::Release);
            look_up().await
        };
        Self {
            begun,
            answer: answer.boxed().shared(),
        }
    }
}

/// Leaves a key's slot when dropped; the last one out removes the slot.
struct Leave<'a, K: Eq + Hash + Clone, V: Clone + Send + Sync + 'static> {
    flights: &'a Flights<K, V>,
    key: K,
}

impl<K: Eq + Hash + Clone, V: Clone + Send + Sync + 'static> Drop for Leave<'_, K, V> {
    fn drop(&mut self) {
        let mut slots = self.flights.slots();
        if let Some(slot) = slots.get_mut(&self.key) {
            slot.waiting -= 1;
            if slot.waiting == 0 {
                slots.remove(&self.key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{sync::atomic::AtomicUsize, time::Duration};

    use futures::future::join_all;
    use tokio::time::{sleep, timeout};

    use super::*;

    const TAKES: Duration = Duration::from_millis(600);

    /// A look-up that answers with its number, after a while.
    fn counting(
        calls: &Arc<AtomicUsize>,
    ) -> impl Fn() -> BoxFuture<'static, usize> + Clone + Send + 'static {
        let calls = calls.clone();
        move || {
            let number = calls.fetch_add(1, Ordering::SeqCst);
            sleep(TAKES).map(move |()| number).boxed()
        }
    }

    #[tokio::test(start_paused = true)]
    async fn questions_during_a_look_up_share_the_next_one() {
        let flights = Flights::default();
        let calls = Arc::default();
        let look_up = counting(&calls);
        let first = flights.ask("room", look_up.clone());
        let later = async {
            sleep(TAKES / 2).await;
            join_all((0..50).map(|_| flights.ask("room", look_up.clone()))).await
        };
        let (first, later) = futures::future::join(first, later).await;
        assert_eq!(first, (0, false));
        let next = later.iter().all(|(number, _)| *number == 1);
        assert!(next, "none got the earlier answer");
        assert_eq!(calls.load(Ordering::SeqCst), 2);
        assert!(flights.slots().is_empty(), "no slot is left behind");
    }

    #[tokio::test(start_paused = true)]
    async fn a_question_that_is_given_up_takes_nobody_elses_answer_along() {
        let flights = Flights::default();
        let calls = Arc::default();
        let look_up = counting(&calls);
        let given_up = timeout(TAKES / 2, flights.ask("room", look_up.clone()));
        let next = async {
            sleep(TAKES / 4).await;
            flights.ask("room", look_up.clone()).await
        };
        let (given_up, next) = futures::future::join(given_up, next).await;
        assert!(given_up.is_err());
        assert_eq!(next, (1, false));
        assert!(flights.slots().is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_look_up_under_steady_questions_with_deadlines_still_serves_most() {
        let flights = Flights::default();
        let calls = Arc::default();
        let look_up = counting(&calls);
        let ask = async |number: u32| {
            sleep(Duration::from_millis(10) * number).await;
            let asking = flights.ask("room", look_up.clone());
            timeout(Duration::from_secs(1), asking).await.is_ok()
        };
        let answered = join_all((0..1000).map(ask)).await;
        let served = answered[200..].iter().filter(|served| **served).count();
        // Who has to wait for more than 0.4 s of the running one comes too late.
        assert!(served > 500, "{served} of 800");
    }
}
