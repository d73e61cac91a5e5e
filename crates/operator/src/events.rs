//! The events of PushManagers: what was written, and what turned bad or good.
//!
//! An event that can't be told is logged and forgotten: nothing waits for it.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use k8s_openapi::{api::core::v1::ObjectReference, apimachinery::pkg::apis::meta::v1::ObjectMeta};
use kube::{
    Client,
    runtime::events::{Event, EventType, Recorder, Reporter},
};

use crate::{
    api::{Condition, GROUP, KIND, PushManagerStatus, VERSION},
    names::OPERATOR,
};

/// An event takes no longer.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);
/// Longest note of an event, in bytes: Kubernetes refuses more.
const MAX_NOTE: usize = 1000;

/// Most last notes that are remembered; beyond, all are forgotten.
const MAX_NOTES: usize = 10_000;

/// Tells events.
#[derive(Clone)]
pub struct Events {
    client: Client,
    reporter: Reporter,
    /// The last note about whom, by its reason, and who counts its repetitions.
    last: Arc<Mutex<HashMap<About, (String, Recorder)>>>,
}

/// The identity of a PushManager, and a reason.
type About = (Option<String>, String);

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
            client,
            reporter,
            last: Arc::default(),
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
        let recorder = self.recorder(subject, reason, note);
        let told = recorder.publish(&event, &subject.0);
        match tokio::time::timeout(ANSWER_WITHIN, told).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(%error, reason, "an event could not be told"),
            Err(_) => tracing::warn!(reason, "the API server does not answer about an event"),
        }
    }
}

impl Events {
    /// A recorder counts an event like one before, and goes on telling the note of that one: so
    /// another note has another recorder.
    fn recorder(&self, subject: &Subject, reason: &str, note: &str) -> Recorder {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let about = (subject.0.uid.clone(), reason.to_owned());
        match last.get(&about) {
            Some((said, recorder)) if said == note => recorder.clone(),
            Some(_) | None => {
                if last.len() >= MAX_NOTES {
                    last.clear();
                }
                let recorder = Recorder::new(self.client.clone(), self.reporter.clone());
                last.insert(about, (note.to_owned(), recorder.clone()));
                recorder
            }
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
