//! What is to be done about one child. Pure.

use serde_json::Value;

use crate::{diff, live::Live};

/// What is to be done about one child.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Plan {
    /// Nothing.
    Keep,
    /// Nothing, for the cluster does not know its kind.
    Skip,
    /// It is not there, as far as the watches know.
    Create,
    /// This field is not as it should be.
    Update(String),
    /// The one of this identity is not wanted any more.
    Delete(String),
    /// Something passes by itself.
    Wait(String),
    /// An object of that name is someone else's.
    Conflict(String),
}

/// `of` is the PushManager's name and identity.
pub(super) fn plan(
    wanted: Option<&Value>,
    live: Option<&Live>,
    of: (&str, &str),
    known: bool,
) -> Plan {
    match (wanted, live) {
        (Some(_), _) if !known => Plan::Skip,
        (Some(_), None) => Plan::Create,
        (None, Some(live)) if !live.going && live.is_of(of.1) => Plan::Delete(live.uid.clone()),
        // What is not wanted and not ours is none of our business.
        (None, _) => Plan::Keep,
        (Some(wanted), Some(live)) => present(wanted, live, of),
    }
}

fn present(wanted: &Value, live: &Live, (named, uid): (&str, &str)) -> Plan {
    let name = wanted["metadata"]["name"].as_str().unwrap_or_default();
    let kind = wanted["kind"].as_str().unwrap_or_default();
    if live.going {
        return Plan::Wait(format!("{kind} {name} is being deleted"));
    }
    if !live.is_of(uid) {
        return match &live.owner {
            // The one before of this name: Kubernetes is about to take its children along.
            Some(owner) if owner.is_push_manager() && owner.name == named => {
                Plan::Wait(format!("{kind} {name} goes with the PushManager before"))
            }
            Some(owner) => Plan::Conflict(format!("{} {}", owner.kind, owner.name)),
            None => Plan::Conflict("somebody else".to_owned()),
        };
    }
    match diff::difference(&live.value(), wanted) {
        Some(field) => Plan::Update(field),
        None => Plan::Keep,
    }
}

impl Plan {
    /// What would be done, in a word; nothing when nothing would.
    pub(super) fn told(&self) -> Option<&'static str> {
        match self {
            Self::Keep | Self::Skip | Self::Wait(_) | Self::Conflict(_) => None,
            Self::Create => Some("create"),
            Self::Update(_) => Some("update"),
            Self::Delete(_) => Some("delete"),
        }
    }
}
