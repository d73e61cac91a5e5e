//! What the operator may do, made from the list of children: no more than it does.
//!
//! No Secret is ever read, no role is ever given, no node is ever asked.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::{api::GROUP, children, names::OPERATOR};

/// The rules for the namespaces whose PushManagers are reconciled.
pub fn rules() -> Vec<Value> {
    let rule = |group: &str, resources: &[&str], verbs: &[&str]| json!({"apiGroups": [group], "resources": resources, "verbs": verbs});
    let mut rules = vec![
        rule(GROUP, &["pushmanagers"], &["get", "list", "watch"]),
        rule(GROUP, &["pushmanagers/status"], &["patch"]),
        // Why pods don't run is told by their status alone.
        rule("", &["pods"], &["list", "watch"]),
        rule("events.k8s.io", &["events"], &["create"]),
    ];
    let mut groups: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for kind in children::kinds() {
        groups.entry(kind.group).or_default().push(kind.plural);
    }
    for (group, mut plurals) in groups {
        plurals.sort_unstable();
        let verbs = ["get", "list", "watch", "create", "patch", "delete"];
        rules.push(rule(group, &plurals, &verbs));
    }
    rules
}

/// The rules for the operator's own namespace: who of several works.
pub fn lease_rules() -> Vec<Value> {
    let leases = |verbs: &[&str], names: Option<&str>| {
        let mut rule = json!({
            "apiGroups": ["coordination.k8s.io"],
            "resources": ["leases"],
            "verbs": verbs,
        });
        if let Some(name) = names {
            rule["resourceNames"] = json!([name]);
        }
        rule
    };
    // What is yet to be made has no name that a rule could name.
    vec![
        leases(&["create"], None),
        leases(&["get", "update"], Some(OPERATOR)),
    ]
}

/// Account, roles and bindings, for an operator in `namespace` that reconciles `watched`, or all
/// namespaces.
pub fn manifests(namespace: &str, watched: &[String]) -> Vec<Value> {
    let mut manifests = vec![json!({
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": metadata(OPERATOR, Some(namespace)),
    })];
    manifests.extend(pair(
        "Role",
        &format!("{OPERATOR}-lease"),
        Some(namespace),
        namespace,
        &lease_rules(),
    ));
    if watched.is_empty() {
        manifests.extend(pair("ClusterRole", OPERATOR, None, namespace, &rules()));
    }
    for within in watched {
        manifests.extend(pair("Role", OPERATOR, Some(within), namespace, &rules()));
    }
    manifests
}

/// A role and who has it.
fn pair(
    kind: &str,
    name: &str,
    within: Option<&str>,
    operators: &str,
    rules: &[Value],
) -> [Value; 2] {
    let api = "rbac.authorization.k8s.io";
    let role = json!({
        "apiVersion": format!("{api}/v1"),
        "kind": kind,
        "metadata": metadata(name, within),
        "rules": rules,
    });
    let binding = json!({
        "apiVersion": format!("{api}/v1"),
        "kind": format!("{kind}Binding"),
        "metadata": metadata(name, within),
        "roleRef": {"apiGroup": api, "kind": kind, "name": name},
        "subjects": [{"kind": "ServiceAccount", "name": OPERATOR, "namespace": operators}],
    });
    [role, binding]
}

fn metadata(name: &str, namespace: Option<&str>) -> Value {
    let mut metadata = json!({
        "name": name,
        "labels": {"app.kubernetes.io/name": OPERATOR, "app.kubernetes.io/part-of": "push-manager"},
    });
    if let Some(namespace) = namespace {
        metadata["namespace"] = namespace.into();
    }
    metadata
}
