//! The environment: the contract's variables, a `PM_` variable per knob, and strangers among these.

use std::collections::BTreeMap;

use crate::given::{Given, plain};
use crate::knob::{Kind, Knob};
use crate::knobs::knobs;
use crate::nearest::nearest;

/// The start of variables that are ours by name.
const PREFIX: &str = "PM_";
/// Most warnings about variables that are not ours.
const MAX_STRANGERS: usize = 20;

/// A knob that a variable sets.
pub(crate) struct Entry {
    pub(crate) knob: &'static Knob,
    pub(crate) given: Given,
    pub(crate) variable: String,
}

/// The knobs set by `env`; empty variables count as unset.
pub(crate) fn entries(env: &BTreeMap<String, String>, warnings: &mut Vec<String>) -> Vec<Entry> {
    let get = |name: &str| env.get(name).filter(|value| !value.trim().is_empty());
    let mut entries = Vec::new();
    for knob in knobs() {
        let own = knob.pm_env();
        let contract = knob
            .env
            .and_then(|name| get(name).map(|value| (name, value)));
        let (variable, value) = match (contract, get(&own)) {
            (Some((name, value)), Some(other)) if value.trim() != other.trim() => {
                warnings.push(format!(
                    "env {own}: {} is set too, to another value, and wins",
                    plain(name)
                ));
                (name.to_owned(), value)
            }
            (Some((name, value)), _) => (name.to_owned(), value),
            (None, Some(value)) => (own, value),
            (None, None) => continue,
        };
        entries.push(Entry {
            knob,
            given: Given::Text(value.clone()),
            variable,
        });
    }
    strangers(env, warnings);
    entries
}

/// Warns about `PM_` variables that no knob has. They are no errors, since Kubernetes
/// sets `PM_SERVICE_HOST` and the like for a Service named `pm`.
fn strangers(env: &BTreeMap<String, String>, warnings: &mut Vec<String>) {
    let known: Vec<String> = knobs().iter().map(Knob::pm_env).collect();
    let unknown = env
        .iter()
        .filter(|(name, value)| name.starts_with(PREFIX) && !value.trim().is_empty())
        .map(|(name, _)| name)
        .filter(|name| !known.contains(name));
    let mut left_out = 0_usize;
    for (index, name) in unknown.enumerate() {
        if index >= MAX_STRANGERS {
            left_out += 1;
            continue;
        }
        let meant = nearest(name, known.iter().map(String::as_str))
            .map_or_else(String::new, |near| format!("; did you mean {near}?"));
        warnings.push(format!("env {}: sets no knob{meant}", plain(name)));
    }
    if left_out > 0 {
        warnings.push(format!(
            "env: {left_out} more {PREFIX}* variables set no knob"
        ));
    }
}

/// What to mend when a port is the link that Kubernetes injects for a Service of that name.
pub(crate) fn service_link_hint(knob: &Knob, variable: &str, given: &Given) -> Option<String> {
    let Given::Text(text) = given else {
        return None;
    };
    if knob.kind != Kind::Port || !text.trim_start().starts_with("tcp://") {
        return None;
    }
    let service = variable
        .strip_suffix("_PORT")?
        .to_ascii_lowercase()
        .replace('_', "-");
    Some(format!(
        "this looks like the link that Kubernetes injects for a Service named {service}: \
         rename the Service or set enableServiceLinks: false on the pod"
    ))
}
