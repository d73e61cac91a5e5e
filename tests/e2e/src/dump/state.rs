//! What is wrong with pods and hosts by their own present state. Events tell of things that are
//! over, such as the probes that fail while a pod starts.

use serde_json::Value;

/// Words in a reason or message, and what they mean.
const MEANINGS: &[(&str, &str)] = &[
    (
        "ErrImageNeverPull",
        "the image is not in the cluster: was it loaded?",
    ),
    (
        "ErrImagePull",
        "the image is not in the cluster: was it loaded?",
    ),
    (
        "ImagePullBackOff",
        "the image is not in the cluster: was it loaded?",
    ),
    (
        "CrashLoopBackOff",
        "it ends again and again: its log tells why",
    ),
    (
        "CreateContainerConfigError",
        "something that it names is missing",
    ),
    ("OOMKilled", "it had too little memory"),
    (
        "Insufficient cpu",
        "its pods ask for more CPU than the hosts have",
    ),
    (
        "Insufficient memory",
        "its pods ask for more memory than the hosts have",
    ),
    ("no space left", "a disk is full"),
];

/// The names of pods, given as a list in JSON.
pub(super) fn names(pods: &str) -> Vec<String> {
    let names = items(pods).into_iter();
    names.map(|pod| text(&pod["metadata"]["name"])).collect()
}

/// What is wrong with pods, given as a list in JSON.
pub(super) fn of_pods(pods: &str) -> Vec<String> {
    let told = items(pods).into_iter().filter_map(|pod| {
        let name = text(&pod["metadata"]["name"]);
        trouble(&pod["status"]).map(|why| format!("pod {name}: {why}"))
    });
    told.collect()
}

/// What is wrong with hosts, given as a list in JSON.
pub(super) fn of_nodes(nodes: &str) -> Vec<String> {
    let away = items(nodes).into_iter().filter_map(|node| {
        let name = text(&node["metadata"]["name"]);
        let ready = condition(&node["status"], "Ready")?;
        (ready["status"] != "True").then(|| format!("host {name}: {}", text(&ready["message"])))
    });
    away.collect()
}

fn trouble(status: &Value) -> Option<String> {
    if let Some(scheduled) = condition(status, "PodScheduled")
        && scheduled["status"] == "False"
    {
        return Some(meant(&text(&scheduled["message"])));
    }
    let containers = ["initContainerStatuses", "containerStatuses"];
    let mut containers = containers.iter().flat_map(|kind| list(&status[kind]));
    let held = containers.find_map(|container| {
        let (state, last) = (&container["state"], &container["lastState"]["terminated"]);
        if last["reason"] == "OOMKilled" {
            return Some("OOMKilled".to_owned());
        }
        let waiting = state["waiting"].as_object()?;
        let field = |name: &str| waiting.get(name).map(text).unwrap_or_default();
        Some(format!("{} {}", field("reason"), field("message")))
    });
    if let Some(held) = held {
        return Some(meant(held.trim()));
    }
    let ready = condition(status, "Ready")?;
    let running = status["phase"] == "Running" && ready["status"] == "False";
    running.then(|| "runs, and is not ready: its log says what it waits for".to_owned())
}

fn meant(said: &str) -> String {
    let meaning = MEANINGS.iter().find(|(words, _)| said.contains(words));
    meaning.map_or_else(|| said.to_owned(), |(_, means)| format!("{means} ({said})"))
}

fn condition<'a>(status: &'a Value, kind: &str) -> Option<&'a Value> {
    list(&status["conditions"]).find(|condition| condition["type"] == kind)
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn items(json: &str) -> Vec<Value> {
    let read: Value = serde_json::from_str(json).unwrap_or_default();
    list(&read["items"]).cloned().collect()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn pod(status: &Value) -> String {
        json!({"items": [{"metadata": {"name": "p"}, "status": status}]}).to_string()
    }

    #[test]
    fn a_pod_that_is_well_is_no_cause() {
        let ready = json!([{"type": "Ready", "status": "True"}]);
        let status = json!({"phase": "Running", "conditions": ready,
            "containerStatuses": [{"state": {"running": {}}}]});
        assert_eq!(of_pods(&pod(&status)), [""; 0]);
    }

    #[test]
    fn what_holds_a_pod_up_is_told_with_what_it_means() {
        let waiting = json!({"waiting": {"reason": "ErrImageNeverPull", "message": "no image"}});
        let status = json!({"phase": "Pending", "containerStatuses": [{"state": waiting}]});
        let told = of_pods(&pod(&status)).concat();
        assert!(
            told.contains("was it loaded?") && told.contains("no image"),
            "{told}"
        );
        let unscheduled = json!([{"type": "PodScheduled", "status": "False",
            "message": "0/3 nodes: 2 Insufficient cpu"}]);
        let told = of_pods(&pod(&json!({"conditions": unscheduled}))).concat();
        assert!(told.contains("more CPU"), "{told}");
        let unready = json!([{"type": "Ready", "status": "False"}]);
        let told = of_pods(&pod(&json!({"phase": "Running", "conditions": unready}))).concat();
        assert!(told.contains("its log"), "{told}");
    }

    #[test]
    fn a_host_that_is_away_is_told() {
        let away = json!([{"type": "Ready", "status": "Unknown", "message": "no word"}]);
        assert_eq!(
            of_nodes(&pod(&json!({"conditions": away}))),
            ["host p: no word"]
        );
    }
}
