use k8s_openapi::jiff::Timestamp;
use push_manager_proto::admin::{
    GetInfoResponse, NodeRow, NodeState, NodeStatic, Readiness, ReplicaRow, RowsPart,
    WatchResponse, watch_response::Kind,
};
use serde_json::{Value, json};

use super::*;
use crate::{admin::Said, pod};

fn push_manager(status: &Value) -> kube::api::DynamicObject {
    let object = json!({
        "apiVersion": "pushmanager.io/v1alpha1",
        "kind": "PushManager",
        "metadata": { "name": "push", "namespace": "prod", "generation": 7 },
        "spec": { "replicas": 3 },
        "status": status,
    });
    serde_json::from_value(object).unwrap()
}

fn condition(kind: &str, status: &str, (reason, message): (&str, &str)) -> Value {
    json!({
        "type": kind, "status": status, "reason": reason, "message": message,
        "lastTransitionTime": "2026-01-01T00:00:00Z", "observedGeneration": 7,
    })
}

/// A manager that knows so many nodes, the first of which fail.
fn said(nodes: u64, failed: u64, readiness: Readiness) -> Said {
    let statics = (0..nodes).map(|key| NodeStatic {
        key,
        id: format!("push-{key:02}"),
        address: format!("10.0.0.{key}:1"),
        ..NodeStatic::default()
    });
    let rows = (0..nodes).map(|key| {
        let state = if key < failed {
            NodeState::Failed
        } else {
            NodeState::Ready
        };
        NodeRow {
            key,
            state: state.into(),
            ..NodeRow::default()
        }
    });
    let waits = if readiness == Readiness::Ready {
        ""
    } else {
        "the first list of nodes"
    };
    let replica = ReplicaRow {
        readiness: readiness.into(),
        not_ready: waits.to_owned(),
        discovery_up: true,
        ..ReplicaRow::default()
    };
    let part = RowsPart {
        node_statics: statics.collect(),
        nodes: rows.collect(),
        replica: Some(replica),
        ..RowsPart::default()
    };
    Said {
        info: GetInfoResponse {
            version: "0.1.0".to_owned(),
            ..GetInfoResponse::default()
        },
        frames: vec![WatchResponse {
            epoch: 1,
            seq: 1,
            // Nodes have failed for a minute.
            monotonic_ns: 60_000_000_000,
            kind: Some(Kind::Snapshot(part)),
            ..WatchResponse::default()
        }],
    }
}

fn facts(name: &str, hash: &str, phase: &str) -> pod::PodFacts {
    pod::example(json!({
        "metadata": {
            "name": name, "creationTimestamp": "2026-01-01T00:00:00Z",
            "annotations": { "pushmanager.io/config-hash": hash },
        },
        "spec": { "containers": [{ "name": "push-manager" }] },
        "status": { "phase": phase, "conditions": [
            { "type": "Ready", "status": if phase == "Running" { "True" } else { "False" } },
        ] },
    }))
}

fn gathered(status: &Value, pods: Vec<(pod::PodFacts, Result<Said, String>)>) -> Gathered {
    let deployment = json!({
        "metadata": { "name": "push" },
        "spec": { "replicas": 3, "selector": {}, "template": {} },
        "status": { "readyReplicas": 3, "updatedReplicas": 3 },
    });
    Gathered {
        namespace: "prod".to_owned(),
        push_manager: push_manager(status),
        deployment: Some(serde_json::from_value(deployment).unwrap()),
        pods,
        pods_left_out: 0,
        now: "2026-01-01T03:00:00Z".parse::<Timestamp>().unwrap(),
    }
}

fn healthy() -> Gathered {
    let status = json!({
        "observedGeneration": 7, "readyReplicas": 3, "configHash": "9f3c",
        "endpoints": { "grpc": "push.prod.svc:50053", "nodes": ["a", "b"] },
        "conditions": [
            condition("Paused", "False", ("Running", "")),
            condition("Available", "True", ("PodsReady", "3 of 3 pods are ready")),
            condition("Degraded", "False", ("AsExpected", "")),
        ],
    });
    let pods = ["push-a", "push-b", "push-c"].map(|name| {
        let ready = said(3, 0, Readiness::Ready);
        (facts(name, "9f3c", "Running"), Ok(ready))
    });
    gathered(&status, pods.into())
}

fn ill() -> Gathered {
    let mut old = condition(
        "Progressing",
        "True",
        ("RollingOut", "1 of 3 pods is up to date"),
    );
    old["observedGeneration"] = json!(6);
    let status = json!({
        "observedGeneration": 6, "readyReplicas": 1, "configHash": "9f3c",
        "conditions": [
            condition("Degraded", "True", ("SecretMissing", "the secret \u{1b}[31m\"etcd\" is missing")),
            condition("Available", "False", ("TooFewPods", "1 of 3 pods is ready")),
            old,
        ],
    });
    let mut leaving = facts("push-e", "0000", "Running");
    leaving.is_leaving = true;
    let why = || Err("an error occurred forwarding 50054: refused".to_owned());
    gathered(
        &status,
        vec![
            (
                facts("push-a", "9f3c", "Running"),
                Ok(said(14, 12, Readiness::Ready)),
            ),
            (
                facts("push-b", "0000", "Running"),
                Ok(said(2, 0, Readiness::Waiting)),
            ),
            (
                facts("push-c", "9f3c", "Pending"),
                Err("not asked: Pending".to_owned()),
            ),
            (facts("push-d", "9f3c", "Running"), why()),
            (leaving, why()),
        ],
    )
}

#[test]
fn all_is_well_where_nothing_is_found() {
    let report = Report::of(&healthy());
    assert!(report.is_well(), "{:?}", report.findings);
    insta::assert_snapshot!("healthy", text(&report));
}

#[test]
fn what_is_not_well_is_named() {
    let report = Report::of(&ill());
    assert!(!report.is_well());
    insta::assert_snapshot!("ill", text(&report));
}

#[test]
fn scripts_get_all_of_it() {
    let report = Report::of(&ill());
    insta::assert_snapshot!("ill_json", serde_json::to_string_pretty(&report).unwrap());
}

#[test]
fn pods_that_differ_are_named_even_where_all_else_is_well() {
    let mut one = healthy();
    one.pods[1].0.config_hash = None;
    let report = Report::of(&one);
    assert_eq!(report.other_config, ["push-b"]);
    assert!(
        report.findings[0].contains("push-b"),
        "{:?}",
        report.findings
    );
}

#[test]
fn a_pod_that_can_t_be_reached_is_a_row_and_makes_it_not_well() {
    let mut one = healthy();
    one.pods[2].1 = Err("no word within 8 s".to_owned());
    let report = Report::of(&one);
    assert_eq!(report.pods.len(), 3);
    assert_eq!(report.findings, ["push-c: no word within 8 s"]);
}

#[test]
fn a_pause_is_no_illness() {
    let mut one = healthy();
    one.push_manager.data["status"]["conditions"][0]["status"] = json!("True");
    assert!(Report::of(&one).is_well());
}

#[test]
fn an_operator_that_is_behind_or_never_spoke_is_told() {
    let mut one = healthy();
    one.push_manager.metadata.generation = Some(8);
    let report = Report::of(&one);
    assert!(report.is_behind && report.conditions.iter().all(|each| each.is_behind));
    assert!(report.findings[0].contains("generation 7 of 8"));

    one.push_manager.data["status"] = json!(null);
    let report = Report::of(&one);
    assert!(
        report.findings[0].contains("does one run?"),
        "{:?}",
        report.findings
    );
}
