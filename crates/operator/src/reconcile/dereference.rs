//! Step one: what is known of a PushManager's children and pods. From the watches alone.

use std::sync::Arc;

use kube::ResourceExt;
use serde_json::Value;

use super::Context;
use crate::{
    api::PushManager,
    children::{self, Child, DEPLOYMENT},
    live::Live,
    pods::Complaint,
};

/// What was seen, at one moment.
#[derive(Debug)]
pub(super) struct Facts {
    /// Each child with what the watches know of it.
    pub(super) children: Vec<(&'static Child, Option<Arc<Live>>)>,
    /// The Deployment, where it is ours.
    pub(super) deployment: Option<Deployment>,
    /// How many pods were wanted when that was told last: the watch tells of it later than it may
    /// be needed.
    pub(super) desired_before: i32,
    /// What pods complain of.
    pub(super) pods: Vec<Complaint>,
}

/// The Deployment that is there.
#[derive(Debug)]
pub(super) struct Deployment {
    /// As it is.
    pub(super) value: Value,
    /// Its version.
    pub(super) version: u64,
    /// Who but us set its replicas.
    pub(super) scaled_by: Option<String>,
}

pub(super) fn dereference(context: &Context, pm: &PushManager) -> Facts {
    let (name, namespace) = (pm.name_any(), pm.namespace().unwrap_or_default());
    let known = |child: &'static Child| {
        let live = context.live.get(child.kind, &namespace, &child.name(&name));
        (child, live)
    };
    let children: Vec<_> = children::all().map(known).collect();
    Facts {
        children,
        deployment: deployment(context, pm),
        desired_before: context.told.of(pm).map_or(0, |told| told.desired_replicas),
        pods: context.pods.of(&namespace, &name),
    }
}

/// The Deployment as it is known now: after it was applied, as it was stored.
pub(super) fn deployment(context: &Context, pm: &PushManager) -> Option<Deployment> {
    let (name, namespace) = (pm.name_any(), pm.namespace().unwrap_or_default());
    deployment_of(context, &namespace, &name, &pm.uid().unwrap_or_default())
}

/// That of the PushManager of this place and identity.
pub(super) fn deployment_of(
    context: &Context,
    namespace: &str,
    name: &str,
    uid: &str,
) -> Option<Deployment> {
    let live = context.live.get(DEPLOYMENT, namespace, name)?;
    (live.is_of(uid) && !live.going).then(|| Deployment {
        value: live.value(),
        version: live.version,
        scaled_by: live.scaled_by.clone(),
    })
}
