//! The statuses that were written last: the watch tells of them later than they are needed.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::{Resource, ResourceExt};

use crate::api::{PushManager, PushManagerStatus};

/// The last status that was written, of each PushManager that there is.
#[derive(Debug, Default)]
pub struct Told {
    last: Mutex<HashMap<String, (u64, PushManagerStatus)>>,
}

impl Told {
    /// The newest status: what the object says, or what was written since.
    pub fn of(&self, pm: &PushManager) -> Option<PushManagerStatus> {
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        match last.get(&pm.uid().unwrap_or_default()) {
            Some((version, status)) if *version > version_of(&pm.metadata) => Some(status.clone()),
            _ => pm.status.clone(),
        }
    }

    /// Takes note of what was written.
    pub fn note(&self, written: &impl Resource, status: PushManagerStatus) {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(uid) = written.meta().uid.clone() {
            last.insert(uid, (version_of(written.meta()), status));
        }
    }

    /// Forgets those that are gone.
    pub fn keep_only(&self, there: impl Fn(&str) -> bool) {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        last.retain(|uid, _| there(uid));
    }
}

fn version_of(metadata: &ObjectMeta) -> u64 {
    let version = metadata.resource_version.as_deref();
    version
        .and_then(|version| version.parse().ok())
        .unwrap_or_default()
}
