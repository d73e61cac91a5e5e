//! What was there when a scenario failed: a folder of files, and a summary of the likely cause.

use std::{fs, path::Path};

use push_manager_envtest::Seen;

use crate::{lab::OPERATOR_NAMESPACE, space::Space};

/// What is written down of each namespace: a file, and the words of kubectl.
const VIEWS: &[(&str, &[&str])] = &[
    ("pushmanagers.yaml", &["get", "pushmanagers", "-o", "yaml"]),
    (
        "objects.txt",
        &["get", "all,cm,pdb,netpol,hpa,lease,sa", "-o", "wide"],
    ),
    ("pods.yaml", &["get", "pods", "-o", "yaml"]),
    ("describe.txt", &["describe", "pods"]),
    ("events.txt", &["get", "events", "--sort-by=.lastTimestamp"]),
];
/// Lines of a pod's log.
const LINES: &str = "--tail=2000";
/// Words in what Kubernetes tells that name a cause, and what they mean.
const CAUSES: &[(&str, &str)] = &[
    (
        "ErrImageNeverPull",
        "an image is not in the cluster: was it loaded?",
    ),
    (
        "ImagePullBackOff",
        "an image is not in the cluster: was it loaded?",
    ),
    (
        "CrashLoopBackOff",
        "a container ends again and again: its log tells why",
    ),
    ("OOMKilled", "a container had too little memory"),
    (
        "Insufficient cpu",
        "the nodes have too little CPU for what the pods ask for",
    ),
    (
        "Insufficient memory",
        "the nodes have too little memory for what the pods ask for",
    ),
    ("NodeNotReady", "a node went away"),
    (
        "Readiness probe failed",
        "a pod was not ready: its log says what it waits for",
    ),
    ("No space left on device", "a disk is full"),
];

/// Writes it all down; returns the summary.
pub async fn write(space: &Space) -> String {
    let folder = space.lab.settings.dumps.join(&space.name);
    // What a run before left here is not of this one.
    drop(fs::remove_dir_all(&folder));
    let mut told = String::new();
    for namespace in [&space.name, OPERATOR_NAMESPACE] {
        let into = folder.join(namespace);
        match of_namespace(space, namespace, &into).await {
            Ok(text) => told += &text,
            Err(error) => told += &error.to_string(),
        }
    }
    let nodes = space.lab.kubectl(&["describe", "nodes"]).await;
    if let Ok(nodes) = nodes {
        drop(fs::write(folder.join("nodes.txt"), nodes.out));
    }
    summary(&space.name, &folder, &told, &complaints(space).await)
}

/// What the operator says is wrong, a line for each `PushManager`.
async fn complaints(space: &Space) -> Vec<String> {
    let degraded = |field| format!(r#"{{.status.conditions[?(@.type=="Degraded")].{field}}}"#);
    let [status, message] = ["status", "message"].map(degraded);
    let line = format!("{{.metadata.name}}|{status}|{message}");
    let path = format!("jsonpath={{range .items[*]}}{line}{{\"\\n\"}}{{end}}");
    let told = space
        .kubectl(&["get", "pushmanagers", "-o", &path])
        .await
        .unwrap_or_default();
    let degraded = told.lines().filter_map(|line| {
        let (name, rest) = line.split_once('|')?;
        let message = rest.strip_prefix("True|")?;
        Some(format!("  the operator says of {name}: {message}"))
    });
    degraded.collect()
}

async fn of_namespace(space: &Space, namespace: &str, into: &Path) -> Seen<String> {
    fs::create_dir_all(into)?;
    let mut told = String::new();
    for (file, words) in VIEWS {
        let mut all = vec!["--namespace", namespace];
        all.extend(*words);
        let run = space.lab.kubectl(&all).await?;
        let text = run.out + &run.err;
        fs::write(into.join(file), &text)?;
        if matches!(*file, "events.txt" | "describe.txt") {
            told += &text;
        }
    }
    let names = ["--namespace", namespace, "get", "pods", "-o", "name"];
    for pod in space.lab.kubectl(&names).await?.ok()?.lines() {
        let name = pod.trim_start_matches("pod/");
        for (suffix, more) in [("log", None), ("before.log", Some("--previous"))] {
            let mut words = vec![
                "--namespace",
                namespace,
                "logs",
                pod,
                LINES,
                "--all-containers",
            ];
            words.extend(more);
            let log = space.lab.kubectl(&words).await?;
            if log.success {
                fs::write(into.join(format!("{name}.{suffix}")), log.out)?;
            }
        }
        let page = format!("/api/v1/namespaces/{namespace}/pods/{name}:9093/proxy/metrics");
        let metrics = space.lab.kubectl(&["get", "--raw", &page]).await?;
        if metrics.success {
            fs::write(into.join(format!("{name}.metrics")), metrics.out)?;
        }
    }
    Ok(told)
}

fn summary(name: &str, folder: &Path, told: &str, complaints: &[String]) -> String {
    let known = CAUSES.iter().filter(|(words, _)| told.contains(words));
    let known = known.map(|(words, meaning)| format!("  likely: {meaning} ({words})"));
    let mut causes: Vec<String> = complaints.iter().cloned().chain(known).collect();
    if causes.is_empty() {
        causes.push("  nothing that Kubernetes tells points at a cause: see panic and logs".into());
    }
    let folder = folder.display();
    format!(
        "\n{name} failed; what was there: {folder}\n{}\n",
        causes.join("\n")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_summary_names_what_kubernetes_told() {
        let text = summary("x", Path::new("d"), "… Back-off … ImagePullBackOff …", &[]);
        assert!(text.contains("was it loaded?"), "{text}");
        let text = summary("x", Path::new("d"), "all is well", &[]);
        assert!(text.contains("see panic"), "{text}");
    }
}
