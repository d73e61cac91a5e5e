//! Self-registration against a real etcd that loses leases and keys, dies and is wiped.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking, its helpers included"
)]

#[path = "support/etcd.rs"]
mod etcd;

use std::time::Duration;

use etcd::EtcdProcess;
use push_manager::discovery::etcd::EtcdAccess;
use push_manager::registration::{RegistrationSettings, run};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

/// What any step of a test may take.
const STEP: Duration = Duration::from_secs(10);
const KEY: &str = "push-manager/10.9.8.7:50053";
const VALUE: &str = r#"{"Op":0,"Addr":"10.9.8.7:50053","Metadata":{"instance_id":"i-1"}}"#;

/// A running registration.
struct Registrar {
    withdraw: CancellationToken,
    stop: CancellationToken,
    tasks: JoinSet<()>,
}

impl Registrar {
    fn start(endpoints: Vec<String>) -> Self {
        let settings = RegistrationSettings {
            access: EtcdAccess {
                endpoints,
                username: None,
                password: None,
                dial_timeout: Duration::from_secs(1),
                request_timeout: Duration::from_secs(1),
                backoff_max: Duration::from_millis(500),
            },
            prefix: "push-manager/".into(),
            address: "10.9.8.7:50053".parse().unwrap(),
            metadata: serde_json::json!({ "instance_id": "i-1" }),
            ttl: Duration::from_secs(3),
        };
        let (withdraw, stop) = (CancellationToken::new(), CancellationToken::new());
        let mut tasks = JoinSet::new();
        tasks.spawn(run(settings, withdraw.clone(), stop.clone()));
        Self {
            withdraw,
            stop,
            tasks,
        }
    }

    async fn stop(mut self) {
        self.stop.cancel();
        let ended = timeout(Duration::from_secs(3), self.tasks.join_next()).await;
        ended
            .expect("the registration ends")
            .expect("a task")
            .expect("no panic");
    }
}

/// Waits until the key is there with our value, under another lease than `not`; returns the lease.
async fn registered(etcd: &EtcdProcess, not: i64) -> i64 {
    let deadline = Instant::now() + STEP;
    loop {
        let found = etcd.get(KEY).await;
        if let Some((value, lease)) = &found
            && value == VALUE
            && *lease != not
        {
            assert_ne!(*lease, 0, "a key without a lease would outlive us");
            return *lease;
        }
        assert!(Instant::now() < deadline, "not registered: {found:?}");
        sleep(Duration::from_millis(50)).await;
    }
}

async fn gone(etcd: &EtcdProcess) {
    let deadline = Instant::now() + STEP;
    while let Some(found) = etcd.get(KEY).await {
        assert!(Instant::now() < deadline, "still there: {found:?}");
        sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn the_key_outlives_its_ttl_and_shutdown_revokes_it() {
    let etcd = EtcdProcess::start().await;
    let registrar = Registrar::start(vec![etcd.endpoint()]);
    let lease = registered(&etcd, 0).await;
    sleep(Duration::from_secs(5)).await;
    assert_eq!(
        registered(&etcd, 0).await,
        lease,
        "kept alive under the same lease"
    );
    registrar.stop().await;
    assert_eq!(etcd.get(KEY).await, None, "revoked when run returned");
    let leases = etcd.ctl(&["lease", "list"]).await;
    assert!(leases.contains("found 0 leases"), "{leases}");
}

#[tokio::test]
async fn a_lost_lease_leads_to_a_new_registration() {
    let etcd = EtcdProcess::start().await;
    let registrar = Registrar::start(vec![etcd.endpoint()]);
    let lease = registered(&etcd, 0).await;
    etcd.ctl(&["lease", "revoke", &format!("{lease:x}")]).await;
    registered(&etcd, lease).await;
    registrar.stop().await;
    assert_eq!(etcd.get(KEY).await, None);
}

#[tokio::test]
async fn a_key_deleted_or_overwritten_by_hand_is_written_again() {
    let etcd = EtcdProcess::start().await;
    let registrar = Registrar::start(vec![etcd.endpoint()]);
    let lease = registered(&etcd, 0).await;
    etcd.del(KEY).await;
    assert_eq!(registered(&etcd, 0).await, lease);
    etcd.put(KEY, "something else").await;
    assert_eq!(registered(&etcd, 0).await, lease);
    // The same value, but bound to no lease.
    etcd.put(KEY, VALUE).await;
    let deadline = Instant::now() + STEP;
    while etcd.get(KEY).await != Some((VALUE.to_owned(), lease)) {
        assert!(Instant::now() < deadline, "the lease isn't bound again");
        sleep(Duration::from_millis(50)).await;
    }
    registrar.stop().await;
}

#[tokio::test]
async fn a_stale_key_of_an_earlier_instance_is_taken_over() {
    let etcd = EtcdProcess::start().await;
    etcd.put(KEY, VALUE.replace("i-1", "i-0")).await;
    let registrar = Registrar::start(vec![etcd.endpoint()]);
    registered(&etcd, 0).await;
    registrar.stop().await;
    assert_eq!(etcd.get(KEY).await, None);
}

#[tokio::test]
async fn withdrawing_takes_the_key_away_and_keeps_it_away() {
    let etcd = EtcdProcess::start().await;
    let registrar = Registrar::start(vec![etcd.endpoint()]);
    registered(&etcd, 0).await;
    let since = Instant::now();
    registrar.withdraw.cancel();
    gone(&etcd).await;
    assert!(
        since.elapsed() < Duration::from_millis(900),
        "not only at the next tick"
    );
    sleep(Duration::from_millis(2500)).await;
    assert_eq!(etcd.get(KEY).await, None);
    let leases = etcd.ctl(&["lease", "list"]).await;
    assert!(
        leases.contains("found 1 leases"),
        "the lease lives on: {leases}"
    );
    registrar.stop().await;
    let leases = etcd.ctl(&["lease", "list"]).await;
    assert!(leases.contains("found 0 leases"), "{leases}");
}

#[tokio::test]
async fn etcd_missing_at_the_start_killed_and_wiped_is_registered_in_each_time() {
    let mut etcd = EtcdProcess::reserve();
    let dead = EtcdProcess::reserve();
    let registrar = Registrar::start(vec![dead.endpoint(), etcd.endpoint()]);
    sleep(Duration::from_millis(300)).await;
    etcd.restart().await;
    registered(&etcd, 0).await;
    etcd.kill();
    sleep(Duration::from_secs(1)).await;
    etcd.restart().await;
    registered(&etcd, 0).await;
    etcd.kill();
    etcd.wipe();
    etcd.restart().await;
    registered(&etcd, 0).await;
    registrar.stop().await;
    assert_eq!(etcd.get(KEY).await, None);
}

#[tokio::test]
async fn a_stopped_etcd_is_survived_and_does_not_hold_up_the_shutdown() {
    let etcd = EtcdProcess::start().await;
    let registrar = Registrar::start(vec![etcd.endpoint()]);
    registered(&etcd, 0).await;
    etcd.pause();
    sleep(Duration::from_secs(4)).await;
    etcd.resume();
    registered(&etcd, 0).await;
    etcd.pause();
    registrar.stop().await;
    etcd.resume();
    gone(&etcd).await;
}
