//! The server's configuration file and the pods' account.

use serde_json::{Value, json};

use super::{Child, Kind, Wanted, without_blanks};

/// Where the file is mounted.
pub(super) const FOLDER: &str = "/etc/push-manager";
/// The file's name.
pub(super) const FILE: &str = "config.yaml";
/// What follows the PushManager's name in the ConfigMap's.
pub(super) const SUFFIX: &str = "-config";

pub(super) const CONFIG_MAP: Kind = Kind::known("", "v1", "ConfigMap", "configmaps");
const SERVICE_ACCOUNT: Kind = Kind::known("", "v1", "ServiceAccount", "serviceaccounts");

pub(super) const CHILDREN: &[Child] = &[
    Child {
        kind: CONFIG_MAP,
        suffix: SUFFIX,
        needed: true,
        build: file,
    },
    Child {
        kind: SERVICE_ACCOUNT,
        suffix: "",
        needed: true,
        build: account,
    },
];

fn file(wanted: &Wanted<'_>) -> Option<Value> {
    Some(json!({"data": {FILE: wanted.settings.yaml}}))
}

/// Unless the user named another one, which exists.
fn account(wanted: &Wanted<'_>) -> Option<Value> {
    let given = wanted.spec.service_account.clone().unwrap_or_default();
    let ours = given.name.is_none_or(|name| name == wanted.name);
    ours.then(|| {
        json!({
            "metadata": without_blanks(json!({"annotations": given.annotations})),
            "automountServiceAccountToken": false,
        })
    })
}

/// The account that pods run as.
pub(super) fn account_name(wanted: &Wanted<'_>) -> String {
    let given = wanted.spec.service_account.as_ref();
    let given = given.and_then(|account| account.name.clone());
    given.unwrap_or_else(|| wanted.name.to_owned())
}
