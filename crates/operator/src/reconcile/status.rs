//! Step five: tells what came of it, in the status and in events; writes only what changed.

use std::time::Duration;

use k8s_openapi::jiff::Timestamp;
use kube::{
    Api, ResourceExt,
    api::{Patch, PatchParams},
    core::error_boundary::InvalidObject,
    runtime::controller::Action,
};
use serde_json::{Value, json};

use super::{
    Context, Failure,
    apply::Applied,
    dereference::{self, Facts},
};
use crate::{
    api::{Condition, GROUP, KIND, PushManager, PushManagerStatus, VERSION},
    children::{AUTOSCALER, Kind},
    conditions::{self, Rollout, Seen},
    events::Subject,
    live::Place,
    names::{self, OPERATOR},
    pods::Complaint,
};

/// How long nothing may happen before a PushManager is looked at again: at what the watches know.
const RESYNC: Duration = Duration::from_mins(20);
/// How many pods may be away where the spec does not say.
const USUALLY_AWAY: i32 = 1;
/// So many failures in a row are worth being told.
const OFTEN: u32 = 2;

const PUSH_MANAGER: Kind = Kind {
    group: GROUP,
    version: VERSION,
    kind: KIND,
    plural: "pushmanagers",
    optional: false,
};

/// Tells, and says when to look again.
pub(super) async fn status(
    context: &Context,
    pm: &PushManager,
    facts: Facts,
    applied: Applied,
) -> Result<Action, Failure> {
    tell(context, pm, facts.pods, &applied).await?;
    match applied.failure {
        Some(_) if applied.leaving => Ok(Action::await_change()),
        Some(failure) => Err(failure),
        // Half of it is chance, so that a thousand do not come at once.
        None => Ok(Action::requeue(
            RESYNC.mul_f64(0.5 + rand::random::<f64>() / 2.0),
        )),
    }
}

async fn tell(
    context: &Context,
    pm: &PushManager,
    pods: Vec<Complaint>,
    applied: &Applied,
) -> Result<(), Failure> {
    if applied.leaving {
        return Ok(());
    }
    let (name, namespace) = (pm.name_any(), pm.namespace().unwrap_or_default());
    let place = (namespace.clone(), name.clone());
    let before = context.told.of(pm);
    let deployment = dereference::deployment(context, pm);
    let often = context.backoffs.failures(&place) >= OFTEN;
    let mut seen = Seen {
        name: &name,
        namespace: &namespace,
        pods,
        ..seen(pm, deployment.as_ref(), applied, often)
    };
    seen.advice.extend(autoscaler(context, &namespace, &name));
    let status = conditions::status(&seen, before.as_ref(), Timestamp::now());
    let subject = Subject::of(&name, &namespace, &pm.metadata);
    context
        .events
        .changed(&subject, applied.changes.as_slice())
        .await;
    write(context, &place, &subject, before, status).await
}

/// Writes what is not written yet. What others put beside it is no difference.
async fn write(
    context: &Context,
    (namespace, name): &Place,
    subject: &Subject,
    before: Option<PushManagerStatus>,
    status: PushManagerStatus,
) -> Result<(), Failure> {
    let ours = |condition: &Condition| status.conditions.iter().any(|c| c.type_ == condition.type_);
    let mut same = before.clone();
    if let Some(before) = &mut same {
        before.conditions.retain(ours);
    }
    if same.as_ref() == Some(&status) {
        return Ok(());
    }
    let patched = patch(context, name, namespace, &json!(status)).await?;
    context.metrics.wrote(KIND);
    context.told.note(&patched, status.clone());
    context
        .events
        .turned(subject, before.as_ref(), &status)
        .await;
    Ok(())
}

/// What keeps an autoscaler from its work.
fn autoscaler(context: &Context, namespace: &str, name: &str) -> Option<String> {
    let live = context.live.get(AUTOSCALER, namespace, name)?.value();
    let conditions = live["status"]["conditions"].as_array()?;
    let inactive = |c: &&Value| c["type"] == "ScalingActive" && c["status"] == "False";
    let condition = conditions.iter().find(inactive)?;
    let said = condition["message"].as_str().unwrap_or_default();
    Some(format!("the autoscaler can't scale: {said}"))
}

fn seen(
    pm: &PushManager,
    deployment: Option<&dereference::Deployment>,
    applied: &Applied,
    often: bool,
) -> Seen<'static> {
    let count = deployment.and_then(|there| there.value["spec"]["replicas"].as_i64());
    let count = count.and_then(|count| i32::try_from(count).ok());
    let pending = applied
        .paused
        .as_ref()
        .is_some_and(|pending| !pending.is_empty());
    // What the Deployment asks for: an autoscaler may have decided it, or a spec that is invalid
    // or paused is not carried out.
    let desired = count.unwrap_or(pm.spec.replicas);
    // Not before pods carry it.
    let carried = deployment.and_then(|there| {
        let template = &there.value["spec"]["template"]["metadata"];
        template["annotations"][names::config_hash()].as_str()
    });
    let waiting = applied.failure.as_ref().and_then(Failure::waiting);
    let failing = applied.failure.as_ref().filter(|_| often);
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
        waiting: waiting.or_else(|| failing.map(ToString::to_string)),
        is_held_up: applied.settings.is_none() || pending || !applied.obstacles.is_empty(),
        advice: advice.chain(applied.skipped.clone()).collect(),
        paused: applied.paused.clone(),
        hash: carried.map(str::to_owned),
        ..Seen::default()
    }
}

fn tolerated(pm: &PushManager, desired: i32) -> i32 {
    use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
    match pm.spec.disruption.as_ref().map(|d| &d.max_unavailable) {
        None => USUALLY_AWAY,
        Some(IntOrString::Int(count)) => *count,
        Some(IntOrString::String(share)) => {
            // Rounded up, as the disruption budget is.
            let percent = share.trim_end_matches('%').parse().unwrap_or(0);
            (desired.saturating_mul(percent) + 99) / 100
        }
    }
}

/// An object that is stored but can't be read, e.g. since an older definition took it. What runs
/// is told as before.
pub(super) async fn unreadable(
    context: &Context,
    invalid: &InvalidObject,
) -> Result<Action, Failure> {
    let metadata = &invalid.metadata;
    let name = metadata.name.clone().unwrap_or_default();
    let namespace = metadata.namespace.clone().unwrap_or_default();
    let uid = metadata.uid.clone().unwrap_or_default();
    let deployment = dereference::deployment_of(context, &namespace, &name, &uid);
    let count = deployment
        .as_ref()
        .and_then(|there| there.value["spec"]["replicas"].as_i64());
    let seen = Seen {
        name: &name,
        namespace: &namespace,
        generation: metadata.generation,
        desired: count
            .and_then(|count| i32::try_from(count).ok())
            .unwrap_or(0),
        tolerated: USUALLY_AWAY,
        rollout: deployment.map(|there| Rollout::of(&there.value)),
        is_held_up: true,
        obstacles: vec![Complaint {
            reason: "Unreadable",
            message: format!(
                "the object can't be read, and everything stays as it is: {}",
                invalid.error
            ),
        }],
        ..Seen::default()
    };
    let api = context.api(PUSH_MANAGER, &namespace);
    let stored = context
        .calling(format!("reading {name}"), api.get(&name))
        .await?;
    let before = serde_json::from_value(stored.data["status"].clone()).ok();
    let status = conditions::status(&seen, before.as_ref(), Timestamp::now());
    let subject = Subject::of(&name, &namespace, metadata);
    write(
        context,
        &(namespace.clone(), name.clone()),
        &subject,
        before,
        status,
    )
    .await?;
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
