//! Keeps this process findable in etcd under a lease, the way Go's `naming/endpoints` does.
//!
//! The key is written again when someone removed or changed it, when the lease was lost, and when
//! etcd came back. What goes into the metadata, and which address is advertised, is the caller's.

mod session;

use std::time::Duration;

use serde_json::Value;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};

use self::session::Session;
use crate::discovery::etcd::{EtcdAccess, EtcdError, Rotation, WARN_EVERY};
use crate::discovery::{Address, layout};

/// How long the revocation may take at shutdown; after it the lease runs out by itself.
const REVOKE_DEADLINE: Duration = Duration::from_secs(2);
/// The shortest lease: etcd counts in whole seconds.
const MIN_TTL: Duration = Duration::from_secs(1);

/// What to register, and where.
#[derive(Clone, Debug)]
pub struct RegistrationSettings {
    /// Where etcd is and how long to wait for it.
    pub access: EtcdAccess,
    /// What the key begins with, `push-manager/`.
    pub prefix: String,
    /// The address to be found under: the rest of the key, and `Addr` in the value.
    pub address: Address,
    /// `Metadata` in the value.
    pub metadata: Value,
    /// How long the key outlives this process; kept alive at a third of it.
    pub ttl: Duration,
}

/// Registers until `stop`, then revokes the lease, which takes the key away.
///
/// `withdraw` takes the key away earlier, so that callers stop finding this process while it still
/// serves the last ones.
pub async fn run(
    settings: RegistrationSettings,
    withdraw: CancellationToken,
    stop: CancellationToken,
) {
    let mut registrar = Registrar {
        key: format!("{}{}", settings.prefix, settings.address),
        value: layout::encode(&settings.address, &settings.metadata),
        ttl: settings.ttl.max(MIN_TTL),
        settings,
        withdraw,
        lease: None,
        written: false,
        warned: None,
    };
    let endpoints = registrar.settings.access.endpoints.len();
    let mut rotation = Rotation::new(endpoints, registrar.settings.access.backoff_max);
    stop.run_until_cancelled(Box::pin(registrar.keep(&mut rotation)))
        .await;
    if timeout(REVOKE_DEADLINE, Box::pin(registrar.revoke(&mut rotation)))
        .await
        .is_err()
    {
        let key = registrar.key;
        warn!(
            key,
            "lease not revoked in time: the key stays until it runs out"
        );
    }
}

struct Registrar {
    settings: RegistrationSettings,
    key: String,
    value: String,
    ttl: Duration,
    withdraw: CancellationToken,
    /// The lease held, also while etcd is away: it may well have outlived the connection.
    lease: Option<i64>,
    /// Whether the key was written and not yet taken away.
    written: bool,
    /// When trouble was last logged.
    warned: Option<Instant>,
}

impl Registrar {
    /// Holds the registration, on one endpoint after the other.
    async fn keep(&mut self, rotation: &mut Rotation) {
        loop {
            let endpoint = self.settings.access.endpoint(rotation.current()).to_owned();
            let started = Instant::now();
            let Err(error) = Box::pin(self.hold(&endpoint)).await;
            if error == EtcdError::LeaseGone {
                info!(key = self.key, "lease was lost: registering again");
                self.lease = None;
            }
            let step = rotation.failed(started.elapsed(), rand::random());
            debug!(endpoint, %error, "registration interrupted");
            if step.round_over && self.may_warn() && error != EtcdError::LeaseGone {
                warn!(endpoint, %error, key = self.key, "can't register in etcd");
            }
            sleep(step.pause).await;
        }
    }

    /// Registers at one endpoint and looks after it until that fails.
    async fn hold(&mut self, endpoint: &str) -> Result<std::convert::Infallible, EtcdError> {
        let mut session = Session::connect(&self.settings.access, endpoint).await?;
        let every = self.ttl / 3;
        loop {
            self.tend(&mut session, endpoint).await?;
            let withdrawn = self.withdraw.clone();
            if withdrawn.is_cancelled() {
                sleep(every).await;
            } else {
                // Wakes up at once to take the key away.
                drop(timeout(every, withdrawn.cancelled()).await);
            }
        }
    }

    /// Makes the lease live and the key as it should be: ours, or gone once withdrawn.
    async fn tend(&mut self, session: &mut Session, endpoint: &str) -> Result<(), EtcdError> {
        let lease = match self.lease {
            Some(lease) => {
                session.keep_alive(lease).await?;
                lease
            }
            None => session.grant(self.ttl).await?,
        };
        self.lease = Some(lease);
        if self.withdraw.is_cancelled() {
            return self.take_away(session).await;
        }
        let found = session.get(&self.key).await?;
        let ours = found
            .as_ref()
            .is_some_and(|found| found.value == self.value.as_bytes());
        if ours && found.as_ref().is_some_and(|found| found.lease == lease) {
            return Ok(());
        }
        let (key, again, foreign) = (&self.key, self.written, found.is_some() && !ours);
        session.put(key, &self.value, lease).await?;
        if foreign && again && self.may_warn() {
            // Two processes that advertise one address would take it from each other for ever.
            warn!(
                key = self.key,
                "another process wrote our key: is its address ours?"
            );
        }
        info!(endpoint, key = self.key, lease, again, "registered in etcd");
        self.written = true;
        Ok(())
    }

    async fn take_away(&mut self, session: &mut Session) -> Result<(), EtcdError> {
        let found = session.get(&self.key).await?;
        // A key that another process wrote since is not ours to take.
        if found.is_some_and(|found| found.value == self.value.as_bytes()) {
            session.delete(&self.key).await?;
            info!(key = self.key, "registration withdrawn");
        }
        Ok(())
    }

    /// Revokes the lease at the first endpoint that answers.
    async fn revoke(&mut self, rotation: &mut Rotation) {
        let Some(lease) = self.lease else { return };
        // Each endpoint gets its share of the time, so that a stopped one doesn't take it all.
        let tries = u32::try_from(self.settings.access.endpoints.len()).unwrap_or(u32::MAX);
        let share = REVOKE_DEADLINE / tries.max(1);
        loop {
            let endpoint = self.settings.access.endpoint(rotation.current()).to_owned();
            let revoked = async {
                let mut session = Session::connect(&self.settings.access, &endpoint).await?;
                session.revoke(lease).await
            };
            match timeout(share, revoked).await {
                Ok(Ok(()) | Err(EtcdError::LeaseGone)) => {
                    info!(endpoint, key = self.key, "registration revoked");
                    return;
                }
                Ok(Err(error)) => debug!(endpoint, %error, "lease not revoked"),
                Err(_) => debug!(endpoint, "lease not revoked in time"),
            }
            let step = rotation.failed(Duration::ZERO, rand::random());
            sleep(step.pause).await;
        }
    }

    fn may_warn(&mut self) -> bool {
        let due = self.warned.is_none_or(|at| at.elapsed() >= WARN_EVERY);
        if due {
            self.warned = Some(Instant::now());
        }
        due
    }
}
