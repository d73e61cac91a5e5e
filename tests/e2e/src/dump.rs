//! What was there when a scenario failed: a folder of files, and a summary of the likely cause.

use std::{fs, path::Path};

use push_manager_envtest::Seen;

use crate::{lab::OPERATOR_NAMESPACE, run::Run, space::Space};

mod state;

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
/// What does not answer within this is left out.
const ANSWER_WITHIN: &str = "--request-timeout=20s";

/// Writes it all down; returns the summary.
pub async fn write(space: &Space) -> String {
    let folder = space.lab.settings.dumps.join(&space.name);
    // What a run before left here is not of this one.
    drop(fs::remove_dir_all(&folder));
    let mut causes = complaints(space).await;
    for namespace in [&space.name, OPERATOR_NAMESPACE] {
        let into = folder.join(namespace);
        match of_namespace(space, namespace, &into).await {
            Ok(pods) => causes.extend(state::of_pods(&pods)),
            Err(error) => causes.push(format!("nothing is known of {namespace}: {error}")),
        }
    }
    if let Ok(nodes) = kubectl(space, &["describe", "nodes"]).await {
        drop(fs::write(folder.join("nodes.txt"), nodes.out));
    }
    if let Ok(nodes) = kubectl(space, &["get", "nodes", "-o", "json"]).await {
        causes.extend(state::of_nodes(&nodes.out));
    }
    summary(&space.name, &folder, &causes)
}

async fn kubectl(space: &Space, words: &[&str]) -> Seen<Run> {
    space.lab.kubectl(&[&[ANSWER_WITHIN], words].concat()).await
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
        Some(format!("the operator says of {name}: {message}"))
    });
    degraded.collect()
}

/// Returns its pods, as JSON.
async fn of_namespace(space: &Space, namespace: &str, into: &Path) -> Seen<String> {
    fs::create_dir_all(into)?;
    for (file, words) in VIEWS {
        let there = ["--namespace", namespace];
        let run = kubectl(space, &[&there[..], words].concat()).await?;
        fs::write(into.join(file), run.out + &run.err)?;
    }
    let pods = ["--namespace", namespace, "get", "pods", "-o", "json"];
    let pods = kubectl(space, &pods).await?.ok()?;
    for name in state::names(&pods) {
        if let Err(error) = of_pod(space, namespace, &name, into).await {
            fs::write(into.join(format!("{name}.error")), error.to_string())?;
        }
    }
    Ok(pods)
}

async fn of_pod(space: &Space, namespace: &str, name: &str, into: &Path) -> Seen<()> {
    let logs = ["--namespace", namespace, "logs", name, LINES];
    let logs = [&logs[..], &["--all-containers"]].concat();
    for (suffix, more) in [("log", None), ("before.log", Some("--previous"))] {
        let mut words = logs.clone();
        words.extend(more);
        let log = kubectl(space, &words).await?;
        if log.success {
            fs::write(into.join(format!("{name}.{suffix}")), log.out)?;
        }
    }
    let port = if namespace == OPERATOR_NAMESPACE {
        8080
    } else {
        9093
    };
    let page = format!("/api/v1/namespaces/{namespace}/pods/{name}:{port}/proxy/metrics");
    let metrics = kubectl(space, &["get", "--raw", &page]).await?;
    if metrics.success {
        fs::write(into.join(format!("{name}.metrics")), metrics.out)?;
    }
    Ok(())
}

fn summary(name: &str, folder: &Path, causes: &[String]) -> String {
    let folder = folder.display();
    let head = format!("\n{name} failed; what was there: {folder}\n");
    if causes.is_empty() {
        return head + "  nothing that Kubernetes tells points at a cause: see panic and logs\n";
    }
    let lines: Vec<String> = causes.iter().map(|cause| format!("  {cause}\n")).collect();
    head + &lines.concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_summary_says_where_to_look_when_nothing_is_known() {
        let text = summary("x", Path::new("d"), &[]);
        assert!(text.contains("see panic"), "{text}");
        let text = summary("x", Path::new("d"), &["a cause".to_owned()]);
        assert!(text.ends_with("  a cause\n"), "{text}");
    }
}
