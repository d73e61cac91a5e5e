//! Where instances and nodes find each other, when it breaks.

use std::time::Duration;

use push_manager_e2e::{
    forward::Forward,
    hosts,
    people::People,
    settings::variable,
    space::{SOON, Space, scenario},
    world::MEMBERS,
};
use push_manager_envtest::{Seen, eventually};
use serde_json::Value;
use tokio::time::sleep;

use crate::faults::{RATE, world};

#[tokio::test(flavor = "multi_thread")]
async fn an_etcd_that_restarts_fails_no_push() {
    scenario("e2e-etcd", async |space| {
        let people = world(space, 2).await;
        let load = people.load_tried_once(RATE).await;
        hosts::kill(&space.host_of("etcd-0").await, "^etcd --data-dir=/data ").await;
        space
            .until(
                "pod/etcd-0",
                "{.status.containerStatuses[0].restartCount}",
                "1",
            )
            .await;
        space.rolled_out("statefulset/etcd").await;
        sleep(Duration::from_secs(5)).await;
        // Another pod has nothing of what was stored: nodes have to register again.
        space.must(&["delete", "pod", "etcd-0"]).await;
        space.rolled_out("statefulset/etcd").await;
        sleep(Duration::from_secs(20)).await;
        people.history(load).await.is_spotless();
        // What is new in etcd is still noticed.
        space.must(&["delete", "pod", "connect-node-2"]).await;
        space.rolled_out("statefulset/connect-node").await;
        people.all_here().await;
        people.all_get_a_broadcast("after").await;
    })
    .await;
}

/// The numbers of the etcd of three's members that answer.
const OTHERS: [u32; 2] = [1, 2];

/// Asks a member of the etcd of three with etcdctl, which tells JSON.
async fn at_member(space: &Space, number: u32, words: &[&str]) -> Seen<Value> {
    let forward = Forward::to(space, &format!("pod/members-{number}"), 0, 2379).await?;
    let endpoint = format!("--endpoints=127.0.0.1:{}", forward.port);
    let words = [&[&endpoint, "-w", "json"], words].concat();
    let etcdctl = variable("ETCDCTL")?;
    let told = space.lab.program(etcdctl.as_ref(), &words).await?.ok()?;
    Ok(serde_json::from_str(&told)?)
}

/// A member's own number within the cluster, and that of the member which it says leads.
async fn member(space: &Space, number: u32) -> Seen<(u64, u64)> {
    let told = at_member(space, number, &["endpoint", "status"]).await?;
    let status = &told[0]["Status"];
    let own = status["header"]["member_id"].as_u64();
    let leader = status["leader"].as_u64();
    Ok((own.ok_or("no member")?, leader.ok_or("no leader")?))
}

/// Has the first member lead: the one that every client begins with.
async fn first_leads(space: &Space) -> Seen<u64> {
    let (first, leader) = member(space, 0).await?;
    if leader == first {
        return Ok(first);
    }
    for number in OTHERS {
        if member(space, number).await?.0 == leader {
            at_member(space, number, &["move-leader", &format!("{first:x}")]).await?;
        }
    }
    Err("it was asked to lead".into())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_etcd_of_three_that_loses_its_leader_fails_no_push() {
    scenario("e2e-leaderless", async |space| {
        space.peers_of_three().await;
        let endpoints = MEMBERS.replace(',', "\", \"");
        let manifest = space
            .manifest("  replicas: 2\n")
            .replace("etcd:2379", &endpoints);
        let first = eventually(SOON, "the first leads", async || first_leads(space).await).await;
        space.apply(&manifest).await;
        space.available("push").await;
        space.rolled_out("deployment/push").await;
        let people = People::connect(space).await;
        let load = people.load_tried_once(RATE).await;
        // It still takes connections and says nothing, as one whose disk hangs.
        let host = space.host_of("members-0").await;
        hosts::freeze(&host, "members-0").await;
        let elected = async || match member(space, 1).await? {
            (_, leader) if leader == first => Seen::Err("the frozen one leads".into()),
            (_, 0) => Err("nobody leads".into()),
            _ => Ok(()),
        };
        eventually(SOON, "another leads", elected).await;
        sleep(Duration::from_secs(10)).await;
        people.history(load).await.is_spotless();
        // What is new in etcd is noticed though the one that all began with stays away.
        space.must(&["delete", "pod", "connect-node-2"]).await;
        space.rolled_out("statefulset/connect-node").await;
        people.all_here().await;
        people.all_get_a_broadcast("without the first").await;
        hosts::kill(&host, "^etcd --data-dir=/data --name=members-0").await;
        let path = "{.status.containerStatuses[0].restartCount}";
        space.until("pod/members-0", path, "1").await;
        space.rolled_out("statefulset/members").await;
        people.all_get_a_broadcast("after").await;
    })
    .await;
}
