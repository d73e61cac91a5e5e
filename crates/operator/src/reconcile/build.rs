//! Step three: the children as they should be. Pure.

use kube::ResourceExt;
use serde_json::Value;

use super::dereference::{Deployment, Facts};
use crate::{
    api::{Autoscaling, PushManager},
    children::{self, Child, Wanted},
    settings::Settings,
};

/// Each child as it should be, in the order in which they are applied; nothing where it should
/// not be.
#[derive(Debug)]
pub(super) struct Children(pub(super) Vec<(&'static Child, Option<Value>)>);

impl Children {
    pub(super) fn build(pm: &PushManager, settings: &Settings, facts: &Facts) -> Self {
        let (name, namespace) = (pm.name_any(), pm.namespace().unwrap_or_default());
        let wanted = Wanted {
            name: &name,
            namespace: &namespace,
            uid: pm.metadata.uid.as_deref(),
            spec: &pm.spec,
            settings,
            replicas: replicas(pm, facts.deployment.as_ref()),
        };
        Self(
            children::all()
                .map(|child| (child, child.object(&wanted)))
                .collect(),
        )
    }
}

/// How many pods to ask for. While an autoscaler is wanted, its word counts as soon as it said
/// something; until then what runs goes on running: to say nothing too early would mean one.
fn replicas(pm: &PushManager, there: Option<&Deployment>) -> Option<i32> {
    let Some(scaling) = &pm.spec.autoscaling else {
        return Some(pm.spec.replicas);
    };
    match there {
        Some(there) if there.scaled_by.is_some() => None,
        Some(there) => Some(running(there, scaling)),
        None => Some(between(pm.spec.replicas, scaling)),
    }
}

fn running(there: &Deployment, scaling: &Autoscaling) -> i32 {
    let count = there.value["spec"]["replicas"].as_i64();
    match count.and_then(|count| i32::try_from(count).ok()) {
        // An autoscaler leaves what is at 0 alone.
        None | Some(0) => scaling.min_replicas,
        Some(count) => count,
    }
}

fn between(replicas: i32, scaling: &Autoscaling) -> i32 {
    replicas.max(scaling.min_replicas).min(scaling.max_replicas)
}
