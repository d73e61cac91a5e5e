//! The objects that a PushManager is made of: what they are, in which order they are applied, and
//! how each is built. Pure.
//!
//! A new child is one function and one line of `CHILDREN` in the file of its subject; the order,
//! the watches, the permissions, the removal when it is no longer wanted all follow from the list.

#![allow(
    clippy::unnecessary_wraps,
    reason = "all children are built by functions of one shape"
)]

mod configuration;
mod monitoring;
mod network;
mod scaling;
mod workload;

pub(crate) use network::endpoints;
pub(crate) use scaling::AUTOSCALER;
pub(crate) use workload::DEPLOYMENT;

use serde_json::{Map, Value, json};

use crate::{
    api::{GROUP, KIND, PushManagerSpec, VERSION},
    names,
    settings::Settings,
};

/// A kind of object that children are of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Kind {
    /// The API group; empty for the core's.
    pub group: &'static str,
    /// Its version.
    pub version: &'static str,
    /// The kind's name.
    pub kind: &'static str,
    /// The name in URLs and in roles.
    pub plural: &'static str,
    /// Whether a cluster may not know it.
    pub optional: bool,
}

impl Kind {
    /// One that every cluster knows.
    const fn known(
        group: &'static str,
        version: &'static str,
        kind: &'static str,
        plural: &'static str,
    ) -> Self {
        Self {
            group,
            version,
            kind,
            plural,
            optional: false,
        }
    }

    /// `apps/v1`, or `v1` for the core's.
    pub fn api_version(&self) -> String {
        match self.group {
            "" => self.version.to_owned(),
            group => format!("{group}/{}", self.version),
        }
    }
}

/// One child.
#[derive(Clone, Copy, Debug)]
pub struct Child {
    /// What it is.
    pub kind: Kind,
    /// What follows the PushManager's name in its own.
    pub suffix: &'static str,
    /// Whether pods are left alone while it can't be written.
    pub needed: bool,
    /// Builds it, without what all children share; nothing when it is not wanted.
    pub build: fn(&Wanted<'_>) -> Option<Value>,
}

/// All that a child is built from.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    /// The PushManager's name.
    pub name: &'a str,
    /// Its namespace.
    pub namespace: &'a str,
    /// Its identity, which children name as their owner; without one they have none.
    pub uid: Option<&'a str>,
    /// What the user wrote.
    pub spec: &'a PushManagerSpec,
    /// What was made of it.
    pub settings: &'a Settings,
    /// How many pods to ask for; nothing when someone else decides.
    pub replicas: Option<i32>,
}

/// All children in the order in which they are applied: what others need comes first.
pub fn all() -> impl Iterator<Item = &'static Child> {
    [
        configuration::CHILDREN,
        network::CHILDREN,
        workload::CHILDREN,
        scaling::CHILDREN,
        monitoring::CHILDREN,
    ]
    .into_iter()
    .flatten()
}

/// The kinds of all children, each once.
pub fn kinds() -> Vec<Kind> {
    let mut kinds: Vec<Kind> = all().map(|child| child.kind).collect();
    kinds.sort_unstable();
    kinds.dedup();
    kinds
}

impl Child {
    /// The name of this child of a PushManager.
    pub fn name(&self, of: &str) -> String {
        format!("{of}{}", self.suffix)
    }

    /// The whole object, as it is applied; nothing when it is not wanted.
    pub fn object(&self, wanted: &Wanted<'_>) -> Option<Value> {
        let built = (self.build)(wanted)?;
        let mut object = Map::new();
        object.insert("apiVersion".to_owned(), self.kind.api_version().into());
        object.insert("kind".to_owned(), self.kind.kind.into());
        object.insert("metadata".to_owned(), self.metadata(wanted));
        if let Value::Object(built) = built {
            for (key, value) in built {
                match (key.as_str(), object.get_mut("metadata"), value) {
                    ("metadata", Some(metadata), Value::Object(extra)) => merge(metadata, extra),
                    (_, _, value) => drop(object.insert(key, value)),
                }
            }
        }
        Some(Value::Object(object))
    }

    fn metadata(&self, wanted: &Wanted<'_>) -> Value {
        let owner = wanted.uid.map(|uid| {
            json!([{
                "apiVersion": format!("{GROUP}/{VERSION}"),
                "kind": KIND,
                "name": wanted.name,
                "uid": uid,
                "controller": true,
            }])
        });
        without_blanks(json!({
            "name": self.name(wanted.name),
            "namespace": wanted.namespace,
            "labels": names::labels(wanted.name),
            "ownerReferences": owner,
        }))
    }
}

/// Adds labels and annotations to what all children share.
fn merge(metadata: &mut Value, extra: Map<String, Value>) {
    for (key, value) in extra {
        match (metadata.get_mut(&key), value) {
            (Some(Value::Object(there)), Value::Object(more)) => {
                for (name, value) in more {
                    there.entry(name).or_insert(value);
                }
            }
            (_, value) => metadata[&key] = value,
        }
    }
}

/// An object's fields that say something: what is null or an empty map is left out.
fn without_blanks(mut value: Value) -> Value {
    if let Value::Object(fields) = &mut value {
        fields.retain(|_, value| match value {
            Value::Null => false,
            Value::Object(fields) => !fields.is_empty(),
            Value::Array(entries) => !entries.is_empty(),
            Value::Bool(_) | Value::Number(_) | Value::String(_) => true,
        });
    }
    value
}
