use std::{collections::BTreeMap, io::Read, path::PathBuf};

use super::*;

const SECRET: &str = "hunter2";
const APPS: &str = "/apis/apps/v1/namespaces/prod";

fn unpacked(path: &PathBuf) -> BTreeMap<String, String> {
    let packed = std::fs::File::open(path).unwrap();
    let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(packed));
    let mut files = BTreeMap::new();
    for file in archive.entries().unwrap() {
        let mut file = file.unwrap();
        let path = file.path().unwrap().display().to_string();
        let mut content = String::new();
        file.read_to_string(&mut content).unwrap();
        files.insert(path, content);
    }
    files
}

fn target(name: &str) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    drop(std::fs::remove_file(&path));
    path
}

/// /metrics of a manager.
async fn metrics() -> std::net::SocketAddr {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = axum::Router::new().route(
        "/metrics",
        axum::routing::get(|| async { "push_manager_push_total 5\n" }),
    );
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    address
}

async fn full() -> Cluster {
    let cluster = cluster().await;
    let manager = Manager::start(Takes::Acts).await;
    cluster.put_pod(
        "push-a",
        HASH,
        [Some(manager.address), Some(metrics().await)],
    );
    cluster.add_line(
        "push-a",
        &format!("2026-01-01T00:00:01Z token={SECRET} said"),
    );
    cluster.put(
        &format!("{APPS}/deployments"),
        "push",
        json!({
            "metadata": { "annotations": {
                "kubectl.kubernetes.io/last-applied-configuration": SECRET } },
            "spec": { "template": { "spec": { "containers": [{
                "env": [{ "name": "ADMIN_OPERATE_TOKEN", "value": SECRET }] }] } } },
        }),
    );
    cluster.put(
        "/api/v1/namespaces/prod/configmaps",
        "push",
        json!({
            "data": { "push-manager.toml": format!("[admin]\nread_token = \"{SECRET}\"\n") },
        }),
    );
    cluster.put("/api/v1/namespaces/prod/events", "push.1", json!({
        "involvedObject": { "name": "push-a" }, "message": "Back-off", "metadata": { "labels": {} },
    }));
    cluster.put("/api/v1/namespaces/prod/events", "other.1", json!({
        "involvedObject": { "name": "other" }, "message": "of others", "metadata": { "labels": {} },
    }));
    cluster.put(
        "/api/v1/namespaces/prod/secrets",
        "push",
        json!({ "data": { "x": SECRET } }),
    );
    cluster
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bundle_has_all_there_is_and_no_secret() {
    let cluster = full().await;
    let path = target("diagnose.tar.gz");
    let arguments = ["diagnose", "push", "--output", path.to_str().unwrap()];
    let output = run(&cluster, &arguments).await;
    let files = unpacked(&path);
    let at = |name: &str| &files[&format!("pushmanager-prod-push/{name}")];
    assert!(at("pushmanager.json").contains("PushManager"));
    assert!(at("children/deployments/push.json").contains("ADMIN_OPERATE_TOKEN"));
    assert!(at("children/configmaps/push.json").contains("read_token"));
    assert!(at("pods/push-a/push-manager.log").contains("token=***"));
    assert_eq!(at("pods/push-a/metrics.txt"), "push_manager_push_total 5\n");
    let admin: Value = serde_json::from_str(at("pods/push-a/admin.json")).unwrap();
    assert_eq!(admin["state"]["nodes"][0]["id"], "push-1");
    assert!(at("events.json").contains("Back-off") && !at("events.json").contains("of others"));
    assert!(at("versions.json").contains("v1.33.0"));
    assert!(at("status.txt").contains("PushManager prod/push"));

    for (name, content) in &files {
        assert!(!content.contains(SECRET), "{name}: {content}");
    }
    let asked = cluster.asked();
    assert!(
        !asked.iter().any(|path| path.contains("secrets")),
        "{asked:?}"
    );

    // The operator's pods are not there: that is told, in the bundle too.
    assert_eq!(output.status.code(), Some(3), "{output:?}");
    let name = "not-collected/000-operator.txt";
    assert!(at(name).contains("no pod has the label"), "{files:?}");
    assert!(
        out(&output).contains("1 could not be collected"),
        "{output:?}"
    );

    let output = run(&cluster, &arguments).await;
    assert_eq!(
        output.status.code(),
        Some(2),
        "nothing is written over: {output:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_refused_is_in_the_bundle_with_its_reason() {
    let cluster = full().await;
    for word in ["configmaps", "log", "portforward", "/api/v1/pods"] {
        cluster.deny(word);
    }
    let path = target("denied.tar.gz");
    let output = run(
        &cluster,
        &["diagnose", "push", "--output", path.to_str().unwrap()],
    )
    .await;
    assert_eq!(output.status.code(), Some(3), "{output:?}");
    let files = unpacked(&path);
    let told: String = files
        .iter()
        .filter(|(name, _)| name.contains("/not-collected/"))
        .map(|(_, content)| content.as_str())
        .collect();
    for refused in [
        "configmaps is forbidden",
        "pods/log is forbidden",
        "/api/v1/pods is forbidden",
        "portforward is forbidden",
    ] {
        assert!(told.contains(refused), "{refused}: {told}");
    }
    assert!(files.contains_key("pushmanager-prod-push/children/deployments/push.json"));
}
