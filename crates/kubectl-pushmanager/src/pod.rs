//! What a pod's object says of it.

use k8s_openapi::{
    api::core::v1::{ContainerState, ContainerStatus, Pod},
    jiff::Timestamp,
};
use kube::ResourceExt;
use pushtop::feed::kube::admin_port;

/// The annotation with the hash of the configuration that a pod was started with.
pub const CONFIG_HASH: &str = "pushmanager.io/config-hash";

/// A pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PodFacts {
    /// Its name.
    pub name: String,
    /// Its phase, e.g. `Running`.
    pub phase: String,
    /// Why it is not running, where it is not.
    pub waits: Option<String>,
    /// It was asked to end.
    pub is_leaving: bool,
    /// Kubernetes calls it ready.
    pub is_ready: bool,
    /// Restarts of its containers.
    pub restarts: i32,
    /// When it was created.
    pub created: Option<Timestamp>,
    /// The hash of its configuration.
    pub config_hash: Option<String>,
    /// The container that serves: the one with the admin port, else the first.
    pub container: Option<String>,
    /// All of its containers, each with its restarts.
    pub containers: Vec<(String, i32)>,
    /// Where its admin API listens.
    pub admin_port: u16,
}

impl PodFacts {
    /// Reads them.
    pub fn of(pod: &Pod) -> Self {
        let status = pod.status.as_ref();
        let containers = status.and_then(|status| status.container_statuses.as_deref());
        let containers = containers.unwrap_or_default();
        let phase = status.and_then(|status| status.phase.clone());
        let phase = phase.unwrap_or_else(|| "Unknown".to_owned());
        let specs = pod.spec.iter().flat_map(|spec| &spec.containers);
        Self {
            name: pod.name_any(),
            waits: (phase != "Running").then(|| waits(&phase, pod, containers)),
            phase,
            is_leaving: pod.metadata.deletion_timestamp.is_some(),
            is_ready: is_ready(pod),
            restarts: containers.iter().map(|each| each.restart_count).sum(),
            created: pod.metadata.creation_timestamp.as_ref().map(|time| time.0),
            config_hash: pod.annotations().get(CONFIG_HASH).cloned(),
            container: serving(pod),
            containers: specs
                .map(|each| (each.name.clone(), restarts(&each.name, containers)))
                .collect(),
            admin_port: admin_port(pod),
        }
    }

    /// Whether its admin API could answer.
    pub fn is_running(&self) -> bool {
        self.waits.is_none()
    }
}

fn restarts(name: &str, containers: &[ContainerStatus]) -> i32 {
    let container = containers.iter().find(|each| each.name == name);
    container.map_or(0, |each| each.restart_count)
}

fn is_ready(pod: &Pod) -> bool {
    let status = pod.status.as_ref();
    let conditions = status.and_then(|status| status.conditions.as_deref());
    let mut conditions = conditions.unwrap_or_default().iter();
    conditions.any(|each| each.type_ == "Ready" && each.status == "True")
}

/// The phase, and the word of the first container that has one.
fn waits(phase: &str, pod: &Pod, containers: &[ContainerStatus]) -> String {
    let own = pod.status.as_ref().and_then(|status| status.reason.clone());
    let waiting = |state: &ContainerState| state.waiting.as_ref()?.reason.clone();
    let mut states = containers.iter().filter_map(|each| each.state.as_ref());
    let reason = own.or_else(|| states.find_map(waiting));
    reason.map_or_else(|| phase.to_owned(), |reason| format!("{phase}: {reason}"))
}

fn serving(pod: &Pod) -> Option<String> {
    let containers = &pod.spec.as_ref()?.containers;
    let has_admin = |ports: &Vec<k8s_openapi::api::core::v1::ContainerPort>| {
        ports
            .iter()
            .any(|port| port.name.as_deref() == Some("admin"))
    };
    let named = containers
        .iter()
        .find(|each| each.ports.as_ref().is_some_and(has_admin));
    named.or(containers.first()).map(|each| each.name.clone())
}

#[cfg(test)]
pub(crate) fn example(value: serde_json::Value) -> PodFacts {
    PodFacts::of(&serde_json::from_value(value).unwrap())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_pod_that_does_not_run_says_why() {
        let pod = example(json!({
            "metadata": { "name": "a", "annotations": { CONFIG_HASH: "1" } },
            "spec": { "containers": [{ "name": "sidecar" }, { "name": "main",
                "ports": [{ "name": "admin", "containerPort": 7 }] }] },
            "status": { "phase": "Pending", "containerStatuses": [{
                "name": "main", "image": "", "imageID": "", "ready": false, "restartCount": 2,
                "state": { "waiting": { "reason": "ImagePullBackOff" } } }] },
        }));
        assert_eq!(pod.waits.as_deref(), Some("Pending: ImagePullBackOff"));
        assert_eq!((pod.restarts, pod.admin_port), (2, 7));
        let each = [("sidecar".to_owned(), 0), ("main".to_owned(), 2)];
        assert_eq!(pod.containers, each);
        assert_eq!(pod.container.as_deref(), Some("main"));
        assert_eq!(pod.config_hash.as_deref(), Some("1"));
        assert!(!pod.is_running() && !pod.is_ready && !pod.is_leaving);
    }
}
