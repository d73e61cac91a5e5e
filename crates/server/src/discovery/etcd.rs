//! Nodes registered in etcd: list, then watch from the list's revision.
//!
//! One endpoint is used at a time. Whatever ends the watch (an error, silence, compaction), the
//! next connection begins with a list, which is authoritative: it costs one read of a small set,
//! and it is right after lost events, compaction and a store that was restored or wiped, where
//! resuming the watch would need a proof for each. Until that list the last set stays.
//!
//! How keys and values are read is `layout`'s.

pub mod client;
mod list;
mod prefix;
mod rotation;
mod skipped;
mod watch;

use std::time::Duration;

use tokio::sync::mpsc::Sender;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};

pub use self::client::{EtcdAccess, EtcdError};
pub use self::list::{Listing, SkippedKey};
pub(crate) use self::rotation::Rotation;
use self::skipped::SkipLog;
use super::{Event, deliver};

/// How often a lasting outage is logged again.
pub(crate) const WARN_EVERY: Duration = Duration::from_mins(1);

/// What the etcd source needs to know.
#[derive(Clone, Debug)]
pub struct EtcdSettings {
    /// Where etcd is and how long to wait for it.
    pub access: EtcdAccess,
    /// The key prefixes that nodes register under; those within another one add nothing.
    pub prefixes: Vec<String>,
    /// How often the watch is asked how far it got, so that silence means something.
    pub progress_interval: Duration,
    /// Without a word for this long the connection is dead. Several progress intervals.
    pub receive_deadline: Duration,
    /// The longest value that is looked into, in bytes.
    pub max_value: usize,
}

/// Lists the registrations once, at the first endpoint that answers.
pub async fn list_once(settings: &EtcdSettings) -> Result<Listing, EtcdError> {
    let prefixes = prefix::disjoint(&settings.prefixes);
    let mut last = EtcdError::NoEndpoint;
    for endpoint in &settings.access.endpoints {
        let listed = async {
            let client = client::connect(&settings.access, endpoint).await?;
            list::list(&client, settings, &prefixes).await
        };
        match listed.await {
            Ok(listing) => return Ok(listing),
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// Sends what is registered, and every change of it, until told to stop.
pub async fn run(settings: EtcdSettings, events: Sender<Event>, stop: CancellationToken) {
    let source = Source {
        prefixes: prefix::disjoint(&settings.prefixes),
        settings,
        events,
        stop: stop.clone(),
        skipped: SkipLog::default(),
        seen: 0,
        in_sync_since: None,
        warned: None,
    };
    stop.run_until_cancelled(source.run()).await;
}

/// Why a connection's use came to an end.
enum End {
    /// Nobody takes events any more.
    Unheard,
    /// The watch can't go on from where it is; the endpoint is well.
    ListAgain(&'static str),
    /// The endpoint failed.
    Failed(EtcdError),
}

impl From<EtcdError> for End {
    fn from(error: EtcdError) -> Self {
        match error {
            EtcdError::Compacted => Self::ListAgain("compacted"),
            error => Self::Failed(error),
        }
    }
}

struct Source {
    settings: EtcdSettings,
    prefixes: Vec<String>,
    events: Sender<Event>,
    stop: CancellationToken,
    skipped: SkipLog,
    /// The newest revision heard of.
    seen: i64,
    /// When the current connection's list was delivered.
    in_sync_since: Option<Instant>,
    /// When the current outage was last logged; none if there is no outage.
    warned: Option<Instant>,
}

impl Source {
    async fn run(mut self) {
        let access = &self.settings.access;
        let mut rotation = Rotation::new(access.endpoints.len(), access.backoff_max);
        loop {
            let endpoint = self.settings.access.endpoint(rotation.current()).to_owned();
            self.in_sync_since = None;
            match Box::pin(self.session(&endpoint)).await {
                End::Unheard => return,
                End::ListAgain(why) => {
                    info!(endpoint, why, "etcd is listed again");
                    sleep(rotation::FIRST_PAUSE).await;
                }
                End::Failed(error) => {
                    let held = self.in_sync_since.map(|since| since.elapsed());
                    let step = rotation.failed(held.unwrap_or_default(), rand::random());
                    if !self.failed(&endpoint, &error, step.round_over).await {
                        return;
                    }
                    sleep(step.pause).await;
                }
            }
        }
    }

    /// Uses one endpoint for as long as it serves.
    async fn session(&mut self, endpoint: &str) -> End {
        let client = match client::connect(&self.settings.access, endpoint).await {
            Ok(client) => client,
            Err(error) => return End::Failed(error),
        };
        let listing = match list::list(&client, &self.settings, &self.prefixes).await {
            Ok(listing) => listing,
            Err(error) => return error.into(),
        };
        let revision = listing.revision;
        if !self.listed(endpoint, listing).await {
            return End::Unheard;
        }
        self.watch(&client, revision).await
    }

    async fn listed(&mut self, endpoint: &str, listing: Listing) -> bool {
        let Listing {
            revision,
            registrations,
            skipped,
        } = listing;
        if revision < self.seen {
            let seen = self.seen;
            warn!(
                endpoint,
                seen, revision, "etcd's revision went backwards: its list is taken"
            );
        }
        let (nodes, unreadable) = (registrations.len(), skipped.len());
        info!(endpoint, revision, nodes, unreadable, "in sync with etcd");
        self.seen = revision;
        self.in_sync_since = Some(Instant::now());
        self.warned = None;
        let listed = Event::Listed {
            revision,
            registrations,
        };
        let mut heard = deliver(&self.events, &self.stop, listed).await;
        for key in skipped {
            heard = heard && self.skip(key).await;
        }
        heard
    }

    async fn skip(&mut self, skipped: SkippedKey) -> bool {
        let SkippedKey {
            key,
            revision,
            reason,
        } = skipped;
        if self.skipped.is_news(&key, revision) {
            let label = reason.as_label();
            // Debug form: a key may hold control characters.
            warn!(key = ?key, revision, reason = label, "registration skipped: {reason}");
        }
        let event = Event::Skipped {
            key,
            revision,
            reason,
        };
        deliver(&self.events, &self.stop, event).await
    }

    /// Notes a failure; tells the pool once all endpoints failed in a row.
    async fn failed(&mut self, endpoint: &str, error: &EtcdError, round_over: bool) -> bool {
        if self.in_sync_since.is_some() {
            info!(endpoint, %error, "lost etcd");
        } else {
            debug!(endpoint, %error, "etcd can't be used");
        }
        if !round_over {
            return true;
        }
        let first = self.warned.is_none();
        if self.warned.is_none_or(|at| at.elapsed() >= WARN_EVERY) {
            if self.seen == 0 {
                warn!(endpoint, %error, "waiting for etcd: not ready until it answers");
            } else {
                warn!(endpoint, %error, "etcd is away: the last set of nodes stays");
            }
            self.warned = Some(Instant::now());
        }
        let why = format!("etcd {endpoint}: {error}");
        !first || deliver(&self.events, &self.stop, Event::Away { why }).await
    }
}
