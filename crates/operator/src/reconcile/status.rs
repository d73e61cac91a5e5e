//! Step five: tells what came of it, in the status and in events; writes only what changed.

use kube::{
    Api, ResourceExt,
    api::{Patch, PatchParams},
    core::error_boundary::InvalidObject,
    runtime::controller::Action,
};
use serde_json::{Value, json};

use super::{Context, Failure, apply::Applied, dereference};
use crate::{
    api::{GROUP, KIND, PushManager, VERSION},
    conditions::{self, Rollout, Seen},
    events::Subject,
    names::OPERATOR,
    pods::Complaint,
};

/// How many pods may be away where the spec does not say.
const USUALLY_AWAY: i32 = 1;

pub(super) async fn tell(
    context: &Context,
    pm: &PushManager,
    pods: Vec<Complaint>,
    applied: &Applied,
) -> Result<(), Failure> {
    if applied.leaving {
        return Ok(());
    }
    let (name, namespace) = (pm.name_any(), pm.namespace().unwrap_or_default());
    let before = context.told.of(pm);
    let deployment = dereference::deployment(context, pm);
    let seen = Seen {
        name: &name,
        namespace: &namespace,
        pods,
        ..seen(pm, deployment.as_ref(), applied)
    };
    let now = k8s_openapi::jiff::Timestamp::now();
    let status = conditions::status(&seen, before.as_ref(), now);
    let subject = Subject::of(&name, &namespace, &pm.metadata);
    context
        .events
        .changed(&subject, applied.changes.as_slice())
        .await;
    if before.as_ref() == Some(&status) {
        return Ok(());
    }
    let patched = patch(context, &name, &namespace, &json!(status)).await?;
    context.told.note(&patched, status.clone());
    context
        .events
        .turned(&subject, before.as_ref(), &status)
        .await;
    Ok(())
}

fn seen(
    pm: &PushManager,
    deployment: Option<&dereference::Deployment>,
    applied: &Applied,
) -> Seen<'static> {
    let count = deployment.and_then(|there| there.value["spec"]["replicas"].as_i64());
    let count = count.and_then(|count| i32::try_from(count).ok());
    // What the Deployment asks for: an autoscaler may have decided it, or a spec that is invalid
    // or paused is not carried out.
    let desired = count.unwrap_or(pm.spec.replicas);
    let advice = applied
        .settings
        .iter()
        .flat_map(|settings| settings.advice.clone());
    Seen {
        generation: pm.metadata.generation,
        desired,
        tolerated: tolerated(pm, desired),
        rollout: deployment.map(|there| Rollout::of(&there.value)),
        obstacles: applied.obstacles.clone(),
        waiting: applied.failure.as_ref().and_then(Failure::waiting),
        advice: advice.chain(applied.skipped.clone()).collect(),
        paused: applied.paused.clone(),
        hash: applied
            .settings
            .as_ref()
            .map(|settings| settings.hash.clone()),
        ..Seen::default()
    }
}

fn tolerated(pm: &PushManager, desired: i32) -> i32 {
    use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
    match pm.spec.disruption.as_ref().map(|d| &d.max_unavailable) {
        None => USUALLY_AWAY,
        Some(IntOrString::Int(count)) => *count,
        Some(IntOrString::String(share)) => {
            let percent = share.trim_end_matches('%').parse().unwrap_or(0);
            desired.saturating_mul(percent) / 100
        }
    }
}

/// An object that is stored but can't be read, e.g. since an older definition took it.
pub(super) async fn unreadable(
    context: &Context,
    invalid: &InvalidObject,
) -> Result<Action, Failure> {
    let metadata = &invalid.metadata;
    let name = metadata.name.clone().unwrap_or_default();
    let namespace = metadata.namespace.clone().unwrap_or_default();
    let status = conditions::unreadable(metadata.generation, &invalid.error);
    if context.told.says(metadata, &status) {
        return Ok(Action::await_change());
    }
    let patched = patch(context, &name, &namespace, &json!(status)).await?;
    context.told.note(&patched, status.clone());
    let subject = Subject::of(&name, &namespace, metadata);
    context.events.turned(&subject, None, &status).await;
    Ok(Action::await_change())
}

/// Server-side apply, so that what others may put into a status stays theirs.
async fn patch(
    context: &Context,
    name: &str,
    namespace: &str,
    status: &Value,
) -> Result<kube::core::PartialObjectMeta<PushManager>, Failure> {
    let api: Api<kube::core::PartialObjectMeta<PushManager>> =
        Api::namespaced(context.client.clone(), namespace);
    let whole = json!({
        "apiVersion": format!("{GROUP}/{VERSION}"),
        "kind": KIND,
        "metadata": {"name": name},
        "status": status,
    });
    let params = PatchParams::apply(OPERATOR).force();
    let patch = Patch::Apply(&whole);
    let call = api.patch_status(name, &params, &patch);
    context
        .calling(format!("telling the status of {name}"), call)
        .await
}
