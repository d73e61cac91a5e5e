//! A thousand PushManagers: how long until all is written, in how much memory, and how quiet it
//! is then. The figures are printed; `-- --nocapture` shows them.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    missing_docs,
    unreachable_pub,
    dead_code,
    reason = "a test fails by panicking; its support is shared with others"
)]

#[path = "support/objects.rs"]
mod objects;
#[path = "support/operator.rs"]
mod operator;

use std::collections::BTreeMap;
use std::time::Duration;

use futures::{StreamExt, stream};
use kube::api::PostParams;
use kube::{Api, Client};
use push_manager_envtest::{AuditEvent, Cluster, Options};
use push_manager_operator::api::PushManager;
use serde_json::json;
use tokio::time::{Instant, sleep};

use operator::{OPERATOR, Operator, SYSTEM, install, program};

const COUNT: usize = 1000;
/// Namespaces that they are spread over.
const NAMESPACES: usize = 10;
/// What each of them has.
const CHILDREN: [&str; 6] = [
    "configmaps",
    "serviceaccounts",
    "services",
    "services",
    "deployments",
    "poddisruptionbudgets",
];

const WRITTEN_WITHIN: Duration = Duration::from_mins(3);
const MAX_RSS_KIB: u64 = 256 * 1024;
/// Of one core, while nothing happens.
const MAX_IDLE: f64 = 0.005;
const IDLE_FOR: Duration = Duration::from_secs(30);

async fn create(client: &Client, namespaces: &[String]) {
    let one = |index: usize| {
        let namespace = namespaces[index % namespaces.len()].clone();
        let api: Api<PushManager> = Api::namespaced(client.clone(), &namespace);
        async move {
            let manifest = objects::manifest(&format!("push-{index}"), json!({"replicas": 2}));
            let object: PushManager = serde_json::from_value(manifest).unwrap();
            api.create(&PostParams::default(), &object).await.unwrap();
        }
    };
    stream::iter(0..COUNT)
        .map(one)
        .buffer_unordered(16)
        .collect::<Vec<()>>()
        .await;
}

/// How many have told their conditions.
async fn told(client: &Client) -> usize {
    let api: Api<PushManager> = Api::all(client.clone());
    let all = api.list(&kube::api::ListParams::default()).await.unwrap();
    let told = all.iter().filter(|pm| {
        let degraded = objects::condition(pm, "Degraded");
        let available = objects::condition(pm, "Available");
        degraded.is_some_and(|c| c.status == "False") && available.is_some()
    });
    told.count()
}

fn kib(pid: u32, key: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with(key)).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// Seconds of processor time that a process used.
fn cpu(pid: u32) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let fields: Vec<&str> = stat
        .rsplit_once(')')
        .unwrap()
        .1
        .split_whitespace()
        .collect();
    let ticks: u64 = fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap();
    #[allow(clippy::cast_precision_loss, reason = "a test runs for minutes")]
    let ticks = ticks as f64;
    // USER_HZ is 100 wherever Linux runs.
    ticks / 100.0
}

fn writes(events: &[AuditEvent]) -> BTreeMap<String, usize> {
    let user = format!("system:serviceaccount:{SYSTEM}:{OPERATOR}");
    let mut writes = BTreeMap::new();
    for event in events.iter().filter(|event| event.user == user) {
        let reads = ["get", "list", "watch"].contains(&event.verb.as_str());
        if !reads && event.resource != "leases" {
            let what = format!("{} {} {}", event.verb, event.resource, event.subresource);
            *writes.entry(what.trim_end().to_owned()).or_default() += 1;
        }
    }
    writes
}

#[tokio::test]
async fn a_thousand_are_written_in_minutes_in_bounded_memory_and_then_left_alone() {
    let options = Options {
        controllers: false,
        audit: true,
    };
    let cluster: &'static Cluster = Box::leak(Box::new(Cluster::start(options).await));
    install(cluster, &program(), None).await;
    let mut namespaces = Vec::new();
    for _ in 0..NAMESPACES {
        namespaces.push(cluster.namespace("many").await);
    }
    let client = cluster.client().await;
    let mark = cluster.audit_mark().await;
    let operator = Operator::start(cluster, "first", &[]).await;
    operator.says("reconciling").await;
    let began = Instant::now();
    create(&client, &namespaces).await;
    let created = began.elapsed();
    while told(&client).await < COUNT {
        assert!(
            began.elapsed() < WRITTEN_WITHIN,
            "{} of {COUNT} are told",
            told(&client).await
        );
        sleep(Duration::from_millis(500)).await;
    }
    let written = began.elapsed();
    let listed = cluster
        .kubectl(&[
            "get",
            "deploy,cm,sa,svc,pdb",
            "-A",
            "-l",
            "app.kubernetes.io/managed-by",
            "-o",
            "name",
        ])
        .await;
    assert_eq!(listed.stdout.lines().count(), COUNT * CHILDREN.len());
    let first = writes(&cluster.audit_since(mark).await);
    let peak = kib(operator.process.id(), "VmHWM");
    println!("created in {created:.1?}, all written after {written:.1?}, peak RSS {peak} KiB");
    println!("writes: {first:?}");
    assert!(operator.stop().await.success());

    // Another operator looks at all of them.
    let mark = cluster.audit_mark().await;
    let operator = Operator::start(cluster, "second", &[]).await;
    operator.says("reconciling").await;
    let pid = operator.process.id();
    loop {
        let page = operator.metrics().await;
        let looked = number(
            &page,
            "push_manager_operator_reconciles_total{result=\"ok\"}",
        );
        if looked >= COUNT as f64 {
            break;
        }
        assert!(
            began.elapsed() < WRITTEN_WITHIN * 2,
            "{looked} were looked at"
        );
        sleep(Duration::from_millis(200)).await;
    }
    sleep(Duration::from_secs(2)).await;
    let (before, rss) = (cpu(pid), kib(pid, "VmRSS"));
    sleep(IDLE_FOR).await;
    let idle = (cpu(pid) - before) / IDLE_FOR.as_secs_f64();
    let page = operator.metrics().await;
    let cache: f64 = page
        .lines()
        .filter(|l| l.starts_with("push_manager_operator_watched_bytes"))
        .map(last)
        .sum();
    let second = writes(&cluster.audit_since(mark).await);
    println!(
        "second pass: RSS {rss} KiB, of it children in the cache {:.0} KiB; idle {:.2} % of a core; writes {second:?}",
        cache / 1024.0,
        idle * 100.0
    );
    assert!(
        second.is_empty(),
        "a second pass writes nothing: {second:?}"
    );
    assert!(
        peak <= MAX_RSS_KIB && rss <= MAX_RSS_KIB,
        "{peak} KiB at most, then {rss}"
    );
    assert!(
        idle < MAX_IDLE,
        "{:.2} % of a core while nothing happens",
        idle * 100.0
    );
    for (what, count) in expected() {
        assert_eq!(first.get(what), Some(&count), "{what}: {first:?}");
    }
}

/// Each object once; a status may be told twice while its Deployment is being made.
fn expected() -> Vec<(&'static str, usize)> {
    vec![
        ("patch configmaps", COUNT),
        ("patch serviceaccounts", COUNT),
        ("patch services", COUNT * 2),
        ("patch deployments", COUNT),
        ("patch poddisruptionbudgets", COUNT),
        ("create events", COUNT),
    ]
}

fn number(page: &str, name: &str) -> f64 {
    page.lines()
        .find(|line| line.starts_with(name))
        .map_or(0.0, last)
}

fn last(line: &str) -> f64 {
    line.rsplit(' ')
        .next()
        .and_then(|number| number.parse().ok())
        .unwrap_or(0.0)
}
