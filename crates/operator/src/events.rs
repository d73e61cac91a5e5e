//! The events of PushManagers: what was written, and what turned bad or good.
//!
//! An event that can't be told in time is logged and forgotten: nothing depends on it.

use std::time::Duration;

use k8s_openapi::{
    api::{core::v1::ObjectReference, events::v1::Event},
    apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta},
    jiff::Timestamp,
};
use kube::{Api, Client, api::PostParams};

use crate::{
    api::{Condition, GROUP, KIND, PushManagerStatus, VERSION},
    names::OPERATOR,
};

/// Longest note of an event, in bytes: Kubernetes refuses more.
const MAX_NOTE: usize = 1000;
/// An event is told within so long.
const TOLD_WITHIN: Duration = Duration::from_secs(5);

/// Tells events.
#[derive(Clone)]
pub struct Events {
    client: Client,
    instance: String,
}

/// Whom an event is about.
#[derive(Clone, Debug)]
pub struct Subject(ObjectReference);

impl Subject {
    /// A PushManager.
    pub fn of(name: &str, namespace: &str, metadata: &ObjectMeta) -> Self {
        Self(ObjectReference {
            api_version: Some(format!("{GROUP}/{VERSION}")),
            kind: Some(KIND.to_owned()),
            name: Some(name.to_owned()),
            namespace: Some(namespace.to_owned()),
            uid: metadata.uid.clone(),
            ..ObjectReference::default()
        })
    }
}

impl std::fmt::Debug for Events {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Events").finish_non_exhaustive()
    }
}

impl Events {
    /// Told in the name of one instance of the operator.
    pub fn new(client: Client, instance: &str) -> Self {
        let instance = instance.to_owned();
        Self { client, instance }
    }

    /// What was written.
    pub async fn changed(&self, subject: &Subject, changes: &[String]) {
        if !changes.is_empty() {
            self.tell(subject, "Normal", "Applied", &changes.join(", "))
                .await;
        }
    }

    /// What turned bad or good since.
    pub async fn turned(
        &self,
        subject: &Subject,
        before: Option<&PushManagerStatus>,
        now: &PushManagerStatus,
    ) {
        let was = |kind| condition(before?, kind);
        let held = |kind| was(kind).is_some_and(|c| c.status == "True");
        if let Some(degraded) = condition(now, "Degraded") {
            let told = was("Degraded").map(|c| (&c.status, &c.reason, &c.message));
            let new = told != Some((&degraded.status, &degraded.reason, &degraded.message));
            if degraded.status == "True" && new {
                let (reason, message) = (&degraded.reason, &degraded.message);
                self.tell(subject, "Warning", reason, message).await;
            } else if degraded.status == "False" && held("Degraded") {
                let note = "nothing is wrong any more";
                self.tell(subject, "Normal", "Recovered", note).await;
            }
        }
        if let Some(paused) = condition(now, "Paused") {
            match (held("Paused"), paused.status == "True") {
                (false, true) => {
                    self.tell(subject, "Normal", "Paused", &paused.message)
                        .await;
                }
                (true, false) => {
                    let note = "changes are made again";
                    self.tell(subject, "Normal", "Resumed", note).await;
                }
                (true, true) | (false, false) => {}
            }
        }
    }

    async fn tell(&self, subject: &Subject, kind: &str, reason: &str, note: &str) {
        let namespace = subject.0.namespace.clone().unwrap_or_default();
        let name = subject.0.name.clone().unwrap_or_default();
        let now = Timestamp::now();
        let event = Event {
            metadata: ObjectMeta {
                // As Kubernetes names them, so that two never have one name.
                name: Some(format!(
                    "{name}.{:x}{:04x}",
                    now.as_nanosecond(),
                    rand::random::<u16>()
                )),
                namespace: Some(namespace.clone()),
                ..ObjectMeta::default()
            },
            action: Some("Reconcile".to_owned()),
            event_time: Some(MicroTime(now)),
            note: Some(clip(note)),
            reason: Some(reason.to_owned()),
            regarding: Some(subject.0.clone()),
            reporting_controller: Some(OPERATOR.to_owned()),
            reporting_instance: Some(self.instance.clone()),
            type_: Some(kind.to_owned()),
            ..Event::default()
        };
        let api: Api<Event> = Api::namespaced(self.client.clone(), &namespace);
        let params = PostParams::default();
        match tokio::time::timeout(TOLD_WITHIN, api.create(&params, &event)).await {
            Ok(Ok(_)) => {}
            Ok(Err(error)) => tracing::warn!(%error, reason, "an event could not be told"),
            Err(_) => tracing::warn!(reason, "an event was not told in time"),
        }
    }
}

fn condition<'a>(status: &'a PushManagerStatus, kind: &str) -> Option<&'a Condition> {
    status
        .conditions
        .iter()
        .find(|condition| condition.type_ == kind)
}

fn clip(note: &str) -> String {
    if note.len() <= MAX_NOTE {
        return note.to_owned();
    }
    let end = note.floor_char_boundary(MAX_NOTE);
    format!("{}…", note.get(..end).unwrap_or_default())
}
