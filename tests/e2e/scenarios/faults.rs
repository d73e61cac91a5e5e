//! What breaks around servers while pushes come, and what becomes of each push.

use std::time::Duration;

use push_manager_e2e::{
    history::{Push, Target},
    hosts,
    judge::{AFTERWARDS, now_ms},
    people::{Load, People},
    space::{SOON, Space, scenario},
};
use push_manager_envtest::{Seen, eventually};
use tokio::time::sleep;

pub(crate) const RATE: u32 = 100;
/// How long grpc-go may go on dialling, and wait between two times, after its host came back.
const CALLERS_RETURN_WITHIN: Duration = Duration::from_secs(30);

pub(crate) async fn world(space: &Space, replicas: u32) -> People {
    People::around(space, &format!("  replicas: {replicas}\n")).await
}

/// Whatever went wrong was told, and nothing does from now on.
async fn is_over(people: &People, load: Load) -> push_manager_e2e::history::History {
    let since = now_ms();
    sleep(AFTERWARDS).await;
    let history = people.history(load).await;
    history.is_honest_and_spotless_since(since);
    history
}

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

/// Has the Controller keep in etcd who is where: in memory alone it would forget at its end.
async fn controller_remembers(space: &Space) {
    let path = "/spec/template/spec/containers/0/args/-";
    let patch = format!(r#"[{{"op":"add","path":"{path}","value":"--etcd=etcd:2379"}}]"#);
    space
        .must(&[
            "patch",
            "deployment/controller",
            "--type=json",
            "-p",
            &patch,
        ])
        .await;
    space.rolled_out("deployment/controller").await;
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
async fn a_server_that_is_killed_loses_nothing_that_it_acknowledged() {
    scenario("e2e-kill", async |space| {
        let people = world(space, 2).await;
        let load = people.load(RATE).await;
        let pod = space.servers().await.remove(0);
        hosts::kill(&space.host_of(&pod).await, "^/push-manager$").await;
        let path = "{.status.containerStatuses[0].restartCount}";
        space.until(&format!("pod/{pod}"), path, "1").await;
        space.rolled_out("deployment/push").await;
        let history = is_over(&people, load).await;
        let mut pushes = history.pushes.iter();
        assert!(
            pushes.any(|push| push.sends > 1 || !push.ok),
            "no caller noticed"
        );
        people.all_get_a_broadcast("after the kill").await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rolling_the_connect_nodes_loses_nothing_for_those_who_are_there() {
    scenario("e2e-nodes", async |space| {
        let people = world(space, 2).await;
        let load = people.load(RATE).await;
        let joins = people.joins();
        space
            .must(&["rollout", "restart", "statefulset/connect-node"])
            .await;
        space.rolled_out("statefulset/connect-node").await;
        people.all_here().await;
        people.all_known().await;
        assert!(people.joins() > joins, "nobody was cut off");
        is_over(&people, load).await;
        people.all_get_a_broadcast("after the rollout").await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_controller_that_is_away_fails_pushes_that_need_it_and_no_other() {
    scenario("e2e-controller", async |space| {
        let people = world(space, 2).await;
        controller_remembers(space).await;
        people.all_known().await;
        let load = people.load(RATE).await;
        space
            .must(&["scale", "deployment/controller", "--replicas=0"])
            .await;
        sleep(Duration::from_secs(30)).await;
        space
            .must(&["scale", "deployment/controller", "--replicas=1"])
            .await;
        space.rolled_out("deployment/controller").await;
        people.all_known().await;
        let history = is_over(&people, load).await;
        let broadcasts = |push: &&Push| matches!(push.target, Target::Broadcast);
        let (all, others): (Vec<_>, Vec<_>) = history.pushes.iter().partition(broadcasts);
        let wrong = all.into_iter().find(|push| !push.is_settled());
        assert_eq!(wrong, None, "a broadcast needs no Controller");
        let failed = others.iter().filter(|push| !push.ok).count();
        assert!(failed > 100, "and others do: {failed} failed");
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
        for host in [dies, stays] {
            let mut on = 0;
            for server in space.servers().await {
                on += usize::from(space.host_of(&server).await == *host);
            }
            assert!(on > 0, "no server is on {host}: they are not spread");
        }
        for workload in ["statefulset/etcd", "deployment/controller"] {
            space.pin(workload, stays).await;
        }
        people.all_known().await;
        people.all_get_a_broadcast("before").await;
        let load = people.load(RATE).await;
        let there = people.at(space, stays).await;
        let served = async || -> Seen<()> {
            let body = r#"{"content":{"type":"TEXT","data":"while one is dead"}}"#;
            let answer = people.grpcurl("BroadcastMessage", body).await?;
            match answer["totalDelivered"].as_u64() {
                Some(count) if count >= there => Ok(()),
                other => Err(format!("{other:?} of {there}").into()),
            }
        };
        hosts::without(dies, async || {
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
        // Callers that dial who is dead wait 20 s for an answer, and then for their turn.
        sleep(CALLERS_RETURN_WITHIN).await;
        is_over(&people, load).await;
        people.all_get_a_broadcast("after").await;
    })
    .await;
}
