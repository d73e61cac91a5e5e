//! What the definition takes and refuses, and how it reads with kubectl.

use serde_json::{Value, json};

use crate::objects::{Room, manifest};
use crate::operator::{printed, program, shared};

/// What is refused at apply time, with words of its message, and the like of it that is taken.
fn rules() -> Vec<(Value, Value, &'static str)> {
    vec![
        (
            json!({"replicas": -1}),
            json!({"replicas": 0}),
            "should be greater than or equal to 0",
        ),
        (
            json!({"autoscaling": {"minReplicas": 3, "maxReplicas": 2}}),
            json!({"autoscaling": {"minReplicas": 2, "maxReplicas": 2}}),
            "minReplicas must not be more than maxReplicas",
        ),
        (
            json!({"routing": {"strategy": "best"}}),
            json!({"routing": {"strategy": "auto"}}),
            "supported values: \"members\", \"room\", \"auto\"",
        ),
        (
            json!({"fanout": {"deadline": "2 seconds"}}),
            json!({"fanout": {"deadline": "1m30s"}, "limits": {"requestTimeout": "2m"}}),
            "expected a duration from 10ms to 5m such as 500ms, 5s or 2m",
        ),
        (
            json!({"fanout": {"deadline": "6m"}}),
            json!({"fanout": {"deadline": "5m"}, "limits": {"requestTimeout": "6m"}}),
            "expected a duration from 10ms to 5m",
        ),
        (
            json!({"fanout": {"queueBytes": "5Gi"}}),
            json!({"fanout": {"queueBytes": "4GiB"}}),
            "expected a number of bytes from 64KiB to 4GiB",
        ),
        (
            json!({"fanout": {"queueBytes": 1000}}),
            json!({"fanout": {"queueBytes": 67_108_864}}),
            "expected a number of bytes from 64KiB to 4GiB",
        ),
        (
            json!({"fanout": {"concurrency": 0}}),
            json!({"fanout": {"concurrency": 1}}),
            "should be greater than or equal to 1",
        ),
        (
            json!({"observability": {"sampling": 1.5}}),
            json!({"observability": {"sampling": 0.5}}),
            "should be less than or equal to 1",
        ),
        (
            json!({"resources": {"requests": {"cpu": "1 core"}}}),
            json!({"resources": {"requests": {"cpu": 1, "memory": "256Mi"}}}),
            "spec.resources.requests.cpu",
        ),
        (
            json!({"disruption": {"maxUnavailable": "some"}}),
            json!({"disruption": {"maxUnavailable": "25%"}}),
            "expected a whole number such as 1, or a share such as 25%",
        ),
        (
            json!({"etcd": {"endpoints": null}}),
            json!({"etcd": {"endpoints": null}, "discovery": {"kind": "static", "nodes": ["n=h:1"]}}),
            "spec.etcd.endpoints is required",
        ),
        (
            json!({"etcd": {"prefix": "a/"}, "discovery": {"prefixes": ["b/"]}}),
            json!({"discovery": {"prefixes": ["b/"]}}),
            "set one of them",
        ),
        (
            json!({"controller": {"address": null}}),
            json!({"controller": {"address": "c:1"}}),
            "spec.controller.address",
        ),
        (
            json!({"etcd": {"authSecretRef": {}}}),
            json!({"etcd": {"authSecretRef": {"name": "etcd"}}}),
            "spec.etcd.authSecretRef.name",
        ),
        (
            json!({"fanot": {"deadline": "2s"}}),
            json!({"fanout": {"deadline": "2s"}}),
            "unknown field \"spec.fanot\"",
        ),
        (
            json!({"imagePullSecrets": ["a", "a"]}),
            json!({"imagePullSecrets": ["a", "b"]}),
            "Duplicate value",
        ),
        (
            json!({"topologySpread": [{"topologyKey": "zone"}, {"topologyKey": "zone"}]}),
            json!({"topologySpread": [
                {"topologyKey": "zone"},
                {"topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule"},
            ]}),
            "Duplicate value",
        ),
        (
            json!({"service": {"type": "External"}}),
            json!({"service": {"type": "NodePort"}}),
            "supported values",
        ),
    ]
}

#[tokio::test]
async fn each_rule_refuses_with_its_words_and_takes_the_like_that_is_right() {
    let room = Room::open(shared().await, "rules").await;
    for (index, (bad, good, words)) in rules().into_iter().enumerate() {
        let name = format!("rule-{index}");
        let why = room.try_apply(&manifest(&name, bad.clone())).await;
        let why = why.expect_err(&format!("{bad} should be refused"));
        assert!(why.contains(words), "{bad}: {why}");
        let taken = room.try_apply(&manifest(&name, good.clone())).await;
        assert!(taken.is_ok(), "{good}: {taken:?}");
    }
}

#[tokio::test]
async fn validate_refuses_without_a_cluster_what_the_api_server_refuses() {
    let folder = std::env::temp_dir().join(format!("validate-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    for (index, (bad, good, _)) in rules().into_iter().enumerate() {
        let file = folder.join(format!("{index}.json"));
        let checked = |object: Value| {
            std::fs::write(&file, manifest("push", object).to_string()).unwrap();
            let mut validate = std::process::Command::new(program());
            validate
                .args(["validate", "-f"])
                .arg(&file)
                .output()
                .unwrap()
        };
        let refused = checked(bad.clone());
        assert_eq!(refused.status.code(), Some(3), "{bad} should be refused");
        let taken = checked(good.clone());
        let said = String::from_utf8_lossy(&taken.stdout).into_owned();
        assert!(taken.status.success(), "{good}: {said}");
    }
    std::fs::remove_dir_all(&folder).unwrap();
}

#[tokio::test]
async fn names_from_which_no_service_can_be_named_are_refused() {
    let room = Room::open(shared().await, "names").await;
    let long = "p".repeat(51);
    for name in ["1push", "push.eu", long.as_str()] {
        let why = room
            .try_apply(&manifest(name, json!({})))
            .await
            .unwrap_err();
        assert!(
            why.contains("Services and pods are named after it"),
            "{why}"
        );
    }
    let longest = "p".repeat(50);
    room.apply(&longest, json!({})).await;
    room.settled(&longest).await;
}

#[tokio::test]
async fn kubectl_lists_explains_and_completes_it() {
    let room = Room::open(shared().await, "reads").await;
    room.apply("push", json!({"replicas": 2})).await;
    room.settled("push").await;
    let listed = room.kubectl(&["get", "pm"]).await;
    let head = listed.lines().next().unwrap();
    let columns: Vec<&str> = head.split_whitespace().collect();
    assert_eq!(
        columns,
        ["NAME", "DESIRED", "READY", "AVAILABLE", "REASON", "AGE"]
    );
    let wide = room.kubectl(&["get", "pm", "push", "-o", "wide"]).await;
    assert!(
        wide.contains(&format!("push.{}.svc:50053", room.namespace)),
        "{wide}"
    );
    assert!(wide.contains("0.1.0"), "{wide}");
    let all = room.kubectl(&["get", "all"]).await;
    assert!(all.contains("pushmanager.pushmanager.io/push"), "{all}");

    let explained = room.kubectl(&["explain", "pm.spec.fanout"]).await;
    assert!(
        explained.contains("How a push is handed to the nodes."),
        "{explained}"
    );
    let deadline = room.kubectl(&["explain", "pm.spec.fanout.deadline"]).await;
    assert!(deadline.contains("Default: 5s."), "{deadline}");
    let everything = room.kubectl(&["explain", "pm", "--recursive"]).await;
    for field in [
        "connectionsPerNode",
        "authSecretRef",
        "targetCPUUtilization",
        "observedGeneration",
    ] {
        assert!(everything.contains(field), "{field}: {everything}");
    }
}

#[tokio::test]
async fn the_version_that_runs_is_written_into_the_object() {
    let room = Room::open(shared().await, "version").await;
    room.apply("push", json!({})).await;
    let pm = room.push_manager("push").await;
    assert_eq!(pm.spec.version, env!("CARGO_PKG_VERSION"));
    let stored = room
        .kubectl(&["get", "pm", "push", "-o", "jsonpath={.spec.version}"])
        .await;
    assert_eq!(stored, env!("CARGO_PKG_VERSION"));
}

#[tokio::test]
async fn the_examples_are_taken_and_valid() {
    let room = Room::open(shared().await, "examples").await;
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples");
    for file in std::fs::read_dir(folder).unwrap() {
        let file = file.unwrap().path();
        let text = std::fs::read_to_string(&file).unwrap();
        let text = text.replace("\n  namespace: messaging", "");
        let args = ["-n", &room.namespace, "apply", "-f", "-"];
        let applied = room.cluster.kubectl_with(&args, &text).await;
        assert!(applied.success, "{}: {}", file.display(), applied.stderr);
        if !text.contains("kind: PushManager") {
            continue;
        }
        let said = printed(&program(), &["validate", "-f", file.to_str().unwrap()]);
        assert!(said.contains(": valid"), "{said}");
        room.kubectl(&["delete", "pm", "--all"]).await;
    }
}
