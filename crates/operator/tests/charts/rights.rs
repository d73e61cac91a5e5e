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
    // Those for people are nobody's who is named: they are tried below.
    assert_equal(&["--set", "rbac.userRoles=false"], &[]);
    assert_equal(
        &["--set", "watchNamespaces={shop,chat}"],
        &["--watch", "shop,chat"],
    );
}

#[test]
fn whoever_may_edit_or_view_a_namespace_may_do_so_with_its_push_managers() {
    let roles = |args: &[&str]| -> Vec<Value> {
        let objects = template(OPERATOR, OPERATOR, args).into_iter();
        let aggregated = |object: &Value| {
            let labels = object["metadata"]["labels"].as_object();
            let mut labels = labels.into_iter().flatten();
            labels.any(|(key, _)| key.starts_with("rbac.authorization.k8s.io/aggregate-to-"))
        };
        objects.filter(aggregated).collect()
    };
    let given = roles(&[]);
    assert_eq!(given.len(), 2);
    for role in &given {
        for rule in role["rules"].as_array().unwrap() {
            assert_eq!(rule["apiGroups"], serde_json::json!(["pushmanager.io"]));
        }
    }
    let views = given.iter().find(|role| {
        role["metadata"]["labels"]["rbac.authorization.k8s.io/aggregate-to-view"] == "true"
    });
    let verbs = &views.unwrap()["rules"][0]["verbs"];
    assert_eq!(*verbs, serde_json::json!(["get", "list", "watch"]));
    assert!(roles(&["--set", "rbac.userRoles=false"]).is_empty());
    assert!(roles(&["--set", "watchNamespaces={shop}"]).is_empty());
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
