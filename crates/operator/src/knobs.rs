//! Which field of the resource sets which knob of the server.
//!
//! Nothing here knows a knob's default, bounds or meaning: those are in `crates/config`.

use std::collections::BTreeMap;

use push_manager_config::{Knob, Override, knobs};
use serde_json::Value;

use crate::api::PushManagerSpec;

/// Where a knob is found below `spec`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// The object, e.g. `fanout`.
    pub section: &'static str,
    /// The field in it, e.g. `queueBytes`.
    pub name: String,
}

/// The field that sets a knob; none where the operator sets it, or a Secret does.
pub fn field(knob: &'static Knob) -> Option<Field> {
    let named = |section, name: &str| {
        let name = name.to_owned();
        Some(Field { section, name })
    };
    match knob.key {
        "log.level" => named("observability", "logLevel"),
        "log.format" => named("observability", "logFormat"),
        "tracing.endpoint" => named("observability", "otlpEndpoint"),
        "tracing.sample_ratio" => named("observability", "sampling"),
        "tracing.service_name" => named("observability", "serviceName"),
        "admin.least_usable_ratio" => named("admin", &camel(knob.name())),
        "etcd.username" | "etcd.password" => None,
        _ => match knob.section() {
            "manager" | "grpc" | "metrics" | "admin" | "advertise" => None,
            section => named(section, &camel(knob.name())),
        },
    }
}

/// What a knob is in a cluster where its field is not given: the operator's own word where it has
/// one, the server's default otherwise, nothing where the field is required.
pub fn default_of(knob: &Knob) -> Option<String> {
    match knob.key {
        "etcd.endpoints" | "controller.address" => None,
        key => Some(
            OPERATOR_DEFAULTS
                .iter()
                .find(|(name, _)| *name == key)
                .map_or_else(|| knob.default_text(), |(_, value)| (*value).to_owned()),
        ),
    }
}

/// What the operator gives where the user does not. It is part of the configuration and its hash:
/// a change here restarts every instance whose PushManager does not set the field.
pub(crate) const OPERATOR_DEFAULTS: [(&str, &str); 1] = [
    // Connections of callers are renewed so often, so that new pods get callers too.
    ("limits.connection_age", "5m"),
];

/// Whether a knob may have this word in a cluster.
pub fn takes(knob: &Knob, word: &str) -> bool {
    // Made for development in one process.
    !(knob.key == "discovery.kind" && word == "memory")
}

/// All fields that set a knob.
pub fn fields() -> impl Iterator<Item = (Field, &'static Knob)> {
    knobs()
        .iter()
        .filter_map(|knob| field(knob).map(|field| (field, knob)))
}

/// What a spec gives for knobs, named by its fields, in the order of the table of knobs. A field
/// that is no knob's is given under its own name, so that loading refuses it.
pub(crate) fn given(spec: &PushManagerSpec) -> Vec<Override> {
    let mut rest = sections(spec);
    let mut given = Vec::new();
    for (field, knob) in fields() {
        let value = rest
            .get_mut(field.section)
            .and_then(|section| section.remove(&field.name));
        if let Some(value) = value.filter(|value| !value.is_null()) {
            let flag = format!("spec.{}.{}", field.section, field.name);
            given.push(Override::named(flag, knob.key, text(&value)));
        }
    }
    for (section, left) in rest {
        for (name, value) in left {
            let flag = format!("spec.{section}.{name}");
            given.push(Override::named(
                flag,
                format!("{section}.{name}"),
                text(&value),
            ));
        }
    }
    given
}

fn sections(spec: &PushManagerSpec) -> BTreeMap<&'static str, BTreeMap<String, Value>> {
    let etcd = spec.etcd.as_ref().map(|etcd| {
        let mut knobs = etcd.knobs.clone();
        if etcd.prefix.is_some() {
            knobs.remove("prefix");
        }
        knobs
    });
    let observability = spec.observability.as_ref().map(|o| o.knobs.clone());
    let mut sections = BTreeMap::from([
        ("etcd", etcd.unwrap_or_default()),
        ("controller", spec.controller.clone()),
        ("discovery", spec.discovery.clone()),
        ("registration", spec.registration.clone()),
        ("pool", spec.pool.clone()),
        ("fanout", spec.fanout.clone()),
        ("routing", spec.routing.clone()),
        ("limits", spec.limits.clone()),
        ("drain", spec.drain.clone()),
        ("admin", spec.admin.clone()),
        ("observability", observability.unwrap_or_default()),
    ]);
    if let Some(prefix) = spec.etcd.as_ref().and_then(|etcd| etcd.prefix.clone()) {
        let discovery = sections.entry("discovery").or_default();
        discovery
            .entry("prefixes".to_owned())
            .or_insert(Value::String(prefix));
    }
    sections
}

/// A value as one would write it in a variable.
fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(entries) => {
            let entries: Vec<String> = entries.iter().map(text).collect();
            entries.join(",")
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => value.to_string(),
    }
}

/// `queue_bytes` as a field's name: `queueBytes`.
fn camel(name: &str) -> String {
    let mut words = name.split('_');
    let mut camel = words.next().unwrap_or_default().to_owned();
    for word in words {
        let (first, rest) = word.split_at(word.len().min(1));
        camel.push_str(&first.to_ascii_uppercase());
        camel.push_str(rest);
    }
    camel
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_written_as_kubernetes_does() {
        assert_eq!(camel("connections_per_node"), "connectionsPerNode");
        assert_eq!(camel("ttl"), "ttl");
    }
}
