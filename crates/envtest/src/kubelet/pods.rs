//! The Pods of the namespace, and which of them need another status.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

use k8s_openapi::api::core::v1::Pod;
use kube::runtime::watcher::Event;
use serde_json::Value;
use tokio::time::Instant;

use super::{Behaviour, Plan, status};

/// All Pods, by uid: a StatefulSet's next Pod has the name of the last one.
#[derive(Debug, Default)]
pub(super) struct Pods {
    known: BTreeMap<String, Known>,
    /// The uids in the list that is being received.
    listed: BTreeSet<String>,
    seen: u16,
}

#[derive(Debug)]
struct Known {
    pod: Pod,
    since: Instant,
    number: u16,
    settled: Option<Behaviour>,
}

/// A status that a Pod should have.
#[derive(Debug)]
pub(super) struct Change {
    uid: String,
    behaviour: Behaviour,
    /// The name of the Pod.
    pub(super) name: String,
    /// Not before.
    pub(super) due: Instant,
    /// The patch.
    pub(super) status: Value,
}

impl Pods {
    pub(super) fn observe(&mut self, event: Event<Pod>, now: Instant) {
        match event {
            Event::Apply(pod) => self.apply(pod, now),
            Event::Delete(pod) => {
                self.known.remove(&uid(&pod));
            }
            Event::Init => self.listed.clear(),
            Event::InitApply(pod) => {
                self.listed.insert(uid(&pod));
                self.apply(pod, now);
            }
            // What is not listed was deleted while we did not watch.
            Event::InitDone => self.known.retain(|uid, _| self.listed.contains(uid)),
        }
    }

    /// The Pods that differ from the plan.
    pub(super) fn changes(&self, plan: &Plan) -> Vec<Change> {
        let change = |(uid, known): (&String, &Known)| {
            let behaviour = plan.behaviour(&known.pod);
            let deleted = known.pod.metadata.deletion_timestamp.is_some();
            if deleted || known.settled.as_ref() == Some(behaviour) {
                return None;
            }
            // From 127.0.0.2 on: 127.0.0.1 is the test's own.
            let address = u32::from(Ipv4Addr::LOCALHOST) + u32::from(known.number);
            Some(Change {
                uid: uid.clone(),
                behaviour: behaviour.clone(),
                name: known.pod.metadata.name.clone().unwrap_or_default(),
                due: known.since + plan.delay,
                status: status::patch(&known.pod, behaviour, address.into()),
            })
        };
        self.known.iter().filter_map(change).collect()
    }

    /// Remembers that a Pod has the status.
    pub(super) fn settled(&mut self, change: Change) {
        if let Some(known) = self.known.get_mut(&change.uid) {
            known.settled = Some(change.behaviour);
        }
    }

    fn apply(&mut self, pod: Pod, now: Instant) {
        let uid = uid(&pod);
        if let Some(known) = self.known.get_mut(&uid) {
            known.pod = pod;
            return;
        }
        self.seen = self.seen.wrapping_add(1);
        let known = Known {
            pod,
            since: now,
            number: self.seen,
            settled: None,
        };
        self.known.insert(uid, known);
    }
}

fn uid(pod: &Pod) -> String {
    pod.metadata.uid.clone().unwrap_or_default()
}
