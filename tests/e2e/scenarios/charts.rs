//! The charts, as users try and remove them.

use push_manager_e2e::{
    lab::{OPERATOR, OPERATOR_NAMESPACE},
    space::{SOON, Space, scenario},
};
use push_manager_envtest::{Seen, eventually};

/// Not `all`: that would be a PushManager as well, which is unknown once its definition is gone.
const KINDS: &str = "pods,deployments,replicasets,services,configmaps,secrets,serviceaccounts,roles,\
                     rolebindings,leases,pdb,netpol,hpa";

async fn helm(space: &Space, words: &[&str]) -> String {
    let said = space.lab.helm(words).await;
    said.unwrap_or_else(|error| panic!("{error}"))
}

/// Runs a release's tests: at least one, all of them well.
async fn helm_test(space: &Space, release: &str, namespace: &str) {
    let words = ["test", release, "--namespace", namespace, "--timeout", "2m"];
    let said = helm(space, &words).await;
    let phases = said.lines().filter_map(|line| line.strip_prefix("Phase:"));
    let phases: Vec<&str> = phases.map(str::trim).collect();
    assert!(!phases.is_empty(), "no test ran: {said}");
    assert!(phases.iter().all(|phase| *phase == "Succeeded"), "{said}");
}

async fn uninstall(space: &Space) {
    let words = ["uninstall", OPERATOR, "--namespace", OPERATOR_NAMESPACE];
    helm(space, &[&words[..], &["--wait"]].concat()).await;
}

/// Waits until nothing but these is left of an installation; pods take a while to end.
async fn only_these_stay(space: &Space, these: &[&str]) {
    eventually(SOON, "nothing else stays", async || -> Seen<()> {
        let mut left = ours(space).await;
        left.retain(|name| !name.contains("e2e-"));
        if left == these {
            Ok(())
        } else {
            Err(format!("{left:?}").into())
        }
    })
    .await;
}

/// Every object of the cluster and its namespaces that names Push-Manager.
async fn ours(space: &Space) -> Vec<String> {
    let mut found = Vec::new();
    let kinds = "clusterroles,clusterrolebindings,customresourcedefinitions,namespaces";
    let cluster = ["get", kinds, "-o", "name"];
    let inside = [
        "get",
        KINDS,
        "--namespace",
        OPERATOR_NAMESPACE,
        "-o",
        "name",
    ];
    for words in [&cluster[..], &inside[..]] {
        let listed = space.lab.must(words).await.unwrap();
        let named = listed.lines().filter(|name| name.contains("push"));
        found.extend(named.map(str::to_owned));
    }
    found.sort();
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn helm_test_passes_for_both_charts() {
    scenario("e2e-helm-test", async |space| {
        space.peers().await;
        helm_test(space, OPERATOR, OPERATOR_NAMESPACE).await;
        let chart = space
            .lab
            .settings
            .root
            .join("charts/push-manager")
            .display()
            .to_string();
        let tag = format!("image.tag={}", space.lab.settings.tag);
        let mut install = vec!["install", "plain", &chart, "--namespace", &space.name];
        install.extend(["--set", &tag, "--set", "config.etcd.endpoints={etcd:2379}"]);
        install.extend(["--set", "config.controller.address=controller:50051"]);
        install.extend(["--wait", "--timeout", "2m"]);
        helm(space, &install).await;
        helm_test(space, "plain", &space.name).await;
        helm(
            space,
            &["uninstall", "plain", "--namespace", &space.name, "--wait"],
        )
        .await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn uninstalling_leaves_the_definition_and_what_runs_and_deleting_leaves_nothing() {
    scenario("e2e-uninstall", async |space| {
        space.apply(&space.manifest("")).await;
        space
            .until("deployment/push", "{.spec.replicas}", "1")
            .await;
        uninstall(space).await;
        only_these_stay(
            space,
            &[
                "customresourcedefinition.apiextensions.k8s.io/pushmanagers.pushmanager.io",
                "lease.coordination.k8s.io/push-manager-operator",
                "namespace/push-manager-system",
            ],
        )
        .await;
        space.must(&["get", "pm/push", "deployment/push"]).await;
        // Installed anew it goes on with what is there.
        space.lab.install_operator(&[]).await.unwrap();
        space.apply(&space.manifest("  replicas: 2\n")).await;
        space
            .until("deployment/push", "{.spec.replicas}", "2")
            .await;

        let all = ["delete", "pushmanagers", "--all", "--all-namespaces"];
        space.lab.must(&all).await.unwrap();
        uninstall(space).await;
        for object in [
            "crd/pushmanagers.pushmanager.io",
            "namespace/push-manager-system",
        ] {
            space.lab.must(&["delete", object]).await.unwrap();
        }
        only_these_stay(space, &[]).await;
        let label = "app.kubernetes.io/name=push-manager";
        let children = ["get", KINDS, "-l", label, "-o", "name"];
        eventually(SOON, "its children are gone", async || -> Seen<()> {
            let left = space.kubectl(&children).await?;
            if left.is_empty() {
                Ok(())
            } else {
                Err(left.into())
            }
        })
        .await;
        space.lab.install_operator(&[]).await.unwrap();
    })
    .await;
}
