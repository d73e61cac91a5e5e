//! The operator's rights: those that it says it needs, where it needs them.

use push_manager_operator::yaml;
use serde_json::Value;

use crate::run::{OPERATOR, kinds, only, operator, template};

const RBAC: [&str; 4] = ["ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding"];

/// Roles and bindings by kind, namespace and name, without labels.
fn rights(objects: Vec<Value>) -> Vec<(String, Value)> {
    let ours = objects.into_iter().filter(|object| {
        let kind = object["kind"].as_str().unwrap();
        RBAC.contains(&kind)
    });
    let mut rights: Vec<(String, Value)> = ours
        .map(|mut object| {
            let metadata = &mut object["metadata"];
            metadata.as_object_mut().unwrap().remove("labels");
            let key = format!("{} {}", object["kind"], object["metadata"]);
            (key, object)
        })
        .collect();
    rights.sort_by(|(a, _), (b, _)| a.cmp(b));
    rights
}

fn assert_equal(chart_args: &[&str], operator_args: &[&str]) {
    let namespace = ["--namespace", "system"];
    let objects = template(OPERATOR, OPERATOR, &[&namespace, chart_args].concat());
    let wanted = operator(&[&["rbac"], &namespace[..], operator_args].concat());
    let (given, wanted) = (rights(objects), rights(yaml::read(&wanted).unwrap()));
    assert_eq!(given.len(), wanted.len(), "{given:#?}");
    for ((key, given), (wanted_key, wanted)) in given.iter().zip(&wanted) {
        assert_eq!(key, wanted_key);
        let rules = |of: &Value| of["rules"].as_array().cloned().unwrap_or_default();
        for (rule, wanted) in rules(given).iter().zip(rules(wanted)) {
            assert_eq!(rule, &wanted, "{key}");
        }
        assert_eq!(given, wanted);
    }
}

#[test]
fn the_chart_grants_what_the_operator_asks_for_rule_by_rule() {
    assert_equal(&[], &[]);
    assert_equal(
        &["--set", "watchNamespaces={shop,chat}"],
        &["--watch", "shop,chat"],
    );
}

#[test]
fn a_namespaced_install_has_no_right_elsewhere() {
    let args = ["-n", "system", "--set", "watchNamespaces={shop,chat}"];
    let objects = template(OPERATOR, "op", &args);
    assert!(
        !kinds(&objects)
            .iter()
            .any(|kind| kind.starts_with("ClusterRole"))
    );
    let roles = objects.iter().filter(|object| object["kind"] == "Role");
    let mut within: Vec<&str> = roles
        .map(|role| role["metadata"]["namespace"].as_str().unwrap())
        .collect();
    within.sort_unstable();
    assert_eq!(within, ["chat", "shop", "system"]);
    let container = &only(&objects, "Deployment")["spec"]["template"]["spec"]["containers"][0];
    let variables = container["env"].as_array().unwrap();
    let watched = variables.iter().find(|v| v["name"] == "WATCH_NAMESPACES");
    assert_eq!(watched.unwrap()["value"], "shop,chat");
}
