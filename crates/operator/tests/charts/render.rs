//! What the charts render, looked at by itself.

use push_manager_operator::yaml;
use serde_json::{Value, json};

use crate::run::{OPERATOR, SERVER, kinds, only, root, template};

fn container(objects: &[Value]) -> &Value {
    &only(objects, "Deployment")["spec"]["template"]["spec"]["containers"][0]
}

#[test]
fn a_digest_wins_over_a_tag_and_a_tag_over_the_charts_version() {
    let digest = "sha256:1b6d4f0f0f7f7a5e0f4b0e3b0c6b2c0d9b8a7f6e5d4c3b2a190817263544f5e6";
    let by_digest = format!("image.digest={digest}");
    for name in [OPERATOR, SERVER] {
        let image = |args: &[&str]| {
            let objects = template(name, "push", args);
            container(&objects)["image"].as_str().unwrap().to_owned()
        };
        let version = env!("CARGO_PKG_VERSION");
        assert_eq!(image(&[]), format!("{name}:{version}"));
        assert_eq!(image(&["--set", "image.tag=next"]), format!("{name}:next"));
        let both = ["--set", "image.tag=next", "--set", &by_digest];
        assert_eq!(image(&both), format!("{name}@{digest}"));
        let elsewhere = ["--set", "image.repository=registry.example:5000/a/b"];
        let expected = format!("registry.example:5000/a/b:{version}");
        assert_eq!(image(&elsewhere), expected);
    }
}

#[test]
fn pods_restart_for_what_a_running_server_does_not_take_up() {
    let hash = |set: &str| {
        let objects = template(SERVER, "push", &["--set", set]);
        let template = &only(&objects, "Deployment")["spec"]["template"];
        let hash = &template["metadata"]["annotations"]["pushmanager.io/config-hash"];
        hash.as_str().unwrap().to_owned()
    };
    let usual = hash("replicas=1");
    assert_eq!(hash("config.limits.concurrent_pushes=8"), usual);
    assert_eq!(hash("config.log.level=debug"), usual);
    assert_eq!(hash("replicas=5"), usual);
    assert_ne!(hash("config.log.format=json"), usual);
    assert_ne!(hash("config.controller.address=other:50051"), usual);
    assert_ne!(hash("config.limits.connection_age=1m"), usual);
}

#[test]
fn the_operators_level_is_a_file_that_restarts_nobody() {
    let debug = template(OPERATOR, "op", &["--set", "log.level=debug"]);
    assert_eq!(only(&debug, "ConfigMap")["data"]["level"], "debug");
    let usual = template(OPERATOR, "op", &[]);
    assert_eq!(only(&debug, "Deployment"), only(&usual, "Deployment"));
    let container = container(&debug);
    let variable = json!({"name": "LOG_LEVEL_FILE", "value": "/etc/push-manager-operator/level"});
    let variables = container["env"].as_array().unwrap();
    assert!(variables.contains(&variable), "{variables:?}");
    let mount = &container["volumeMounts"][0];
    assert_eq!(mount["mountPath"], "/etc/push-manager-operator");
    assert!(mount["subPath"].is_null(), "a single file would not change");
}

#[test]
fn an_upgrade_of_the_servers_chart_alone_restarts_nobody() {
    let objects = template(SERVER, "push", &[]);
    let pods = &only(&objects, "Deployment")["spec"]["template"]["metadata"];
    assert!(!pods.to_string().contains("helm"), "{pods}");
}

#[test]
fn what_is_turned_off_is_not_rendered() {
    let given = ["--set", "crds.enabled=false,rbac.enabled=false"];
    let without = ["--set", "serviceAccount.create=false,test.enabled=false"];
    let objects = template(OPERATOR, "op", &[given, without].concat());
    let mut kinds = kinds(&objects);
    kinds.sort_unstable();
    let expected = ["ConfigMap", "Deployment", "PodDisruptionBudget", "Service"];
    assert_eq!(kinds, expected);
}

#[test]
fn the_definition_reaches_the_chart_and_dist_unchanged() {
    let read = |file: &str| {
        let text = std::fs::read_to_string(root().join(file)).unwrap();
        yaml::read(&text).unwrap()
    };
    let plain = read("dist/crd.yaml").remove(0);
    let objects = template(OPERATOR, "op", &[]);
    let keep = &only(&objects, "CustomResourceDefinition")["metadata"]["annotations"];
    assert_eq!(keep, &json!({"helm.sh/resource-policy": "keep"}));
    for objects in [objects, read("dist/install.yaml")] {
        assert_eq!(
            only(&objects, "CustomResourceDefinition")["spec"],
            plain["spec"]
        );
    }
    let objects = template(OPERATOR, "op", &["--set", "crds.keep=false"]);
    let metadata = &only(&objects, "CustomResourceDefinition")["metadata"];
    assert!(metadata["annotations"].is_null());
}
