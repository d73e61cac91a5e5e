//! What is there, for the message of a failed test.

use std::fmt::Write;
use std::time::Duration;

use kube::api::{DynamicObject, ListParams};
use kube::core::Status;
use kube::discovery::{ApiGroup, ApiResource, Discovery, Scope, verbs};
use kube::{Api, Client};
use serde_json::Value;
use tokio::time::timeout;

use crate::Cluster;
use crate::cluster::{API_SERVER, CONTROLLERS};
use crate::files::tail;

/// A paused API server answers nothing.
const LIST_WITHIN: Duration = Duration::from_secs(10);
const LOG_LINES: usize = 30;
/// Some lines hold whole objects.
const LINE_CHARS: usize = 300;

impl Cluster {
    /// The objects of a namespace with their conditions, its events, and the ends
    /// of the logs.
    pub async fn dump(&self, namespace: &str) -> String {
        let client = self.client().await;
        let mut text = format!("== namespace {namespace} ==\n");
        match timeout(LIST_WITHIN, objects(&client, namespace)).await {
            Ok(Ok(objects)) => text += &objects,
            Ok(Err(error)) => line(&mut text, format_args!("can't be listed: {error}")),
            Err(late) => line(&mut text, format_args!("can't be listed: {late}")),
        }
        for process in [API_SERVER, CONTROLLERS] {
            line(&mut text, format_args!("== log of {process} =="));
            for logged in tail(&self.files().log(process), LOG_LINES).lines() {
                let short = logged.chars().take(LINE_CHARS).collect::<String>();
                line(&mut text, format_args!("{short}"));
            }
        }
        text
    }
}

async fn objects(client: &Client, namespace: &str) -> Result<String, kube::Error> {
    let (mut text, mut events) = (String::new(), String::new());
    let discovery = Discovery::new(client.clone()).run().await?;
    let groups = discovery.groups();
    for (resource, capabilities) in groups.flat_map(ApiGroup::recommended_resources) {
        let namespaced = capabilities.scope == Scope::Namespaced;
        if !namespaced || !capabilities.supports_operation(verbs::LIST) {
            continue;
        }
        for object in list(client, namespace, &resource).await? {
            match (resource.kind.as_str(), resource.group.as_str()) {
                ("Event", "") => describe_event(&mut events, &object),
                // The same once more.
                ("Event", _) => {}
                (kind, _) => describe(&mut text, kind, &object),
            }
        }
    }
    Ok(format!("{text}== events ==\n{events}"))
}

async fn list(
    client: &Client,
    namespace: &str,
    resource: &ApiResource,
) -> Result<Vec<DynamicObject>, kube::Error> {
    let api: Api<DynamicObject> = Api::namespaced_with(client.clone(), namespace, resource);
    match api.list(&ListParams::default()).await {
        Ok(list) => Ok(list.items),
        // Removed since the API server told of it.
        Err(kube::Error::Api(status)) if is_gone(&status) => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

fn is_gone(status: &Status) -> bool {
    status.code == 404
}

fn describe(text: &mut String, kind: &str, object: &DynamicObject) {
    let name = object.metadata.name.as_deref().unwrap_or_default();
    let status = &object.data["status"];
    let phase = status["phase"].as_str().unwrap_or_default();
    line(text, format_args!("{kind} {name} {phase}"));
    for condition in status["conditions"].as_array().into_iter().flatten() {
        let [kind, met, reason, message] =
            ["type", "status", "reason", "message"].map(|field| word(condition, field));
        line(text, format_args!("    {kind}={met} {reason} {message}"));
    }
    for container in status["containerStatuses"].as_array().into_iter().flatten() {
        let (name, state) = (word(container, "name"), &container["state"]);
        line(text, format_args!("    container {name}: {state}"));
    }
}

fn describe_event(text: &mut String, event: &DynamicObject) {
    let about = &event.data["involvedObject"];
    let (kind, name) = (word(about, "kind"), word(about, "name"));
    let (reason, message) = (word(&event.data, "reason"), word(&event.data, "message"));
    line(text, format_args!("{kind} {name}: {reason}: {message}"));
}

fn word<'a>(value: &'a Value, field: &str) -> &'a str {
    value[field].as_str().unwrap_or_default()
}

fn line(text: &mut String, arguments: std::fmt::Arguments<'_>) {
    writeln!(text, "{arguments}").expect("a string takes all");
}
