//! Workers, the hosts that pods run on, are emptied and die.

use std::time::Duration;

use push_manager_e2e::{
    forward::Forward,
    hosts,
    judge::now_ms,
    people::People,
    space::{SOON, Space, scenario},
};
use push_manager_envtest::{Seen, eventually};
use tokio::time::sleep;

use crate::faults::{CALLERS_RETURN_WITHIN, RATE, is_over, is_over_where_servers_died, world};

/// People around servers, and the host of one server, on which nothing but servers is.
async fn world_and_host(space: &Space, replicas: u32) -> (People, String) {
    let people = world(space, replicas).await;
    let pod = space.servers().await.remove(0);
    let host = space.host_of(&pod).await;
    let workers = space.workers().await;
    let other = workers.iter().find(|other| **other != host).unwrap();
    for workload in PEERS {
        space.pin(workload, other).await;
    }
    people.all_here().await;
    people.all_known().await;
    (people, host)
}

const PEERS: [&str; 3] = [
    "statefulset/etcd",
    "deployment/controller",
    "statefulset/connect-node",
];

/// A server on this host.
async fn server_on(space: &Space, host: &str) -> Option<String> {
    for server in space.servers().await {
        if space.host_of(&server).await == *host {
            return Some(server);
        }
    }
    None
}

/// Empties a host, as for its maintenance.
async fn drain(space: &Space, host: &str) {
    let drain = ["drain", host, "--ignore-daemonsets", "--timeout=90s"];
    let drain = [&drain[..], &["--delete-emptydir-data"]].concat();
    let drained = space.kubectl(&drain).await;
    let words = ["uncordon", host];
    let again = async || space.kubectl(&words).await;
    eventually(SOON, "the host takes pods again", again).await;
    drained.unwrap_or_else(|error| panic!("{error}"));
}

#[tokio::test(flavor = "multi_thread")]
async fn draining_a_host_of_the_only_replica_ends_and_loses_nothing() {
    scenario("e2e-drain-one", async |space| {
        let (people, host) = world_and_host(space, 1).await;
        let load = people.load(RATE).await;
        drain(space, &host).await;
        space.rolled_out("deployment/push").await;
        sleep(CALLERS_RETURN_WITHIN).await;
        is_over(&people, load).await;
        people.all_get_a_broadcast("after the drain").await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn draining_a_host_of_one_of_three_replicas_fails_no_push() {
    scenario("e2e-drain-three", async |space| {
        let (people, host) = world_and_host(space, 3).await;
        let load = people.load_tried_once(RATE).await;
        drain(space, &host).await;
        space.rolled_out("deployment/push").await;
        sleep(Duration::from_secs(5)).await;
        people.history(load).await.is_spotless();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_dies_costs_those_on_it_and_comes_back() {
    scenario("e2e-worker", async |space| {
        let people = world(space, 3).await;
        let [dies, stays] = &space.workers().await[..] else {
            panic!("two workers are needed");
        };
        let mut survivor = None;
        for host in [dies, stays] {
            survivor = server_on(space, host).await;
            assert!(
                survivor.is_some(),
                "no server is on {host}: they are not spread"
            );
        }
        let survivor = format!("pod/{}", survivor.unwrap());
        let survivor = Forward::to(space, &survivor, 0, 50053).await.unwrap();
        let survivor = format!("127.0.0.1:{}", survivor.port);
        for workload in ["statefulset/etcd", "deployment/controller"] {
            space.pin(workload, stays).await;
        }
        people.all_known().await;
        people.all_get_a_broadcast("before").await;
        let load = people.load(RATE).await;
        let (there, cut) = (people.at(space, stays).await, people.at(space, dies).await);
        assert!(there > 0 && cut > 0, "{there} people stay, {cut} don't");
        let died = now_ms();
        let body = r#"{"content":{"type":"TEXT","data":"while one is dead"}}"#;
        let served_at = async |address: &str| -> Seen<()> {
            let answer = people.grpcurl_at(address, "BroadcastMessage", body).await?;
            match answer["totalDelivered"].as_u64() {
                Some(count) if count >= there => Ok(()),
                other => Err(format!("{other:?} of {there}").into()),
            }
        };
        let served = async || served_at(&people.push).await;
        hosts::without(dies, async || {
            // At once, at whoever is left: dead nodes cost the others nothing.
            let at_once = served_at(&survivor).await;
            at_once.unwrap_or_else(|error| panic!("{error}"));
            eventually(SOON, "those on the other host are served", served).await;
            sleep(Duration::from_secs(20)).await;
        })
        .await;
        for object in ["deployment/push", "statefulset/connect-node"] {
            space.rolled_out(object).await;
        }
        space
            .must(&[
                "wait",
                "--for=condition=Ready",
                &format!("node/{dies}"),
                "--timeout=90s",
            ])
            .await;
        people.all_here().await;
        people.all_known().await;
        let back = now_ms();
        // Callers that dial who is dead wait 20 s for an answer, and then for their turn.
        sleep(CALLERS_RETURN_WITHIN).await;
        is_over_where_servers_died(&people, load, &(died..back)).await;
        people.all_get_a_broadcast("after").await;
    })
    .await;
}
