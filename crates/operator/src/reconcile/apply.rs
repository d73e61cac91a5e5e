//! Step four: writes what differs, and nothing else.

mod plan;
mod write;

use kube::ResourceExt;

use super::{
    Context, Failure,
    build::{Built, Children},
    dereference::Facts,
};
use crate::{
    api::PushManager,
    children::Child,
    pods::Complaint,
    settings::{Invalid, Settings},
};
use plan::{Plan, plan};
use write::{Done, Write};

/// What came of it.
#[derive(Debug, Default)]
pub(super) struct Applied {
    /// What was made of the spec; nothing when it is invalid.
    pub(super) settings: Option<Settings>,
    /// What was written, e.g. `updated Deployment push (spec.replicas)`.
    pub(super) changes: Vec<String>,
    /// What stood in the way and people must mend.
    pub(super) obstacles: Vec<Complaint>,
    /// What is left out because the cluster does not know it.
    pub(super) skipped: Vec<String>,
    /// While paused: what would have been written.
    pub(super) paused: Option<Vec<String>>,
    /// Why to try again soon.
    pub(super) failure: Option<Failure>,
    /// Whether the namespace is being deleted: nothing more is to be done.
    pub(super) leaving: bool,
}

impl Applied {
    /// Of a spec that can't be carried out: everything stays as it is.
    fn invalid(invalid: &Invalid, paused: bool) -> Self {
        Self {
            // What would be changed is not known.
            paused: paused.then(Vec::new),
            obstacles: vec![Complaint {
                reason: "InvalidSpec",
                message: invalid.to_string(),
            }],
            ..Self::default()
        }
    }

    /// Of a spec that is not to be carried out now.
    fn pending(
        context: &Context,
        pm: &PushManager,
        children: &Children,
        facts: &Facts,
        settings: Settings,
    ) -> Self {
        let (name, uid) = (pm.name_any(), pm.uid().unwrap_or_default());
        let planned = children.0.iter().zip(&facts.children);
        let waiting = planned.filter_map(|((child, wanted), (_, live))| {
            let known = context.kinds.knows(child.kind);
            let plan = plan(wanted.as_ref(), live.as_deref(), (&name, &uid), known);
            let name = child.name(&name);
            plan.told()
                .map(|plan| format!("{plan} {} {name}", child.kind.kind))
        });
        Self {
            paused: Some(waiting.collect()),
            settings: Some(settings),
            ..Self::default()
        }
    }
}

/// Nothing while the spec is invalid or paused.
pub(super) async fn apply(
    context: &Context,
    pm: &PushManager,
    facts: &Facts,
    built: Built,
) -> Applied {
    match built {
        Err(invalid) => Applied::invalid(&invalid, pm.spec.paused),
        Ok((children, settings)) if pm.spec.paused => {
            Applied::pending(context, pm, &children, facts, settings)
        }
        Ok((children, settings)) => carry_out(context, pm, children, facts, settings).await,
    }
}

/// One child after the other; what fails with one does not keep the others back, save that pods
/// are not touched while their configuration could not be written, and an API server that does not
/// answer, or wants to be left alone, is.
async fn carry_out(
    context: &Context,
    pm: &PushManager,
    children: Children,
    facts: &Facts,
    settings: Settings,
) -> Applied {
    let mut applied = Applied {
        settings: Some(settings),
        ..Applied::default()
    };
    let (name, uid) = (pm.name_any(), pm.uid().unwrap_or_default());
    let namespace = pm.namespace().unwrap_or_default();
    let mut last = Vec::new();
    for ((child, wanted), (_, live)) in children.0.into_iter().zip(&facts.children) {
        let known = context.kinds.knows(child.kind);
        let plan = plan(wanted.as_ref(), live.as_deref(), (&name, &uid), known);
        let write = Write {
            context,
            child,
            place: (namespace.clone(), child.name(&name)),
            of: (&name, &uid),
        };
        match (plan, wanted) {
            // What pods need goes once they need it no more.
            (Plan::Delete(uid), _) if child.needed => last.push((write, uid)),
            (Plan::Delete(uid), _) => applied.take(write.delete(&uid).await),
            (Plan::Skip, _) => applied.skip(child),
            (plan, Some(wanted)) => {
                applied.take(write.carry_out(plan, &wanted, live.as_deref()).await);
            }
            (_, None) => {}
        }
        let silent = applied
            .failure
            .as_ref()
            .is_some_and(Failure::is_of_the_server);
        if silent || (child.needed && applied.failure.is_some()) {
            return applied;
        }
    }
    for (write, uid) in last {
        applied.take(write.delete(&uid).await);
    }
    applied
}

impl Applied {
    fn take(&mut self, done: Done) {
        match done {
            Ok(change) => self.changes.extend(change),
            Err(failure) => self.note(failure),
        }
    }

    fn skip(&mut self, child: &Child) {
        let (kind, group) = (child.kind.kind, child.kind.group);
        self.skipped.push(format!(
            "{kind} is left out: the cluster does not know {group}"
        ));
    }

    fn note(&mut self, failure: Failure) {
        self.leaving |= failure.is_namespace_terminating();
        self.obstacles.extend(failure.obstacle());
        // The one that may pass soonest decides when to try again, unless the API server said when.
        let asked = failure.retry_after() > self.failure.as_ref().and_then(Failure::retry_after);
        if asked || self.failure.as_ref().is_none_or(Failure::is_lasting) {
            self.failure = Some(failure);
        }
    }
}
