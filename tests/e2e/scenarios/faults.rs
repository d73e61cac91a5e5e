//! What breaks around servers while pushes come, and what becomes of each push.

use std::{collections::BTreeSet, ops::Range, time::Duration};

use push_manager_e2e::{
    history::{History, Push, Target},
    hosts,
    judge::{AFTERWARDS, now_ms},
    people::{Load, People},
    space::{Space, scenario},
};
use tokio::time::sleep;

pub(crate) const RATE: u32 = 100;
/// How long grpc-go may go on dialling, and wait between two times, after its host came back.
pub(crate) const CALLERS_RETURN_WITHIN: Duration = Duration::from_secs(30);

pub(crate) async fn world(space: &Space, replicas: u32) -> People {
    People::around(space, &format!("  replicas: {replicas}\n")).await
}

/// Whatever went wrong was told, and nothing does from now on.
pub(crate) async fn is_over(people: &People, load: Load) -> History {
    let history = nothing_more(people, load).await;
    history.is_honest();
    history
}

/// The same where servers died and came back in this time, in Unix milliseconds.
pub(crate) async fn is_over_where_servers_died(
    people: &People,
    load: Load,
    deaths: &Range<u64>,
) -> History {
    let history = nothing_more(people, load).await;
    history.is_honest_but_for_deaths(deaths);
    history
}

/// Nothing goes wrong from now on.
async fn nothing_more(people: &People, load: Load) -> History {
    let since = now_ms();
    sleep(AFTERWARDS).await;
    let history = people.history(load).await;
    history.is_spotless_since(since);
    history
}

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

/// Kills what servers are on the hosts of these, and waits until the last has been started again so
/// often.
async fn kill(space: &Space, servers: &[String], times: &str) {
    let mut on = BTreeSet::new();
    for server in servers {
        on.insert(space.host_of(server).await);
    }
    for host in on {
        hosts::kill(&host, "^/push-manager$").await;
    }
    let path = "{.status.containerStatuses[0].restartCount}";
    let last = servers.last().unwrap();
    space.until(&format!("pod/{last}"), path, times).await;
    space.rolled_out("deployment/push").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_killed_loses_nothing_that_it_acknowledged() {
    scenario("e2e-kill", async |space| {
        let people = world(space, 2).await;
        let load = people.load(RATE).await;
        let (died, servers) = (now_ms(), space.servers().await);
        kill(space, &servers[..1], "1").await;
        sleep(Duration::from_secs(5)).await;
        // Callers go over to the other so soon that they may not notice. Without any they do.
        kill(space, &servers, "1").await;
        let back = now_ms();
        sleep(CALLERS_RETURN_WITHIN).await;
        let history = is_over_where_servers_died(&people, load, &(died..back)).await;
        let mut pushes = history.pushes.iter();
        let again = pushes.any(|push| push.tries > 1 && push.ok);
        assert!(again, "no call was tried again with success");
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
