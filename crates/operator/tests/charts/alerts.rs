//! The alert rules, as Prometheus reads them.

use std::path::Path;

use push_manager_operator::yaml;

use crate::run::{OPERATOR, only, program, root, strs, template, with_monitoring};

const SELECTOR: &str = r#"namespace="shop",service="push""#;

fn promtool(args: &[&str]) -> String {
    let ran = program("PROMTOOL", args, None);
    assert!(ran.success, "{args:?}: {}", ran.said);
    ran.said
}

/// The tests beside the rendered rules that they name.
fn rendered() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let assets = root().join("crates/operator/assets/alerts");
    for entry in std::fs::read_dir(assets.join("tests")).unwrap() {
        let test = entry.unwrap().path();
        let name = test.file_name().unwrap();
        std::fs::copy(&test, folder.path().join(name)).unwrap();
    }
    for name in ["push-manager", "operator"] {
        let rules = std::fs::read_to_string(assets.join(format!("{name}.yaml"))).unwrap();
        let rules = rules.replace("$SELECTOR", SELECTOR);
        std::fs::write(folder.path().join(format!("{name}.rendered.yaml")), rules).unwrap();
    }
    folder
}

fn files(folder: &Path, rendered: bool) -> Vec<String> {
    let all = std::fs::read_dir(folder).unwrap();
    let all = all.map(|entry| entry.unwrap().path().to_str().unwrap().to_owned());
    let picked: Vec<_> = all
        .filter(|file| file.ends_with(".rendered.yaml") == rendered)
        .collect();
    assert!(!picked.is_empty());
    picked
}

#[test]
fn alert_rules_fire_and_resolve_as_their_tests_say() {
    let folder = rendered();
    let rules = files(folder.path(), true);
    promtool(&[&["check", "rules"], &strs(&rules)[..]].concat());
    let tests = files(folder.path(), false);
    promtool(&[&["test", "rules"], &strs(&tests)[..]].concat());
}

#[test]
fn a_plain_prometheus_takes_what_compose_gives_it() {
    let file = root().join("compose/prometheus.yaml");
    promtool(&["check", "config", file.to_str().unwrap()]);
}

#[test]
fn the_operators_chart_has_rules_of_its_own_service() {
    let args = [
        "-n",
        "shop",
        "--set",
        "fullnameOverride=push,alerts.enabled=true",
    ];
    let objects = template(OPERATOR, "op", &strs(&with_monitoring(&args)));
    let spec = &only(&objects, "PrometheusRule")["spec"];
    let folder = rendered();
    let shipped = std::fs::read_to_string(folder.path().join("operator.rendered.yaml")).unwrap();
    assert_eq!(*spec, yaml::read(&shipped).unwrap()[0]);
    // The series of the ServiceMonitor's targets carry the Service's name.
    assert_eq!(only(&objects, "Service")["metadata"]["name"], "push");
}
