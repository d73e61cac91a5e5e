//! What the operator may do: a right more is a change that somebody reads.

use std::fmt::Write;

use push_manager_operator::rbac;
use serde_json::Value;

fn listed(rules: &[Value]) -> String {
    let words = |value: &Value| {
        let words = value.as_array().into_iter().flatten();
        let words: Vec<&str> = words.filter_map(Value::as_str).collect();
        words.join(" ")
    };
    let mut text = String::new();
    for rule in rules {
        let group = words(&rule["apiGroups"]);
        let group = if group.is_empty() { "core" } else { &group };
        let names = words(&rule["resourceNames"]);
        let only = if names.is_empty() {
            String::new()
        } else {
            format!(" (only {names})")
        };
        let (resources, verbs) = (words(&rule["resources"]), words(&rule["verbs"]));
        writeln!(text, "{group}: {resources}{only}: {verbs}").unwrap();
    }
    text
}

#[test]
fn the_operator_may_do_this_and_no_more() {
    let rules = listed(&rbac::rules());
    let of_its_own = listed(&rbac::lease_rules());
    let text = format!("where PushManagers are\n{rules}\nwhere the operator is\n{of_its_own}");
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(".");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!("rights", text));
}
