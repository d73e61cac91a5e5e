//! Reads and writes the Lease. Each write names the version that it replaces.

use std::time::Duration;

use k8s_openapi::{
    api::coordination::v1::{Lease, LeaseSpec},
    apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta},
    jiff::Timestamp,
};
use kube::{Api, api::PostParams};

#[derive(Debug)]
pub(super) struct Store {
    pub(super) api: Api<Lease>,
    pub(super) name: String,
    pub(super) identity: String,
    pub(super) lasts: Duration,
}

/// How a renewal went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Renewal {
    /// The Lease is ours for longer.
    Done,
    /// Someone wrote to it meanwhile, and be it a label: to be read anew.
    Again,
    /// Another holds it, or it is gone.
    Taken,
}

impl Store {
    pub(super) async fn read(&self) -> kube::Result<Option<Lease>> {
        self.api.get_opt(&self.name).await
    }

    /// Makes it and holds it; false when another was faster.
    pub(super) async fn create(&self) -> kube::Result<bool> {
        let lease = Lease {
            metadata: ObjectMeta {
                name: Some(self.name.clone()),
                ..ObjectMeta::default()
            },
            spec: Some(self.held(0)),
        };
        won(self.api.create(&PostParams::default(), &lease).await)
    }

    /// Takes it over; false when another was faster.
    pub(super) async fn take(&self, mut lease: Lease) -> kube::Result<bool> {
        let before = lease.spec.take().unwrap_or_default();
        let handed_on = i32::from(before.holder_identity.as_deref() != Some(&self.identity));
        lease.spec = Some(self.held(before.lease_transitions.unwrap_or_default() + handed_on));
        self.replace(&lease).await
    }

    /// Says that its holder lives.
    pub(super) async fn renew(&self) -> kube::Result<Renewal> {
        let Some(mut lease) = self.read().await? else {
            return Ok(Renewal::Taken);
        };
        let spec = lease.spec.get_or_insert_default();
        if spec.holder_identity.as_deref() != Some(&self.identity) {
            return Ok(Renewal::Taken);
        }
        spec.renew_time = Some(MicroTime(Timestamp::now()));
        Ok(if self.replace(&lease).await? {
            Renewal::Done
        } else {
            Renewal::Again
        })
    }

    /// Gives it back, so that another need not wait.
    pub(super) async fn release(&self) -> kube::Result<()> {
        let Some(mut lease) = self.read().await? else {
            return Ok(());
        };
        let spec = lease.spec.get_or_insert_default();
        if spec.holder_identity.as_deref() == Some(&self.identity) {
            spec.holder_identity = None;
            spec.lease_duration_seconds = Some(1);
            self.replace(&lease).await?;
        }
        Ok(())
    }

    async fn replace(&self, lease: &Lease) -> kube::Result<bool> {
        won(self
            .api
            .replace(&self.name, &PostParams::default(), lease)
            .await)
    }

    fn held(&self, transitions: i32) -> LeaseSpec {
        let now = MicroTime(Timestamp::now());
        LeaseSpec {
            holder_identity: Some(self.identity.clone()),
            lease_duration_seconds: i32::try_from(self.lasts.as_secs()).ok(),
            acquire_time: Some(now.clone()),
            renew_time: Some(now),
            lease_transitions: Some(transitions),
            ..LeaseSpec::default()
        }
    }
}

/// A conflict means that another wrote since: that is no error but the answer.
fn won(written: kube::Result<Lease>) -> kube::Result<bool> {
    match written {
        Ok(_) => Ok(true),
        Err(kube::Error::Api(status)) if status.code == 409 => Ok(false),
        Err(error) => Err(error),
    }
}
