//! Two operators: one works, the other takes over when the first goes, dies, or is pushed aside.

use k8s_openapi::api::coordination::v1::Lease;
use kube::api::{Patch, PatchParams};
use kube::{Api, Client};
use push_manager_envtest::{Cluster, Options};
use serde_json::json;

use crate::objects::Room;
use crate::operator::{OPERATOR, Operator, SYSTEM, install, program};

async fn cluster() -> &'static Cluster {
    let options = Options {
        controllers: false,
        audit: false,
    };
    let cluster = Box::leak(Box::new(Cluster::start(options).await));
    install(cluster, &program(), None).await;
    cluster
}

async fn lease(client: &Client) -> Lease {
    let api: Api<Lease> = Api::namespaced(client.clone(), SYSTEM);
    api.get(OPERATOR).await.unwrap()
}

async fn holder(client: &Client) -> String {
    lease(client)
        .await
        .spec
        .and_then(|spec| spec.holder_identity)
        .unwrap_or_default()
}

#[tokio::test]
async fn a_leader_that_stops_gives_the_lease_back_and_the_other_works_at_once() {
    let cluster = cluster().await;
    let room = Room::open(cluster, "handover").await;
    let first = Operator::start(cluster, "first", &[]).await;
    first.says("reconciling").await;
    let second = Operator::start(cluster, "second", &[]).await;
    room.apply("one", json!({})).await;
    room.eventually("the first works", async || {
        Ok(room.deployment("one").await.ok_or("none")?)
    })
    .await;
    assert!(!second.log().contains("leading"), "{}", second.log());
    assert!(
        second
            .metrics()
            .await
            .contains("push_manager_operator_leader 0")
    );
    assert!(
        first
            .metrics()
            .await
            .contains("push_manager_operator_leader 1")
    );

    assert!(first.stop().await.success());
    let began = tokio::time::Instant::now();
    second.says("reconciling").await;
    assert!(
        began.elapsed().as_secs() < 8,
        "far less than the lease lasts"
    );
    room.apply("two", json!({})).await;
    room.eventually("the second works", async || {
        Ok(room.deployment("two").await.ok_or("none")?)
    })
    .await;
    let spec = lease(&room.client().await).await.spec.unwrap();
    assert!(spec.holder_identity.unwrap().starts_with("second-"));
    assert_eq!(spec.lease_transitions, Some(1));
}

#[tokio::test]
async fn a_leader_that_dies_is_followed_once_its_lease_has_run_out() {
    let cluster = cluster().await;
    let room = Room::open(cluster, "died").await;
    let mut first = Operator::start(cluster, "first", &[]).await;
    first.says("reconciling").await;
    let second = Operator::start(cluster, "second", &[]).await;
    first.process.signal("KILL");
    first.end().await;
    room.apply("one", json!({})).await;
    second.says("reconciling").await;
    room.eventually("the second works", async || {
        Ok(room.deployment("one").await.ok_or("none")?)
    })
    .await;
}

#[tokio::test]
async fn a_leader_whose_lease_is_stolen_ends_and_writes_no_more() {
    let cluster = cluster().await;
    let room = Room::open(cluster, "stolen").await;
    let mut first = Operator::start(cluster, "first", &[]).await;
    first.says("reconciling").await;
    let client = room.client().await;
    let api: Api<Lease> = Api::namespaced(client.clone(), SYSTEM);
    let stolen = json!({"spec": {"holderIdentity": "thief", "leaseDurationSeconds": 3600}});
    api.patch(OPERATOR, &PatchParams::default(), &Patch::Merge(stolen))
        .await
        .unwrap();
    let status = first.end().await;
    assert_eq!(status.code(), Some(1), "{}", first.log());
    assert!(
        first.log().contains("another operator holds the lease"),
        "{}",
        first.log()
    );
    assert_eq!(
        holder(&client).await,
        "thief",
        "what is another's is not given back"
    );
    room.apply("late", json!({})).await;
    tokio::time::sleep(std::time::Duration::from_secs(3)).await;
    assert!(room.deployment("late").await.is_none());
}

#[tokio::test]
async fn a_leader_that_can_t_renew_ends_before_another_may_begin() {
    let cluster = cluster().await;
    let mut first = Operator::start(cluster, "first", &[]).await;
    first.says("reconciling").await;
    cluster.pause_api_server();
    let began = tokio::time::Instant::now();
    let status = first.end().await;
    let took = began.elapsed().as_secs();
    cluster.resume_api_server();
    assert_eq!(status.code(), Some(1), "{}", first.log());
    assert!(
        first.log().contains("could not be renewed"),
        "{}",
        first.log()
    );
    assert!(
        (6..15).contains(&took),
        "ended after {took} s; the lease lasts 15"
    );
}
