//! What belongs to a `PushManager` is kept, and goes when it is no longer asked for.

use std::panic::AssertUnwindSafe;

use futures::FutureExt;
use push_manager_e2e::{
    lab::OPERATOR,
    run::Run,
    space::{SOON, Space, scenario},
};
use push_manager_envtest::{Seen, eventually};
use serde_json::Value;

/// Everything that a `PushManager` with these features has.
const FEATURES: &str = "  autoscaling: {minReplicas: 1, maxReplicas: 2}\n  \
                        networkPolicy: {}\n  \
                        observability: {grafanaDashboard: {}, serviceMonitor: {}, alerts: {}}\n";
const KINDS: &str = include_str!("../manifests/monitoring.yaml");
const CHILDREN: &[&str] = &[
    "configmap/push-config",
    "configmap/push-dashboard",
    "serviceaccount/push",
    "service/push",
    "service/push-pods",
    "networkpolicy/push",
    "deployment/push",
    "poddisruptionbudget/push",
    "horizontalpodautoscaler/push",
    "servicemonitor/push",
    "prometheusrule/push",
];
/// What somebody might change by hand, and where it is to be seen.
const EDITS: &[(&str, &str, &str)] = &[
    (
        "configmap/push-config",
        r#"{"data":{"config.yaml":"nonsense"}}"#,
        "{.data}",
    ),
    (
        "configmap/push-dashboard",
        r#"{"data":{"push-manager.json":"{}"}}"#,
        "{.data}",
    ),
    (
        "serviceaccount/push",
        r#"{"automountServiceAccountToken":true}"#,
        "{.automountServiceAccountToken}",
    ),
    (
        "service/push",
        r#"{"spec":{"selector":{"app.kubernetes.io/instance":"x"}}}"#,
        "{.spec.selector}",
    ),
    (
        "service/push-pods",
        r#"{"spec":{"selector":{"app.kubernetes.io/instance":"x"}}}"#,
        "{.spec.selector}",
    ),
    (
        "networkpolicy/push",
        r#"{"spec":{"policyTypes":["Ingress","Egress"]}}"#,
        "{.spec.policyTypes}",
    ),
    (
        "deployment/push",
        r#"{"spec":{"template":{"spec":{"terminationGracePeriodSeconds":7}}}}"#,
        "{.spec.template.spec.terminationGracePeriodSeconds}",
    ),
    (
        "poddisruptionbudget/push",
        r#"{"spec":{"maxUnavailable":2}}"#,
        "{.spec.maxUnavailable}",
    ),
    (
        "horizontalpodautoscaler/push",
        r#"{"spec":{"maxReplicas":9}}"#,
        "{.spec.maxReplicas}",
    ),
    (
        "servicemonitor/push",
        r#"{"spec":{"endpoints":[]}}"#,
        "{.spec.endpoints}",
    ),
    (
        "prometheusrule/push",
        r#"{"spec":{"groups":[]}}"#,
        "{.spec.groups}",
    ),
];

/// Whether the cluster has the Prometheus operator's kinds from somebody else, with whose objects they
/// would go.
async fn somebody_elses_kinds(space: &Space) -> bool {
    let kind = "servicemonitors.monitoring.coreos.com";
    let words = ["get", "crd", kind, "--ignore-not-found", "-o", "json"];
    let there = space.must(&words).await;
    if there.is_empty() {
        return false;
    }
    let there: Value = serde_json::from_str(&there).unwrap();
    there["metadata"]["labels"]["push-manager.e2e"] != "ours"
}

/// Has the cluster know the kinds of the Prometheus operator, and the operator know that.
async fn with_monitoring(space: &Space, body: impl AsyncFnOnce()) {
    if somebody_elses_kinds(space).await {
        return body().await;
    }
    let (apply, operator) = (["apply", "-f", "-"], format!("deployment/{OPERATOR}"));
    let applied = space.lab.kubectl_with(&apply, KINDS).await;
    applied.and_then(Run::ok).unwrap();
    let restart = ["rollout", "restart", &operator];
    space.lab.at_operator(&restart).await.unwrap();
    let status = ["rollout", "status", &operator, "--timeout=90s"];
    space.lab.at_operator(&status).await.unwrap();
    let ended = AssertUnwindSafe(body()).catch_unwind().await;
    let delete = ["delete", "-f", "-"];
    let gone = space.lab.kubectl_with(&delete, KINDS).await;
    if let Err(panic) = ended {
        std::panic::resume_unwind(panic);
    }
    gone.and_then(Run::ok).unwrap();
}

async fn exist(space: &Space, children: &[&str]) {
    let mut words = vec!["get", "-o", "name"];
    words.extend(children);
    eventually(SOON, "all children exist", async || {
        space.kubectl(&words).await
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_child_that_is_edited_or_deleted_is_restored() {
    scenario("e2e-children", async |space| {
        with_monitoring(space, async || restored(space).await).await;
    })
    .await;
}

async fn restored(space: &Space) {
    space.apply(&space.manifest(FEATURES)).await;
    exist(space, CHILDREN).await;
    for (child, patch, path) in EDITS {
        let before = space.path(child, path).await.unwrap();
        space
            .must(&["patch", child, "--type=merge", "-p", patch])
            .await;
        space.until(child, path, &before).await;
    }
    let uid = async |child: &str| space.path(child, "{.metadata.uid}").await;
    for child in CHILDREN {
        let before = uid(child).await.unwrap();
        space.must(&["delete", child, "--wait=false"]).await;
        let again = async || match uid(child).await? {
            same if same == before => Seen::Err("the same one".into()),
            _ => Ok(()),
        };
        eventually(SOON, &format!("{child} is made anew"), again).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_feature_that_is_no_longer_asked_for_takes_its_child_along() {
    scenario("e2e-features", async |space| {
        with_monitoring(space, async || taken_along(space).await).await;
    })
    .await;
}

async fn taken_along(space: &Space) {
    space.apply(&space.manifest(FEATURES)).await;
    exist(space, CHILDREN).await;
    let stays = space
        .path("deployment/push", "{.metadata.uid}")
        .await
        .unwrap();
    space.apply(&space.manifest("")).await;
    for child in [
        "configmap/push-dashboard",
        "networkpolicy/push",
        "horizontalpodautoscaler/push",
        "servicemonitor/push",
        "prometheusrule/push",
    ] {
        let gone = async || match space.path(child, "{.metadata.name}").await {
            Err(error) if error.to_string().contains("NotFound") => Ok(()),
            other => Err(format!("{other:?}")),
        };
        eventually(SOON, &format!("{child} is gone"), gone).await;
    }
    assert_eq!(
        stays,
        space
            .path("deployment/push", "{.metadata.uid}")
            .await
            .unwrap()
    );
    exist(space, &CHILDREN[2..5]).await;
}
