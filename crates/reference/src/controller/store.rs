//! Where joins and leaves are written: in memory alone, or in etcd and from there into memory.

use std::{
    sync::{
        Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use tokio::time::Instant;

use super::{
    mirror::Mirror,
    rooms::{Member, Place, Rooms},
};

/// Trouble with the store; everything else is an answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StoreError {
    /// etcd isn't connected, or what is known is too old.
    #[error("the controller's etcd is not reachable")]
    Away,
    /// etcd refused or broke off.
    #[error("the controller's etcd failed: {0}")]
    Failed(String),
}

impl From<StoreError> for tonic::Status {
    fn from(error: StoreError) -> Self {
        Self::unavailable(error.to_string())
    }
}

/// The rooms as everything in this process sees them.
#[derive(Debug, Default)]
pub(crate) struct SharedRooms(RwLock<Rooms>);

impl SharedRooms {
    pub(crate) fn read(&self) -> RwLockReadGuard<'_, Rooms> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn write(&self) -> RwLockWriteGuard<'_, Rooms> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Takes what nodes report.
#[derive(Debug)]
pub(crate) struct Store {
    pub(crate) rooms: Arc<SharedRooms>,
    pub(crate) mirror: Option<Arc<Mirror>>,
    next_order: AtomicU64,
}

impl Store {
    pub(crate) fn new(rooms: Arc<SharedRooms>, mirror: Option<Arc<Mirror>>) -> Self {
        Self {
            rooms,
            mirror,
            next_order: AtomicU64::new(1),
        }
    }

    /// Notes that a user is at a place.
    pub(crate) async fn join(
        &self,
        place: Place,
        name: String,
        address: String,
    ) -> Result<(), StoreError> {
        if let Some(mirror) = &self.mirror {
            return mirror.join(&place, name, address).await;
        }
        let now = unix_now();
        let mut rooms = self.rooms.write();
        let (joined_at, order) = match rooms.get(&place) {
            Some(known) => (known.joined_at, known.order),
            None => (now, self.next_order.fetch_add(1, Ordering::Relaxed)),
        };
        let member = Member {
            name,
            address,
            joined_at,
            order,
            seen: Some(Instant::now()),
            lease: 0,
        };
        rooms.put(place, member, now);
        Ok(())
    }

    /// Notes that a user left a place.
    pub(crate) async fn leave(&self, place: &Place) -> Result<(), StoreError> {
        if let Some(mirror) = &self.mirror {
            return mirror.leave(place).await;
        }
        self.rooms.write().remove(place, unix_now());
        Ok(())
    }

    /// What is known, unless it is too old to go by.
    pub(crate) fn known(&self) -> Result<RwLockReadGuard<'_, Rooms>, StoreError> {
        match &self.mirror {
            Some(mirror) if !mirror.is_recent() => Err(StoreError::Away),
            _ => Ok(self.rooms.read()),
        }
    }

    /// Forgets, four times a lifetime, whoever was not reported again; only for rooms in memory,
    /// etcd's leases do the same.
    pub(crate) async fn sweep(rooms: Arc<SharedRooms>, ttl: Duration) {
        let mut ticks = tokio::time::interval((ttl / 4).max(Duration::from_millis(10)));
        loop {
            ticks.tick().await;
            let Some(limit) = Instant::now().checked_sub(ttl) else {
                continue;
            };
            let expired = rooms.write().expire(limit, unix_now());
            if expired > 0 {
                tracing::info!(expired, "users were not reported again and are gone");
            }
        }
    }
}

/// Unix seconds.
pub(crate) fn unix_now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| {
        i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
    })
}
