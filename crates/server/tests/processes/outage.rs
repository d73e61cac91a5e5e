//! etcd goes away under load; pushes go on with the last good set of nodes.

use std::time::Duration;

use push_manager_proto::pubsub::BroadcastMessageRequest;
use tokio::{
    task::{JoinHandle, JoinSet},
    time::{Instant, MissedTickBehavior, interval, sleep, sleep_until},
};
use tokio_util::sync::CancellationToken;
use tonic::Status;

use crate::{
    bed::text,
    load::{self, Answer, Caller, Listener},
    system::{System, until},
};

const OUTAGE: Duration = Duration::from_secs(30);
/// Pushes a second that must be kept up.
const RATE: f64 = 200.0;
/// Between two pushes: a little faster than the rate, so that a late one doesn't miss it.
const PAUSE: Duration = Duration::from_micros(4_800);
/// This is about etcd, not about how fast an unoptimized build is on a busy machine.
const PATIENT: [&str; 3] = [
    "fanout.deadline=25s",
    "controller.timeout=20s",
    "log.level=warn,push_manager::server=info",
];
const CALLERS: usize = 4;
/// A node added as etcd returns gets pushes within so long.
const NEW_NODE_WITHIN: Duration = Duration::from_secs(2);

struct Sent {
    number: u64,
    at: Instant,
    answer: Result<Answer, Status>,
}

/// Pushes at the rate until told to stop, then waits for every answer.
fn keep_pushing(callers: Vec<Caller>, stop: CancellationToken) -> JoinHandle<Vec<Sent>> {
    tokio::spawn(async move {
        let mut calls = JoinSet::new();
        let mut ticks = interval(PAUSE);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
        for (number, caller) in (0..).zip(callers.iter().cycle()) {
            if stop.run_until_cancelled(ticks.tick()).await.is_none() {
                break;
            }
            let mut caller = caller.clone();
            calls.spawn(async move {
                let at = Instant::now();
                let answer = load::push(&mut caller, number).await;
                Sent { number, at, answer }
            });
        }
        calls.join_all().await
    })
}

/// A broadcast each 50 ms, which shows when a new node is reached.
fn keep_probing(mut caller: Caller, stop: CancellationToken) -> JoinHandle<()> {
    tokio::spawn(async move {
        while !stop.is_cancelled() {
            let request = BroadcastMessageRequest {
                content: Some(text("probe")),
                options: None,
            };
            caller.broadcast_message(request).await.unwrap();
            sleep(Duration::from_millis(50)).await;
        }
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn etcd_killed_for_30_s_under_200_pushes_a_second_loses_none() {
    let _busy = load::BUSY.lock().await;
    let args = PATIENT.map(|setting| ["--set", setting]);
    let mut system = System::start(3, args.as_flattened()).await;
    let people = load::people(&system.nodes).await;
    let stop = CancellationToken::new();
    let callers = (0..CALLERS).map(|_| system.manager.client()).collect();
    let pushing = keep_pushing(callers, stop.clone());
    let probing = keep_probing(system.manager.client(), stop.clone());
    let heard_some = async || people.iter().all(|person| person.heard().len() > 20);
    until("pushes flow to everyone", heard_some).await;

    system.etcd.kill();
    let (killed, over) = (Instant::now(), Instant::now() + OUTAGE);
    system.manager.process.log_line("etcd is away").await;
    sleep_until(over - Duration::from_secs(3)).await;
    // It registers as soon as etcd is back.
    system.add_node("connect-node-4", &[]).await;
    let newcomer = Listener::new(system.nodes[3].join("newcomer", "elsewhere").await);
    sleep_until(over).await;
    assert!(newcomer.heard().is_empty(), "nobody can know it yet");

    system.etcd.restart().await;
    let returned = Instant::now();
    until("the new node is reached", async || {
        !newcomer.heard().is_empty()
    })
    .await;
    let took = newcomer.heard()[0].0.saturating_duration_since(returned);
    assert!(
        took <= NEW_NODE_WITHIN,
        "new node reached only after {took:?}"
    );
    // What etcd's return may upset shows in the seconds after it.
    sleep(Duration::from_secs(3)).await;
    assert_eq!(
        system
            .manager
            .metric("push_manager_discovery_nodes", "")
            .await,
        4.0
    );

    stop.cancel();
    probing.await.unwrap();
    let sent = pushing.await.unwrap();
    let during = sent
        .iter()
        .filter(|sent| (killed..over).contains(&sent.at))
        .count();
    let rate = during as f64 / OUTAGE.as_secs_f64();
    println!("{rate:.0} pushes a second; new node reached {took:?} after etcd");
    assert!(rate >= RATE, "only {rate} pushes a second");
    let mut acknowledged = Vec::new();
    for Sent { number, answer, .. } in sent {
        match answer {
            Ok(answer) if answer.success => acknowledged.push(number),
            failed => panic!("push {number} failed: {failed:?}"),
        }
    }
    load::balance(&people, &acknowledged).await;
}
