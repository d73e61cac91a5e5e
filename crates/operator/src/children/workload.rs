//! The Deployment.

mod pod;

use serde_json::{Value, json};

use super::{Child, Kind, Wanted, without_blanks};
use crate::names;

pub(crate) const DEPLOYMENT: Kind = Kind::known("apps", "v1", "Deployment", "deployments");

pub(super) const CHILDREN: &[Child] = &[Child {
    kind: DEPLOYMENT,
    suffix: "",
    needed: false,
    build: deployment,
}];

/// Old template revisions that are kept for `kubectl rollout undo`.
const REVISIONS: i32 = 3;

fn deployment(wanted: &Wanted<'_>) -> Option<Value> {
    Some(json!({
        "spec": without_blanks(json!({
            "replicas": wanted.replicas,
            "revisionHistoryLimit": REVISIONS,
            "selector": {"matchLabels": names::selector(wanted.name)},
            // A pod goes when another is ready in its place, never before.
            "strategy": {
                "type": "RollingUpdate",
                "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": 0},
            },
            "template": pod::template(wanted),
        })),
    }))
}
