//! What pods complain of: images that can't be pulled, Secrets that are missing, crashes.
//!
//! Of a pod only its complaint is kept.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{PoisonError, RwLock},
};

use serde_json::Value;

use crate::{live::Place, names::INSTANCE};

/// Longest message of a pod that is passed on, in characters.
const MAX_MESSAGE: usize = 300;

/// Why a pod does not run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Complaint {
    /// In a word.
    pub reason: &'static str,
    /// What to mend.
    pub message: String,
}

/// The complaints of all pods, by PushManager and pod.
#[derive(Debug, Default)]
pub struct Complaints {
    pods: RwLock<HashMap<Place, BTreeMap<String, Complaint>>>,
}

impl Complaints {
    /// Takes note of a pod; returns the place of its PushManager when something changed.
    pub fn see(&self, pod: &Value) -> Option<Place> {
        let (instance, name) = whose(pod)?;
        let complaint = complaint(&name, pod).filter(|_| !is_going(pod));
        let mut pods = self.pods.write().unwrap_or_else(PoisonError::into_inner);
        let known = pods.entry(instance.clone()).or_default();
        let changed = known.get(&name) != complaint.as_ref();
        match complaint {
            Some(complaint) => drop(known.insert(name, complaint)),
            None => drop(known.remove(&name)),
        }
        if known.is_empty() {
            pods.remove(&instance);
        }
        changed.then_some(instance)
    }

    /// Forgets a pod; returns the place of its PushManager when it had complained.
    pub fn forget(&self, pod: &Value) -> Option<Place> {
        let (instance, name) = whose(pod)?;
        let mut pods = self.pods.write().unwrap_or_else(PoisonError::into_inner);
        let known = pods.get_mut(&instance)?;
        let changed = known.remove(&name).is_some();
        if known.is_empty() {
            pods.remove(&instance);
        }
        changed.then_some(instance)
    }

    /// Forgets the pods that a whole list did not hold: of one namespace, or of all.
    /// Returns the places of those PushManagers that this changes something for.
    pub fn keep_only(
        &self,
        namespace: Option<&str>,
        listed: impl Fn(&str, &str) -> bool,
    ) -> Vec<Place> {
        let mut pods = self.pods.write().unwrap_or_else(PoisonError::into_inner);
        let mut changed = Vec::new();
        pods.retain(|place, known| {
            let (within, _) = place;
            let before = known.len();
            if namespace.is_none_or(|namespace| namespace == within) {
                known.retain(|name, _| listed(within, name));
            }
            if known.len() < before {
                changed.push(place.clone());
            }
            !known.is_empty()
        });
        changed
    }

    /// What the pods of a PushManager complain of, by pod.
    pub fn of(&self, namespace: &str, instance: &str) -> Vec<Complaint> {
        let pods = self.pods.read().unwrap_or_else(PoisonError::into_inner);
        let place = (namespace.to_owned(), instance.to_owned());
        pods.get(&place)
            .into_iter()
            .flat_map(BTreeMap::values)
            .cloned()
            .collect()
    }
}

fn whose(pod: &Value) -> Option<(Place, String)> {
    let metadata = &pod["metadata"];
    let namespace = metadata["namespace"].as_str()?.to_owned();
    let instance = metadata["labels"][INSTANCE].as_str()?.to_owned();
    let name = metadata["name"].as_str()?.to_owned();
    Some(((namespace, instance), name))
}

fn is_going(pod: &Value) -> bool {
    pod["metadata"].get("deletionTimestamp").is_some()
}

fn complaint(name: &str, pod: &Value) -> Option<Complaint> {
    let containers = pod["status"]["containerStatuses"].as_array();
    let of_containers = containers.into_iter().flatten();
    let mut complaints = of_containers.filter_map(|status| of_container(name, status));
    complaints.next().or_else(|| unschedulable(name, pod))
}

fn of_container(pod: &str, status: &Value) -> Option<Complaint> {
    if let Some(complaint) = crashed(pod, status) {
        return Some(complaint);
    }
    let waiting = &status["state"]["waiting"];
    let said = clip(waiting["message"].as_str().unwrap_or_default());
    let image = status["image"].as_str().unwrap_or_default();
    let (reason, message) = match waiting["reason"].as_str()? {
        "ImagePullBackOff"
        | "ErrImagePull"
        | "InvalidImageName"
        | "ErrImageNeverPull"
        | "RegistryUnavailable" => (
            "ImagePullFailed",
            format!(
                "pod {pod}: the image {image} can't be pulled; check spec.image or spec.version, \
                 and spec.imagePullSecrets (kubectl describe pod {pod} tells more)"
            ),
        ),
        "CreateContainerConfigError" => (
            "ContainerConfigFailed",
            format!(
                "pod {pod}: {said}; create what is missing in this namespace, or mend \
                 spec.etcd.authSecretRef or spec.podTemplate.env"
            ),
        ),
        "CreateContainerError" | "RunContainerError" => {
            ("ContainerFailed", format!("pod {pod}: {said}"))
        }
        _ => return None,
    };
    Some(Complaint { reason, message })
}

/// A container that ended badly and is not ready again: between two crashes it runs for a while,
/// which is no recovery.
fn crashed(pod: &str, status: &Value) -> Option<Complaint> {
    let code = status["lastState"]["terminated"]["exitCode"].as_i64();
    let waits = status["state"]["waiting"]["reason"] == "CrashLoopBackOff";
    let failed = code.is_some_and(|code| code != 0) && status["ready"] == false;
    if !(waits || failed) {
        return None;
    }
    let code = code.map_or_else(String::new, |code| format!(" with exit code {code}"));
    Some(Complaint {
        reason: "CrashLooping",
        message: format!(
            "pod {pod} keeps ending{code}; its log tells why: kubectl logs {pod} --previous"
        ),
    })
}

fn unschedulable(name: &str, pod: &Value) -> Option<Complaint> {
    let conditions = pod["status"]["conditions"].as_array()?;
    let unscheduled = |c: &&Value| c["type"] == "PodScheduled" && c["reason"] == "Unschedulable";
    let condition = conditions.iter().find(unscheduled)?;
    let said = clip(condition["message"].as_str().unwrap_or_default());
    Some(Complaint {
        reason: "Unschedulable",
        message: format!("pod {name} fits on no host: {said}"),
    })
}

fn clip(text: &str) -> String {
    if text.chars().count() <= MAX_MESSAGE {
        return text.to_owned();
    }
    let head: String = text.chars().take(MAX_MESSAGE).collect();
    format!("{head}…")
}
