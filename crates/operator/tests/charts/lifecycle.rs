//! The life of releases, against a real API server.

use std::path::{Path, PathBuf};

use push_manager_envtest::Cluster;
use serde_json::Value;

use crate::run::{OPERATOR, SERVER, chart, program, root};
use crate::works;

const CRD: &str = "pushmanagers.pushmanager.io";
/// A line of the definition that an older one words otherwise.
const NEW: &str = "Instances that are wanted.";
const OLD: &str = "Instances as they were wanted.";

/// One release.
struct Release<'a> {
    cluster: &'a Cluster,
    namespace: String,
    name: &'static str,
}

impl Release<'_> {
    fn helm(&self, command: &str, args: &[&str]) {
        let fixed = [command, self.name, "--namespace", &self.namespace];
        let args = [&fixed, args].concat();
        let ran = program("HELM", &args, Some(&self.cluster.kubeconfig()));
        assert!(ran.success, "{args:?}: {}", ran.said);
    }

    async fn get(&self, what: &[&str]) -> Value {
        let fixed = ["get", "--namespace", &self.namespace, "-o", "json"];
        let ran = self.cluster.kubectl(&[&fixed, what].concat()).await;
        assert!(ran.success, "{what:?}: {}", ran.stderr);
        serde_json::from_str(&ran.stdout).unwrap()
    }

    /// The Deployment's template, and how often its spec changed.
    async fn deployment(&self) -> (Value, u64) {
        let deployment = self.get(&["deployment", self.name]).await;
        let generation = deployment["metadata"]["generation"].as_u64().unwrap();
        (deployment["spec"]["template"].clone(), generation)
    }

    /// What of the release is left.
    async fn left(&self) -> Vec<String> {
        let kinds =
            "deployment,service,configmap,serviceaccount,role,rolebinding,poddisruptionbudget";
        let label = format!("app.kubernetes.io/instance={}", self.name);
        let list = self.get(&[kinds, "-l", &label]).await;
        let items = list["items"].as_array().unwrap().iter();
        items
            .map(|item| format!("{} {}", item["kind"], item["metadata"]["name"]))
            .collect()
    }

    /// How the definition in the cluster words its first column.
    async fn column(&self) -> String {
        let crd = self.get(&["crd", CRD]).await;
        let columns = &crd["spec"]["versions"][0]["additionalPrinterColumns"];
        columns[0]["description"].as_str().unwrap().to_owned()
    }
}

/// The operator's chart with an older definition.
fn older(folder: &Path) -> PathBuf {
    fn copy(from: &Path, to: &Path) {
        std::fs::create_dir_all(to).unwrap();
        for entry in std::fs::read_dir(from).unwrap() {
            let from = entry.unwrap().path();
            let to = to.join(from.file_name().unwrap());
            if from.is_dir() {
                copy(&from, &to);
            } else {
                std::fs::copy(&from, &to).unwrap();
            }
        }
    }
    let older = folder.join(OPERATOR);
    copy(&chart(OPERATOR), &older);
    let path = older.join("generated/crd.yaml");
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(text.contains(NEW));
    std::fs::write(&path, text.replace(NEW, OLD)).unwrap();
    older
}

#[tokio::test]
async fn the_operators_release_upgrades_its_definition_and_leaves_it_behind() {
    let cluster = Cluster::shared().await;
    let namespace = cluster.namespace("operator").await;
    let release = Release {
        cluster,
        namespace,
        name: OPERATOR,
    };
    let folder = tempfile::tempdir().unwrap();
    let (older, current) = (older(folder.path()), chart(OPERATOR));
    let (older, current) = (older.to_str().unwrap(), current.to_str().unwrap());

    release.helm("install", &[older]);
    assert_eq!(release.column().await, OLD);
    let example = root().join("examples/minimal.yaml");
    let example = [
        "apply",
        "-n",
        &release.namespace,
        "-f",
        example.to_str().unwrap(),
    ];
    cluster
        .eventually(
            &release.namespace,
            std::time::Duration::from_secs(20),
            "the kind is served",
            async || {
                let ran = cluster.kubectl(&example).await;
                if ran.success { Ok(()) } else { Err(ran.stderr) }
            },
        )
        .await;

    release.helm("upgrade", &[current]);
    assert_eq!(release.column().await, NEW);
    let before = release.deployment().await;
    release.helm("upgrade", &[current, "--set", "log.level=debug"]);
    assert_eq!(
        release.deployment().await,
        before,
        "a level restarts nobody"
    );
    let log = release
        .get(&["configmap", "push-manager-operator-log"])
        .await;
    assert_eq!(log["data"]["level"], "debug");
    release.helm("upgrade", &[current, "--set", "replicas=1"]);
    assert_ne!(release.deployment().await.1, before.1);

    release.helm("rollback", &["1"]);
    assert_eq!(release.column().await, OLD);

    release.helm("uninstall", &[]);
    assert_eq!(release.left().await, Vec::<String>::new());
    assert_eq!(release.column().await, OLD);
    release.get(&["pushmanager", "push"]).await;

    // It takes up again what it left behind.
    release.helm("install", &[current]);
    assert_eq!(release.column().await, NEW);
    release.get(&["pushmanager", "push"]).await;
    works::reconciles(cluster, &release.namespace, OPERATOR).await;
    every_example_is_taken(cluster).await;
    plain_manifests_are_taken(cluster).await;
}

async fn every_example_is_taken(cluster: &Cluster) {
    let made = cluster.kubectl(&["create", "namespace", "messaging"]).await;
    assert!(made.success, "{}", made.stderr);
    let examples = root().join("examples");
    let args = [
        "apply",
        "--dry-run=server",
        "-f",
        examples.to_str().unwrap(),
    ];
    let ran = cluster.kubectl(&args).await;
    assert!(ran.success, "{}", ran.stderr);
}

/// As someone without Helm does, in a cluster where the definition is there already.
async fn plain_manifests_are_taken(cluster: &Cluster) {
    let install = root().join("dist/install.yaml");
    let file = ["-f", install.to_str().unwrap()];
    let apply = ["apply", "--server-side", "--force-conflicts"];
    let ran = cluster.kubectl(&[&apply, &file[..]].concat()).await;
    assert!(ran.success, "{}", ran.stderr);
    let diff = cluster
        .kubectl(&[&["diff", "--server-side", "--force-conflicts"], &file[..]].concat())
        .await;
    assert!(diff.success, "{}{}", diff.stdout, diff.stderr);
}

#[tokio::test]
async fn the_servers_release_rolls_pods_with_its_configuration_and_leaves_nothing() {
    let cluster = Cluster::shared().await;
    let namespace = cluster.namespace("server").await;
    let release = Release {
        cluster,
        namespace,
        name: SERVER,
    };
    let path = chart(SERVER);
    let path = path.to_str().unwrap();
    let hash = |template: &Value| template["metadata"]["annotations"].clone();

    release.helm("install", &[path]);
    let first = release.deployment().await;
    release.helm(
        "upgrade",
        &[path, "--set", "config.limits.concurrent_pushes=8"],
    );
    assert_eq!(release.deployment().await, first, "the server takes it up");
    let file = release.get(&["configmap", "push-manager-config"]).await;
    let file = file["data"]["config.yaml"].as_str().unwrap();
    assert!(file.contains("concurrent_pushes: 8"), "{file}");
    release.helm("upgrade", &[path, "--set", "config.fanout.deadline=2s"]);
    let second = release.deployment().await;
    assert_ne!(hash(&second.0), hash(&first.0));
    release.helm("rollback", &["1"]);
    assert_eq!(hash(&release.deployment().await.0), hash(&first.0));
    release.helm("uninstall", &[]);
    assert_eq!(release.left().await, Vec::<String>::new());
}
