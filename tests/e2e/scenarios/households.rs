//! Several `PushManager`s beside each other, and operators with a namespace of their own.

use push_manager_e2e::{people::People, space::scenario, world::with_login};

const REASON: &str = r#"{.status.conditions[?(@.type=="Degraded")].reason}"#;
const DEGRADED: &str = r#"{.status.conditions[?(@.type=="Degraded")].status}"#;

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_that_is_missing_degrades_one_alone_until_it_appears() {
    scenario("e2e-secret", async |space| {
        space.peers().await;
        space.push_manager("").await;
        let locked = space.manifest("").replace("name: push", "name: locked");
        let login = with_login(&locked, "etcd-login");
        space.apply(&login).await;
        space.until("pm/locked", DEGRADED, "True").await;
        assert_eq!(
            space.path("pm/locked", REASON).await.unwrap(),
            "ContainerConfigFailed"
        );
        assert_eq!(space.path("pm/push", DEGRADED).await.unwrap(), "False");
        // An etcd without accounts takes any login for none.
        let secret = ["create", "secret", "generic", "etcd-login"];
        let login = [
            "--from-literal=username=push",
            "--from-literal=password=word",
        ];
        space.must(&[&secret[..], &login[..]].concat()).await;
        space.until("pm/locked", DEGRADED, "False").await;
        space.available("locked").await;
        space.rolled_out("deployment/locked").await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_of_one_namespace_leaves_others_alone() {
    scenario("e2e-namespaced", async |space| {
        let other = space.second().await;
        let watched = format!("watchNamespaces={{{}}}", space.name);
        let ours = space.lab.install_operator(&[&watched]).await;
        let roles = ["get", "clusterroles,clusterrolebindings", "-o", "name"];
        let roles = space.lab.must(&roles).await;
        for one in [space, &other] {
            one.apply(&one.manifest("")).await;
        }
        space
            .until("deployment/push", "{.spec.replicas}", "1")
            .await;
        tokio::time::sleep(std::time::Duration::from_secs(5)).await;
        let untouched = other
            .kubectl(&["get", "deployments,services,configmaps", "-o", "name"])
            .await;
        space.lab.install_operator(&[]).await.unwrap();
        ours.unwrap();
        let roles = roles.unwrap();
        let mine = roles
            .lines()
            .find(|role| role.contains("push-manager-operator"));
        assert_eq!(mine, None, "a right over the whole cluster");
        let untouched = untouched.unwrap();
        assert_eq!(untouched.trim(), "configmap/kube-root-ca.crt");
        other
            .until("deployment/push", "{.spec.replicas}", "1")
            .await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_of_one_name_in_two_namespaces_do_not_see_each_other() {
    scenario("e2e-two", async |space| {
        let other = space.second().await;
        for one in [space, &other] {
            one.peers().await;
            one.push_manager("").await;
        }
        let (ours, theirs) = (People::connect(space).await, People::connect(&other).await);
        let answer = ours.all_get_a_broadcast("ours").await;
        assert_eq!(answer["totalDelivered"], 9, "{answer}");
        theirs.all_get_a_broadcast("theirs").await;
        assert!(
            theirs.nodes_that_got("ours").await.is_empty(),
            "they got ours"
        );
        other.must(&["delete", "pm", "push"]).await;
        ours.all_get_a_broadcast("the other one is gone").await;
        space
            .must(&[
                "get",
                "deployment/push",
                "service/push",
                "configmap/push-config",
            ])
            .await;
    })
    .await;
}
