//! Which of the kinds that a cluster may lack it has.

use std::{
    collections::BTreeSet,
    sync::{PoisonError, RwLock},
    time::Duration,
};

use kube::Client;
use tokio::{sync::watch, time::timeout};

use crate::children::{self, Kind};

/// The cluster answers within so long.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);

/// The optional kinds that the cluster knows, as last asked.
#[derive(Debug)]
pub struct KnownKinds {
    known: RwLock<BTreeSet<Kind>>,
    changes: watch::Sender<u64>,
}

impl Default for KnownKinds {
    fn default() -> Self {
        Self {
            known: RwLock::default(),
            changes: watch::Sender::new(0),
        }
    }
}

impl KnownKinds {
    /// Whether objects of this kind can be made.
    pub fn knows(&self, kind: Kind) -> bool {
        !kind.optional || self.read().contains(&kind)
    }

    /// Changes whenever another kind is known, or one less.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// Asks the cluster. What it does not answer stays as it was.
    pub async fn refresh(&self, client: &Client) {
        for kind in children::kinds().into_iter().filter(|kind| kind.optional) {
            let version = kind.api_version();
            let asked = client.list_api_group_resources(&version);
            let Ok(resources) = timeout(ANSWER_WITHIN, asked).await else {
                tracing::warn!(kind = kind.kind, "the cluster does not answer about a kind");
                continue;
            };
            match resources {
                Ok(list) => self.set(kind, list.resources.iter().any(|r| r.name == kind.plural)),
                Err(kube::Error::Api(status)) if status.code == 404 => self.set(kind, false),
                Err(error) => {
                    tracing::warn!(%error, kind = kind.kind, "the cluster can't be asked for a kind");
                }
            }
        }
    }

    fn set(&self, kind: Kind, is_known: bool) {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        let changed = if is_known {
            known.insert(kind)
        } else {
            known.remove(&kind)
        };
        drop(known);
        if changed {
            tracing::info!(kind = kind.kind, is_known, "an optional kind");
            self.changes.send_modify(|count| *count += 1);
        }
    }

    fn read(&self) -> std::sync::RwLockReadGuard<'_, BTreeSet<Kind>> {
        self.known.read().unwrap_or_else(PoisonError::into_inner)
    }
}
