//! Step three: the children as they should be. Pure.

use kube::ResourceExt;
use serde_json::Value;

use super::dereference::Facts;
use crate::{
    api::{Autoscaling, PushManager},
    children::{self, Child, DEPLOYMENT, Wanted},
    settings::{Invalid, Settings},
};

/// Each child as it should be, in the order in which they are applied; nothing where it should
/// not be.
#[derive(Debug)]
pub(super) struct Children(pub(super) Vec<(&'static Child, Option<Value>)>);

/// The children and what they were built from, or why there are none.
pub(super) type Built = Result<(Children, Settings), Invalid>;

pub(super) fn build(pm: &PushManager, facts: &Facts, valid: Result<Settings, Invalid>) -> Built {
    valid.map(|settings| (Children::of(pm, &settings, facts), settings))
}

impl Children {
    fn of(pm: &PushManager, settings: &Settings, facts: &Facts) -> Self {
        let (name, namespace) = (pm.name_any(), pm.namespace().unwrap_or_default());
        let asked = asked(pm, facts);
        let wanted = Wanted {
            name: &name,
            namespace: &namespace,
            uid: pm.metadata.uid.as_deref(),
            spec: &pm.spec,
            settings,
            replicas: asked.replicas,
        };
        let built = |child: &'static Child| {
            let mut object = child.object(&wanted);
            if let Some(object) = object.as_mut().filter(|_| child.kind == DEPLOYMENT)
                && let Some(version) = asked.as_of
            {
                object["metadata"]["resourceVersion"] = version.to_string().into();
            }
            (child, object)
        };
        Self(children::all().map(built).collect())
    }
}

/// How many pods to ask for.
struct Asked {
    /// So many; nothing when someone else decides.
    replicas: Option<i32>,
    /// The version of the Deployment whose count this is: should another have changed it
    /// meanwhile, it is not to be changed back.
    as_of: Option<u64>,
}

/// While an autoscaler is wanted, its word counts as soon as it said something; until then what
/// runs goes on running: to say nothing too early would mean one.
fn asked(pm: &PushManager, facts: &Facts) -> Asked {
    let of_spec = |replicas| Asked {
        replicas: Some(replicas),
        as_of: None,
    };
    let Some(scaling) = &pm.spec.autoscaling else {
        return of_spec(pm.spec.replicas);
    };
    let Some(there) = &facts.deployment else {
        // One that was there before comes back as large as it was.
        let before = facts.desired_before;
        return of_spec(between(pm.spec.replicas.max(before), scaling));
    };
    let count = there.value["spec"]["replicas"].as_i64();
    match count.and_then(|count| i32::try_from(count).ok()) {
        // An autoscaler leaves what is at 0 alone, whoever set that.
        None | Some(0) => of_spec(scaling.min_replicas),
        Some(_) if there.scaled_by.is_some() => Asked {
            replicas: None,
            as_of: None,
        },
        Some(count) => Asked {
            replicas: Some(count),
            as_of: Some(there.version),
        },
    }
}

fn between(replicas: i32, scaling: &Autoscaling) -> i32 {
    replicas.max(scaling.min_replicas).min(scaling.max_replicas)
}
