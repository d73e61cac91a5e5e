//! etcd as the controller's store: writes go through it, and what is known in memory comes from
//! its watch alone, so that all replicas see the same in the same order.
//!
//! Every key hangs on a lease that is never kept alive: a report that comes again moves its key to
//! a younger lease, and whoever isn't reported any more is gone with the old one.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use etcd_client::{Client, Error, PutOptions};
use tokio::{sync::watch, time::Instant};

use super::{
    config::EtcdStore,
    layout::{self, Record},
    rooms::Place,
    store::{SharedRooms, StoreError, unix_now},
};
use crate::{
    StartError,
    etcd::{Access, Backoff, within},
};

mod follow;

/// How long a write waits to be seen in the watch, so that whoever wrote it reads it too.
const SEEN_WAIT: Duration = Duration::from_secs(1);

#[derive(Debug, Clone, Copy)]
struct Lease {
    id: i64,
    granted: Instant,
}

/// The way to etcd and what is known from it.
pub(crate) struct Mirror {
    rooms: Arc<SharedRooms>,
    prefix: String,
    ttl: Duration,
    max_staleness: Duration,
    /// Set while connected and in step.
    client: Mutex<Option<Client>>,
    /// When memory was last known to equal etcd.
    in_step: Mutex<Option<Instant>>,
    lease: tokio::sync::Mutex<Option<Lease>>,
    /// The revision up to which memory has everything.
    seen: watch::Sender<i64>,
}

impl std::fmt::Debug for Mirror {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Mirror")
            .field("prefix", &self.prefix)
            .field("in_step", &self.in_step)
            .finish_non_exhaustive()
    }
}

impl Mirror {
    pub(crate) fn new(config: &EtcdStore, ttl: Duration, rooms: Arc<SharedRooms>) -> Arc<Self> {
        Arc::new(Self {
            rooms,
            prefix: format!("{}/", config.prefix.trim_end_matches('/')),
            ttl: ttl.max(Duration::from_secs(3)),
            max_staleness: config.max_staleness,
            client: Mutex::new(None),
            in_step: Mutex::new(None),
            lease: tokio::sync::Mutex::new(None),
            seen: watch::Sender::new(0),
        })
    }

    /// Where the endpoints of a configuration are and who may use them.
    pub(crate) fn access(config: &EtcdStore) -> Result<Access, StartError> {
        let EtcdStore {
            endpoints,
            prefix: _,
            username,
            password,
            max_staleness: _,
        } = config;
        Access::new(endpoints, username.as_ref(), password.as_ref())
    }

    /// Follows etcd for ever; whenever it breaks off, the next endpoint is tried.
    pub(crate) async fn run(self: Arc<Self>, mut access: Access) {
        let mut backoff = Backoff::default();
        loop {
            let error = match access.connect().await {
                Ok((client, _)) => Box::pin(self.follow(client)).await,
                Err(error) => error,
            };
            // A lease may be over by the time etcd is back; what hung on it is written anew.
            *self.lease.lock().await = None;
            if lock(&self.client).take().is_some() {
                backoff = Backoff::default();
                tracing::warn!(%error, "etcd is away; joins and leaves are refused");
            } else {
                tracing::debug!(%error, "etcd is still away");
            }
            tokio::time::sleep(backoff.pause()).await;
        }
    }

    /// True while what is known in memory may be told.
    pub(crate) fn is_recent(&self) -> bool {
        lock(&self.in_step).is_some_and(|at| at.elapsed() <= self.max_staleness)
    }

    /// Writes a place, unless it hangs on the present lease already with the same content.
    pub(crate) async fn join(
        &self,
        place: &Place,
        name: String,
        address: String,
    ) -> Result<(), StoreError> {
        let mut client = self.client()?;
        let known = self.rooms.read().get(place).cloned();
        let lease = self.lease(&mut client).await;
        let lease = lease.map_err(|error| failed(&error))?;
        let joined_at = known
            .as_ref()
            .map_or_else(unix_now, |known| known.joined_at);
        if known.is_some_and(|known| {
            known.lease == lease && known.name == name && known.address == address
        }) {
            return Ok(());
        }
        let record = Record {
            name,
            address,
            joined_at,
        };
        let value = serde_json::to_string(&record)
            .map_err(|error| StoreError::Failed(error.to_string()))?;
        let revision = self.put(client, place, value).await?;
        self.wait_until_seen(revision).await;
        Ok(())
    }

    /// Deletes a place.
    pub(crate) async fn leave(&self, place: &Place) -> Result<(), StoreError> {
        let mut client = self.client()?;
        let deleted = within(client.delete(layout::key(&self.prefix, place), None)).await;
        let deleted = deleted.map_err(|error| failed(&error))?;
        if deleted.deleted() > 0 {
            let revision = deleted
                .header()
                .map_or(0, etcd_client::ResponseHeader::revision);
            self.wait_until_seen(revision).await;
        }
        Ok(())
    }

    async fn put(
        &self,
        mut client: Client,
        place: &Place,
        value: String,
    ) -> Result<i64, StoreError> {
        let key = layout::key(&self.prefix, place);
        for last_try in [false, true] {
            let lease = self
                .lease(&mut client)
                .await
                .map_err(|error| failed(&error))?;
            let options = PutOptions::new().with_lease(lease);
            match within(client.put(key.as_str(), value.as_str(), Some(options))).await {
                Ok(put) => {
                    return Ok(put
                        .header()
                        .map_or(0, etcd_client::ResponseHeader::revision));
                }
                Err(error) if last_try => return Err(failed(&error)),
                // The lease may be gone, with etcd's data say: once more with a new one.
                Err(_) => *self.lease.lock().await = None,
            }
        }
        Err(StoreError::Away)
    }

    /// The lease for what is written now; a new one is begun three times a lifetime.
    async fn lease(&self, client: &mut Client) -> Result<i64, Error> {
        let mut current = self.lease.lock().await;
        if let Some(lease) = *current
            && lease.granted.elapsed() < self.refresh()
        {
            return Ok(lease.id);
        }
        let life = self.ttl + self.refresh();
        let seconds = i64::try_from(life.as_secs()).unwrap_or(i64::MAX);
        let granted = within(client.lease_grant(seconds, None)).await?;
        *current = Some(Lease {
            id: granted.id(),
            granted: Instant::now(),
        });
        Ok(granted.id())
    }

    /// How long a lease takes new keys, and so how often a repeated report is written again.
    fn refresh(&self) -> Duration {
        self.ttl / 3
    }

    fn client(&self) -> Result<Client, StoreError> {
        lock(&self.client).clone().ok_or(StoreError::Away)
    }

    async fn wait_until_seen(&self, revision: i64) {
        let mut seen = self.seen.subscribe();
        let wait = seen.wait_for(|seen| *seen >= revision);
        if tokio::time::timeout(SEEN_WAIT, wait).await.is_err() {
            tracing::debug!(revision, "a write has not come back through the watch yet");
        }
    }
}

fn failed(error: &Error) -> StoreError {
    StoreError::Failed(error.to_string())
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
