//! What a cluster, shared by tests with runtimes of their own, does for them.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use std::time::Duration;

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{ConfigMap, Pod};
use kube::api::{DeleteParams, ListParams, PostParams};
use kube::{Api, Client};
use push_manager_envtest::{Behaviour, Cluster, Kubelet, Output, Seen, eventually};
use serde_json::json;

const SOON: Duration = Duration::from_secs(20);

fn succeeded(output: &Output) -> &str {
    assert!(output.success, "{}", output.stderr);
    &output.stdout
}

async fn deploy(client: &Client, namespace: &str, name: &str, replicas: i32) -> Api<Deployment> {
    let labels = json!({"app": name});
    let deployment = serde_json::from_value(json!({
        "metadata": {"name": name},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": {
                    "initContainers": [{"name": "first", "image": "example/first"}],
                    "containers": [
                        {"name": "one", "image": "example/one"},
                        {"name": "two", "image": "example/two"},
                    ],
                },
            },
        },
    }))
    .unwrap();
    let api = Api::namespaced(client.clone(), namespace);
    api.create(&PostParams::default(), &deployment)
        .await
        .unwrap();
    api
}

async fn is_available(deployments: &Api<Deployment>, name: &str) -> Seen<()> {
    let status = deployments.get(name).await?.status.unwrap_or_default();
    let conditions = status.conditions.iter().flatten();
    let mut available = conditions.filter(|c| c.type_ == "Available" && c.status == "True");
    match available.next() {
        Some(_) => Ok(()),
        None => Err(format!("{status:?}").into()),
    }
}

/// Why each container of the namespace's Pods waits, and what it says of that.
async fn waiting(pods: &Api<Pod>) -> Vec<(String, String)> {
    let list = pods.list(&ListParams::default()).await.unwrap();
    let statuses = list.items.into_iter().filter_map(|pod| pod.status);
    let containers = statuses.flat_map(|status| status.container_statuses.unwrap_or_default());
    let waiting = containers.filter_map(|container| container.state?.waiting);
    waiting
        .map(|state| {
            let (reason, message) = (state.reason, state.message);
            (reason.unwrap_or_default(), message.unwrap_or_default())
        })
        .collect()
}

#[tokio::test]
async fn kubectl_talks_to_the_pinned_version() {
    let cluster = Cluster::shared().await;
    let version = cluster.kubectl(&["version", "-o", "json"]).await;
    let version: serde_json::Value = serde_json::from_str(succeeded(&version)).unwrap();
    assert_eq!(version["serverVersion"]["minor"], "34", "{version}");
    let unknown = cluster.kubectl(&["get", "unknown"]).await;
    assert!(!unknown.success && unknown.stderr.contains("unknown"));
}

#[tokio::test]
async fn a_service_account_is_refused_what_its_role_lacks() {
    let cluster = Cluster::shared().await;
    let namespace = cluster.namespace("rbac").await;
    for args in [
        &["create", "sa", "reader"][..],
        &["create", "role", "r", "--verb=get", "--resource=configmaps"],
        &[
            "create",
            "rolebinding",
            "r",
            "--role=r",
            &format!("--serviceaccount={namespace}:reader"),
        ],
        &["create", "configmap", "there"],
    ] {
        let args = [args, &["-n", &namespace]].concat();
        succeeded(&cluster.kubectl(&args).await);
    }

    let client = cluster.client_for(&namespace, "reader").await;
    let maps: Api<ConfigMap> = Api::default_namespaced(client);
    // The authorizer learns of new bindings by a watch of its own.
    eventually(SOON, "the account may get", async || {
        maps.get("there").await
    })
    .await;
    let refused = maps.list(&ListParams::default()).await.unwrap_err();
    let kube::Error::Api(status) = &refused else {
        panic!("{refused}");
    };
    assert_eq!(status.code, 403);
    assert!(status.message.contains(&format!("{namespace}:reader")));
}

#[tokio::test]
async fn the_audit_log_tells_who_wrote_what() {
    let cluster = Cluster::shared().await;
    let namespace = cluster.namespace("audit").await;
    let create = ["create", "configmap", "before", "-n", &namespace];
    succeeded(&cluster.kubectl(&create).await);
    let mark = cluster.audit_mark().await;
    let create = ["create", "configmap", "after", "-n", &namespace];
    succeeded(&cluster.kubectl(&create).await);

    let events = cluster.audit_since(mark).await;
    let ours = events
        .iter()
        .filter(|event| event.namespace == namespace && event.resource == "configmaps")
        // The controllers write a root certificate into each namespace.
        .filter(|event| event.user == "admin");
    let ours: Vec<_> = ours.collect();
    let [event] = ours[..] else {
        panic!("one write is expected: {ours:?}");
    };
    assert_eq!((event.verb.as_str(), event.code), ("create", 201));
    assert_eq!(event.name, "after");
}

#[tokio::test]
async fn a_deployment_becomes_available_and_its_pods_go_with_it() {
    let cluster = Cluster::shared().await;
    let namespace = cluster.namespace("available").await;
    let _kubelet = Kubelet::run(cluster.kubelet_client().await, &namespace);
    let client = cluster.client().await;
    let deployments = deploy(&client, &namespace, "web", 2).await;
    eventually(SOON, "the Deployment is available", async || {
        is_available(&deployments, "web").await
    })
    .await;

    let dump = cluster.dump(&namespace).await;
    for part in ["Deployment web", "Available=True", "== events ==\n"] {
        assert!(dump.contains(part), "{part} is missing in:\n{dump}");
    }
    assert!(dump.contains("SuccessfulCreate"), "no events in:\n{dump}");

    deployments
        .delete("web", &DeleteParams::default())
        .await
        .unwrap();
    let pods: Api<Pod> = Api::namespaced(client, &namespace);
    eventually(SOON, "the Pods are collected", async || -> Seen<()> {
        match pods.list(&ListParams::default()).await?.items.len() {
            0 => Ok(()),
            left => Err(format!("{left} Pods").into()),
        }
    })
    .await;
}

#[tokio::test]
async fn a_pod_that_fails_says_why_and_recovers() {
    let cluster = Cluster::shared().await;
    let namespace = cluster.namespace("failing").await;
    let kubelet = Kubelet::run(cluster.kubelet_client().await, &namespace);
    let message = "not found: example/one".to_owned();
    kubelet.behave_labelled("app", "web", Behaviour::ImagePull { message });
    let client = cluster.client().await;
    let deployments = deploy(&client, &namespace, "web", 1).await;
    let pods: Api<Pod> = Api::namespaced(client, &namespace);
    let wait_for = async |reason: &str, message: &str| {
        let expected = vec![(reason.to_owned(), message.to_owned()); 2];
        eventually(SOON, reason, async || match waiting(&pods).await {
            seen if seen == expected => Ok(()),
            other => Err(format!("{other:?}")),
        })
        .await;
    };
    wait_for("ImagePullBackOff", "not found: example/one").await;

    let name = "password".to_owned();
    kubelet.behave_labelled("app", "web", Behaviour::MissingSecret { name });
    let message = "secret \"password\" not found";
    wait_for("CreateContainerConfigError", message).await;

    kubelet.behave_labelled("app", "web", Behaviour::Ready);
    eventually(SOON, "the Deployment is available", async || {
        is_available(&deployments, "web").await
    })
    .await;

    kubelet.behave_labelled("app", "web", Behaviour::CrashLoop { restarts: 7 });
    eventually(SOON, "a crash loop", async || -> Seen<()> {
        let list = pods.list(&ListParams::default()).await?;
        let status = list.items.into_iter().next().and_then(|pod| pod.status);
        let containers = status
            .and_then(|s| s.container_statuses)
            .unwrap_or_default();
        if containers.iter().all(|c| c.restart_count == 7 && !c.ready) {
            Ok(())
        } else {
            Err(format!("{containers:?}").into())
        }
    })
    .await;
}

#[tokio::test]
async fn pods_of_a_stateful_set_come_one_after_the_other() {
    let cluster = Cluster::shared().await;
    let namespace = cluster.namespace("stateful").await;
    let kubelet = Kubelet::run(cluster.kubelet_client().await, &namespace);
    kubelet.behave(Behaviour::NeverReady);
    let manifest = json!({
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "metadata": {"name": "db"},
        "spec": {
            "replicas": 2,
            "serviceName": "db",
            "selector": {"matchLabels": {"app": "db"}},
            "template": {
                "metadata": {"labels": {"app": "db"}},
                "spec": {"containers": [{"name": "db", "image": "example/db"}]},
            },
        },
    });
    let apply = ["apply", "-n", &namespace, "-f", "-"];
    succeeded(&cluster.kubectl_with(&apply, &manifest.to_string()).await);
    let pods: Api<Pod> = Api::namespaced(cluster.client().await, &namespace);
    let addresses_are = async |expected: &[&str]| {
        let look = async || -> Seen<()> {
            let list = pods.list(&ListParams::default()).await?.items;
            let statuses = list.into_iter().filter_map(|pod| pod.status);
            let mut seen: Vec<_> = statuses.filter_map(|status| status.pod_ip).collect();
            seen.sort();
            if seen == expected {
                Ok(())
            } else {
                Err(format!("{seen:?}").into())
            }
        };
        let what = format!("Pods with the addresses {expected:?}");
        cluster.eventually(&namespace, SOON, &what, look).await;
    };
    addresses_are(&["127.0.0.2"]).await;
    kubelet.behave(Behaviour::Ready);
    addresses_are(&["127.0.0.2", "127.0.0.3"]).await;
}
