//! The events of PushManagers: what was written, and what turned bad or good.
//!
//! An event that can't be told is logged and forgotten: nothing waits for it.

use k8s_openapi::{api::core::v1::ObjectReference, apimachinery::pkg::apis::meta::v1::ObjectMeta};
use kube::{
    Client,
    runtime::events::{Event, EventType, Recorder, Reporter},
};

use crate::{
    api::{Condition, GROUP, KIND, PushManagerStatus, VERSION},
    names::OPERATOR,
};

/// Longest note of an event, in bytes: Kubernetes refuses more.
const MAX_NOTE: usize = 1000;

/// Tells events.
#[derive(Clone)]
pub struct Events {
    recorder: Recorder,
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
        let reporter = Reporter {
            controller: OPERATOR.to_owned(),
            instance: Some(instance.to_owned()),
        };
        Self {
            recorder: Recorder::new(client, reporter),
        }
    }

    /// What was written.
    pub async fn changed(&self, subject: &Subject, changes: &[String]) {
        if !changes.is_empty() {
            self.tell(subject, EventType::Normal, "Applied", &changes.join(", "))
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
        if let Some(degraded) = condition(now, "Degraded") {
            let told = was("Degraded").map(|c| (&c.status, &c.reason, &c.message));
            let new = told != Some((&degraded.status, &degraded.reason, &degraded.message));
            let was_bad = was("Degraded").is_some_and(|c| c.status == "True");
            if degraded.status == "True" && new {
                self.tell(
                    subject,
                    EventType::Warning,
                    &degraded.reason,
                    &degraded.message,
                )
                .await;
            } else if degraded.status == "False" && was_bad {
                self.tell(
                    subject,
                    EventType::Normal,
                    "Recovered",
                    "nothing is wrong any more",
                )
                .await;
            }
        }
        if let Some(paused) = condition(now, "Paused") {
            let was_paused = was("Paused").is_some_and(|c| c.status == "True");
            match (was_paused, paused.status == "True") {
                (false, true) => {
                    self.tell(subject, EventType::Normal, "Paused", &paused.message)
                        .await;
                }
                (true, false) => {
                    self.tell(
                        subject,
                        EventType::Normal,
                        "Resumed",
                        "changes are made again",
                    )
                    .await;
                }
                (true, true) | (false, false) => {}
            }
        }
    }

    async fn tell(&self, subject: &Subject, kind: EventType, reason: &str, note: &str) {
        let event = Event {
            type_: kind,
            reason: reason.to_owned(),
            note: Some(clip(note)),
            action: "Reconcile".to_owned(),
            secondary: None,
        };
        if let Err(error) = self.recorder.publish(&event, &subject.0).await {
            tracing::warn!(%error, reason, "an event could not be told");
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
