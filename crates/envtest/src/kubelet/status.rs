//! The status that a kubelet would report, as a patch.

use std::net::Ipv4Addr;

use k8s_openapi::api::core::v1::{Container, Pod};
use k8s_openapi::jiff::Timestamp;
use serde_json::{Value, json};

use super::Behaviour;

/// A strategic merge patch of a Pod's status. It names the Pod's uid, so that it
/// never meets another Pod of the same name.
pub(super) fn patch(pod: &Pod, behaviour: &Behaviour, address: Ipv4Addr) -> Value {
    let now = Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    let spec = pod.spec.as_ref();
    let containers = spec.map_or(&[][..], |spec| &spec.containers);
    let inits = spec.and_then(|spec| spec.init_containers.as_deref());
    let of_container = |one| container(one, behaviour, &now);
    let address = address.to_string();
    json!({
        "metadata": {"uid": pod.metadata.uid},
        "status": {
            "phase": if behaviour.runs() { "Running" } else { "Pending" },
            "startTime": now,
            "podIP": address,
            "podIPs": [{"ip": address}],
            "conditions": conditions(containers, behaviour, &now),
            "initContainerStatuses": inits.unwrap_or_default().iter()
                .map(|one| init_container(one, &now)).collect::<Vec<_>>(),
            "containerStatuses": containers.iter().map(of_container).collect::<Vec<_>>(),
        },
    })
}

impl Behaviour {
    /// Whether containers were ever started.
    fn runs(&self) -> bool {
        match self {
            Self::Ready | Self::NeverReady | Self::CrashLoop { .. } => true,
            Self::ImagePull { .. } | Self::MissingSecret { .. } => false,
        }
    }
}

fn conditions(containers: &[Container], behaviour: &Behaviour, now: &str) -> Value {
    let names: Vec<&str> = containers.iter().map(|one| one.name.as_str()).collect();
    let unready = format!("containers with unready status: [{}]", names.join(" "));
    let condition = |kind: &str, met: bool| {
        let mut condition = json!({
            "type": kind,
            "status": if met { "True" } else { "False" },
            "lastTransitionTime": now,
            "reason": null,
            "message": null,
        });
        if !met {
            condition["reason"] = json!("ContainersNotReady");
            condition["message"] = json!(unready);
        }
        condition
    };
    let ready = *behaviour == Behaviour::Ready;
    json!([
        condition("PodScheduled", true),
        condition("Initialized", true),
        condition("ContainersReady", ready),
        condition("Ready", ready),
    ])
}

fn init_container(container: &Container, now: &str) -> Value {
    let done = json!({"exitCode": 0, "reason": "Completed", "startedAt": now, "finishedAt": now});
    json!({
        "name": container.name,
        "image": container.image,
        "imageID": "",
        "ready": true,
        "restartCount": 0,
        "state": {"terminated": done},
    })
}

fn container(container: &Container, behaviour: &Behaviour, now: &str) -> Value {
    let waiting =
        |reason: &str, message: &str| json!({"waiting": {"reason": reason, "message": message}});
    let state = match behaviour {
        Behaviour::Ready | Behaviour::NeverReady => json!({"running": {"startedAt": now}}),
        Behaviour::ImagePull { message } => waiting("ImagePullBackOff", message),
        Behaviour::MissingSecret { name } => waiting(
            "CreateContainerConfigError",
            &format!("secret \"{name}\" not found"),
        ),
        Behaviour::CrashLoop { .. } => {
            let name = &container.name;
            let message = format!("back-off 5m0s restarting failed container={name}");
            waiting("CrashLoopBackOff", &message)
        }
    };
    let (restarts, last_state) = match behaviour {
        Behaviour::CrashLoop { restarts } => {
            let end =
                json!({"exitCode": 1, "reason": "Error", "startedAt": now, "finishedAt": now});
            (*restarts, json!({"terminated": end}))
        }
        _ => (0, json!({})),
    };
    json!({
        "name": container.name,
        "image": container.image,
        "imageID": "",
        "ready": *behaviour == Behaviour::Ready,
        "started": matches!(behaviour, Behaviour::Ready | Behaviour::NeverReady),
        "restartCount": restarts,
        "state": state,
        "lastState": last_state,
    })
}
