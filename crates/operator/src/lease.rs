//! Leader election on a Lease, as other controllers do it: of several operators one works.
//!
//! Each write names the version it is based on, so that of two that want the Lease at once one
//! fails. Whether another's lease has run out is told by our own monotonic clock since its last
//! change, never by comparing clocks of two machines.

mod decision;
mod store;

use std::time::Duration;

use kube::{Api, Client};
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

pub use decision::{Decision, Sighting, decide};
use store::{Renewal, Store};

/// How long a leader that says nothing stays the leader.
const LASTS: Duration = Duration::from_secs(15);
/// How long a leader works on without having renewed: less than [`LASTS`], so that it has stopped
/// before another begins.
const RENEW_WITHIN: Duration = Duration::from_secs(10);
/// How often it renews.
const RENEW_EVERY: Duration = Duration::from_secs(3);
/// Longest wait for one renewal: there is time for more than one.
const RENEWED_WITHIN: Duration = Duration::from_millis(2500);
/// After a renewal that failed.
const RETRY_AFTER: Duration = Duration::from_millis(500);
/// How often the others look.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// Longest wait for one answer.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);

/// One that wants to lead.
#[derive(Debug)]
pub struct Candidate {
    store: Store,
}

/// The right to work. It must be renewed by [`Leadership::keep`].
#[derive(Debug)]
pub struct Leadership {
    store: Store,
    renewed: Instant,
}

impl Candidate {
    /// `identity` must be no other's, e.g. the pod's name with something drawn by lot.
    pub fn new(client: Client, namespace: &str, name: &str, identity: &str) -> Self {
        Self {
            store: Store {
                api: Api::namespaced(client, namespace),
                name: name.to_owned(),
                identity: identity.to_owned(),
                lasts: LASTS,
            },
        }
    }

    /// Waits until it leads. `working` is told whether the Lease could be read.
    pub async fn lead(self, working: impl Fn(bool)) -> Leadership {
        let mut sighting: Option<Sighting> = None;
        loop {
            let began = Instant::now();
            let turn = self.turn(&mut sighting);
            match timeout(ANSWER_WITHIN, turn).await {
                Ok(Ok(true)) => {
                    tracing::info!(identity = self.store.identity, "leading");
                    return Leadership {
                        store: self.store,
                        renewed: began,
                    };
                }
                Ok(Ok(false)) => working(true),
                Ok(Err(error)) => {
                    working(false);
                    tracing::warn!(%error, "the lease can't be read or written");
                }
                Err(_) => {
                    working(false);
                    tracing::warn!("the API server does not answer about the lease");
                }
            }
            sleep(LOOK_EVERY).await;
        }
    }

    async fn turn(&self, sighting: &mut Option<Sighting>) -> kube::Result<bool> {
        let Some(lease) = self.store.read().await? else {
            return self.store.create().await;
        };
        let seen = Sighting::of(&lease, sighting.take(), Instant::now());
        let decision = decide(&seen, &self.store.identity, Instant::now());
        *sighting = Some(seen);
        match decision {
            Decision::Wait => Ok(false),
            Decision::Take => self.store.take(lease).await,
        }
    }
}

impl Leadership {
    /// Renews until `stop`, then gives the Lease back; or returns early, with why, when it was
    /// lost: then another may already be at work.
    pub async fn keep(mut self, stop: CancellationToken) -> Result<(), Lost> {
        let mut pause = RENEW_EVERY;
        loop {
            let left = self.left();
            if left.is_zero() {
                return Err(Lost::Late);
            }
            let pausing = sleep(pause.min(left));
            if stop.run_until_cancelled(pausing).await.is_none() {
                self.release().await;
                return Ok(());
            }
            let began = Instant::now();
            let renewal = timeout(self.left().min(RENEWED_WITHIN), self.store.renew());
            pause = RETRY_AFTER;
            match renewal.await {
                Ok(Ok(Renewal::Done)) => {
                    self.renewed = began;
                    pause = RENEW_EVERY;
                }
                Ok(Ok(Renewal::Taken)) => return Err(Lost::Taken),
                Ok(Ok(Renewal::Again)) => {}
                Ok(Err(error)) => tracing::warn!(%error, "the lease can't be renewed"),
                Err(_) => tracing::warn!("the API server does not answer about the lease"),
            }
        }
    }

    /// Works as long as it leads. However the work ends, the next one need not wait for the Lease.
    pub async fn during<E: From<Lost>>(
        self,
        work: impl Future<Output = Result<(), E>>,
    ) -> Result<(), E> {
        let done = CancellationToken::new();
        let mut keeping = Box::pin(self.keep(done.clone()));
        let outcome = tokio::select! {
            kept = &mut keeping => return kept.map_err(E::from),
            outcome = work => outcome,
        };
        done.cancel();
        keeping.await?;
        outcome
    }

    fn left(&self) -> Duration {
        RENEW_WITHIN.saturating_sub(self.renewed.elapsed())
    }

    async fn release(self) {
        match timeout(ANSWER_WITHIN, self.store.release()).await {
            Ok(Ok(())) => tracing::info!("the lease is given back"),
            Ok(Err(error)) => tracing::warn!(%error, "the lease can't be given back"),
            Err(_) => tracing::warn!("the API server does not answer about the lease"),
        }
    }
}

/// Why the Lease was lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Lost {
    /// It could not be renewed in time.
    #[error("the lease could not be renewed within {} s", RENEW_WITHIN.as_secs())]
    Late,
    /// Another holds it.
    #[error("another operator holds the lease")]
    Taken,
}
