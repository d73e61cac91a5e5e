//! Keeps the node registered in etcd under a lease, in the layout of Go's `naming/endpoints`.
//!
//! Lost leases, deleted keys and endpoints that went away are all repaired on the next beat.

use std::time::Duration;

use etcd_client::{Client, Error, GetOptions, PutOptions};
use serde::Serialize;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use super::config::EtcdRegistration;
use crate::{
    StartError,
    etcd::{Access, Backoff, within},
};

/// The value as Go's `endpoints.Update` writes it: the fields' names and order are its own.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Update<'a> {
    op: u8,
    addr: &'a str,
    metadata: Option<Metadata<'a>>,
}

#[derive(Serialize)]
struct Metadata<'a> {
    node_id: &'a str,
}

/// One node's key in etcd.
#[derive(Debug)]
pub(crate) struct Registration {
    access: Access,
    key: String,
    value: String,
    ttl: Duration,
    lease: Option<i64>,
}

impl Registration {
    pub(crate) fn new(
        config: &EtcdRegistration,
        node_id: &str,
        address: &str,
    ) -> Result<Self, StartError> {
        let EtcdRegistration {
            endpoints,
            prefix,
            username,
            password,
            ttl,
            metadata,
        } = config;
        let update = Update {
            op: 0,
            addr: address,
            metadata: metadata.then_some(Metadata { node_id }),
        };
        let value = serde_json::to_string(&update).map_err(|_| StartError::Setting {
            setting: "advertised address",
            given: address.to_owned(),
            expected: "host:port",
        })?;
        Ok(Self {
            access: Access::new(endpoints, username.as_ref(), password.as_ref())?,
            key: format!("{}/{address}", prefix.trim_end_matches('/')),
            value,
            ttl: (*ttl).max(Duration::from_secs(1)),
            lease: None,
        })
    }

    /// Stays registered until `stop`, then takes the key back.
    pub(crate) async fn run(mut self, stop: CancellationToken) {
        let mut backoff = Backoff::default();
        let mut warned = false;
        while !stop.is_cancelled() {
            let (error, endpoint) = match self.access.connect().await {
                Ok((mut client, endpoint)) => {
                    let kept = self.keep(&mut client, &stop, &mut backoff, &mut warned);
                    match kept.await {
                        Ok(()) => return,
                        Err(error) => (error, endpoint),
                    }
                }
                Err(error) => (error, String::new()),
            };
            if warned {
                tracing::debug!(%error, endpoint, "etcd is still away");
            } else {
                tracing::warn!(%error, endpoint, key = self.key, "etcd is away; registering later");
                warned = true;
            }
            let pause = tokio::time::sleep(backoff.pause());
            stop.run_until_cancelled(pause).await;
        }
    }

    /// Beats three times a lease until told to stop (then the lease is revoked) or until etcd
    /// doesn't answer.
    async fn keep(
        &mut self,
        client: &mut Client,
        stop: &CancellationToken,
        backoff: &mut Backoff,
        warned: &mut bool,
    ) -> Result<(), Error> {
        let mut beats = interval(self.ttl / 3);
        beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = beats.tick() => self.beat(client).await?,
                () = stop.cancelled() => {
                    if let Some(lease) = self.lease.take() {
                        within(client.lease_revoke(lease)).await?;
                    }
                    return Ok(());
                }
            }
            *backoff = Backoff::default();
            *warned = false;
        }
    }

    /// Keeps the lease alive, or gets a new one, and sees to it that the key is there.
    async fn beat(&mut self, client: &mut Client) -> Result<(), Error> {
        let lease = match self.lease {
            Some(lease) if renew(client, lease).await? => lease,
            _ => {
                let seconds = i64::try_from(self.ttl.as_secs()).unwrap_or(i64::MAX);
                let granted = within(client.lease_grant(seconds, None)).await?;
                self.lease = Some(granted.id());
                granted.id()
            }
        };
        let only_lease = GetOptions::new().with_limit(1);
        let found = within(client.get(self.key.as_str(), Some(only_lease))).await?;
        let there = found
            .kvs()
            .first()
            .is_some_and(|kv| kv.lease() == lease && kv.value() == self.value.as_bytes());
        if !there {
            let options = PutOptions::new().with_lease(lease);
            let put = client.put(self.key.as_str(), self.value.as_str(), Some(options));
            within(put).await?;
            tracing::info!(key = self.key, "registered in etcd");
        }
        Ok(())
    }
}

/// True when the lease lives on.
async fn renew(client: &mut Client, lease: i64) -> Result<bool, Error> {
    let renewed = within(async {
        let (mut keeper, mut answers) = client.lease_keep_alive(lease).await?;
        keeper.keep_alive().await?;
        Ok(answers
            .message()
            .await?
            .is_some_and(|answer| answer.ttl() > 0))
    })
    .await;
    match renewed {
        // What the client says of a lease that is over; the connection is fine.
        Err(Error::LeaseKeepAliveError(_)) => Ok(false),
        renewed => renewed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn registration(metadata: bool) -> Registration {
        let config = EtcdRegistration {
            metadata,
            ..EtcdRegistration::default()
        };
        Registration::new(&config, "connect-node-1", "10.0.0.1:50052").unwrap()
    }

    #[test]
    fn key_and_value_are_what_go_writes() {
        let plain = registration(false);
        assert_eq!(plain.key, "connect-node/10.0.0.1:50052");
        assert_eq!(
            plain.value,
            r#"{"Op":0,"Addr":"10.0.0.1:50052","Metadata":null}"#
        );
        assert_eq!(
            registration(true).value,
            r#"{"Op":0,"Addr":"10.0.0.1:50052","Metadata":{"node_id":"connect-node-1"}}"#
        );
    }
}
