//! The few requests that a registration needs, at one endpoint, each with a deadline.

use std::time::Duration;

use etcd_client::{Client, DeleteOptions, PutOptions};

use crate::discovery::etcd::client::{connect, within};
use crate::discovery::etcd::{EtcdAccess, EtcdError};

/// A client of one endpoint.
pub(super) struct Session {
    client: Client,
    limit: Duration,
}

/// A key as found.
pub(super) struct Found {
    pub(super) value: Vec<u8>,
    pub(super) lease: i64,
}

impl Session {
    pub(super) async fn connect(access: &EtcdAccess, endpoint: &str) -> Result<Self, EtcdError> {
        let client = connect(access, endpoint).await?;
        let limit = access.request_timeout;
        Ok(Self { client, limit })
    }

    /// Grants a lease; etcd counts in whole seconds.
    pub(super) async fn grant(&mut self, ttl: Duration) -> Result<i64, EtcdError> {
        let seconds = i64::try_from(ttl.as_secs()).unwrap_or(i64::MAX);
        let granted = within(
            "grant lease",
            self.limit,
            self.client.lease_grant(seconds, None),
        );
        Ok(granted.await?.id())
    }

    /// Prolongs a lease. The stream is used for one exchange and dropped: a stream left open would
    /// have to be watched for a death of its own.
    pub(super) async fn keep_alive(&mut self, lease: i64) -> Result<(), EtcdError> {
        let kept = within(
            "keep lease",
            self.limit,
            self.client.lease_keep_alive(lease),
        );
        kept.await.map(drop)
    }

    pub(super) async fn revoke(&mut self, lease: i64) -> Result<(), EtcdError> {
        let revoked = within("revoke lease", self.limit, self.client.lease_revoke(lease));
        revoked.await.map(drop)
    }

    pub(super) async fn get(&mut self, key: &str) -> Result<Option<Found>, EtcdError> {
        let mut page = within("read key", self.limit, self.client.get(key, None)).await?;
        Ok(page.take_kvs().pop().map(|kv| {
            let lease = kv.lease();
            let (_, value) = kv.into_key_value();
            Found { value, lease }
        }))
    }

    pub(super) async fn put(
        &mut self,
        key: &str,
        value: &str,
        lease: i64,
    ) -> Result<(), EtcdError> {
        let options = Some(PutOptions::new().with_lease(lease));
        let put = within(
            "write key",
            self.limit,
            self.client.put(key, value, options),
        );
        put.await.map(drop)
    }

    pub(super) async fn delete(&mut self, key: &str) -> Result<(), EtcdError> {
        let deleted = self.client.delete(key, Some(DeleteOptions::new()));
        within("delete key", self.limit, deleted).await.map(drop)
    }
}
