//! Discovery against a real etcd that is killed, stopped, compacted, emptied and wiped.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking, its helpers included"
)]

#[path = "support/etcd.rs"]
mod etcd;
#[path = "discovery/watcher.rs"]
mod watcher;

use std::time::Duration;

use etcd::EtcdProcess;
use push_manager::discovery::etcd::list_once;
use push_manager::discovery::{Event, Malformed};
use tokio::time::{Instant, timeout};
use watcher::{RECEIVE_DEADLINE, STEP, Watcher, settings};

#[tokio::test]
async fn puts_between_list_and_watch_are_not_lost() {
    let etcd = EtcdProcess::start().await;
    etcd.put("connect-node/garbage", "nonsense").await;
    // With room for one event the source is held back after the list, before it watches.
    let mut watcher = Watcher::start(settings(&[etcd.endpoint()]), 1);
    let deadline = Instant::now() + STEP;
    while watcher.events.is_empty() {
        assert!(Instant::now() < deadline, "no list came");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    etcd.put("connect-node/gap", "h:1").await;
    assert!(
        matches!(watcher.next().await, Event::Listed { registrations, .. } if registrations.is_empty())
    );
    watcher.until_keys(&["connect-node/gap"]).await;
    assert_eq!(watcher.lists, 1);
    watcher.stop().await;
}

#[tokio::test]
async fn sources_started_under_a_stream_of_puts_all_see_every_key() {
    let etcd = EtcdProcess::start().await;
    let keys: Vec<_> = (0..200).map(|n| format!("connect-node/node-{n}")).collect();
    let mut client = etcd.client().await;
    let mut watchers = Vec::new();
    for (n, key) in keys.iter().enumerate() {
        if n % 20 == 0 {
            watchers.push(Watcher::start(settings(&[etcd.endpoint()]), 4096));
        }
        client.put(key.as_str(), "h:1", None).await.unwrap();
    }
    let keys: Vec<_> = keys.iter().map(String::as_str).collect();
    for mut watcher in watchers {
        watcher.until_keys(&keys).await;
        assert_eq!(watcher.lists, 1);
        watcher.stop().await;
    }
}

#[tokio::test]
async fn watch_survives_etcd_killed_and_restarted() {
    let mut etcd = EtcdProcess::start().await;
    etcd.put("connect-node/stays", "h:1").await;
    etcd.put("connect-node/goes", "h:2").await;
    let mut watcher = Watcher::of(&etcd);
    watcher
        .until_keys(&["connect-node/stays", "connect-node/goes"])
        .await;
    etcd.kill();
    watcher.until_away().await;
    assert_eq!(watcher.keys.len(), 2, "the last set stays");
    etcd.restart().await;
    etcd.del("connect-node/goes").await;
    etcd.put("connect-node/comes", "h:3").await;
    watcher
        .until_keys(&["connect-node/stays", "connect-node/comes"])
        .await;
    etcd.put("connect-node/later", "h:4").await;
    let all = [
        "connect-node/stays",
        "connect-node/comes",
        "connect-node/later",
    ];
    watcher.until_keys(&all).await;
    watcher.stop().await;
}

#[tokio::test]
async fn stopped_etcd_is_noticed_within_the_deadline_and_taken_up_again() {
    let etcd = EtcdProcess::start().await;
    etcd.put("connect-node/a", "h:1").await;
    let mut watcher = Watcher::of(&etcd);
    watcher.until_keys(&["connect-node/a"]).await;
    // Into the watch proper, where only progress is heard.
    tokio::time::sleep(Duration::from_millis(700)).await;
    etcd.pause();
    let since = Instant::now();
    let why = watcher.until_away().await;
    assert!(
        since.elapsed() < RECEIVE_DEADLINE + Duration::from_secs(1),
        "{:?}",
        since.elapsed()
    );
    assert!(why.contains("no word within"), "{why}");
    etcd.resume();
    watcher.until_listed().await;
    etcd.put("connect-node/b", "h:2").await;
    watcher
        .until_keys(&["connect-node/a", "connect-node/b"])
        .await;
    watcher.stop().await;
}

#[tokio::test]
async fn a_quiet_watch_stays_in_sync_past_the_deadline() {
    let etcd = EtcdProcess::start().await;
    let mut watcher = Watcher::of(&etcd);
    watcher.until_listed().await;
    let quiet = timeout(RECEIVE_DEADLINE * 3, watcher.next()).await;
    assert!(quiet.is_err(), "{quiet:?}");
    etcd.put("connect-node/a", "h:1").await;
    watcher.until_keys(&["connect-node/a"]).await;
    watcher.stop().await;
}

#[tokio::test]
async fn a_dead_endpoint_is_passed_over_for_a_live_one() {
    let dead = EtcdProcess::reserve();
    let etcd = EtcdProcess::start().await;
    etcd.put("connect-node/a", "h:1").await;
    let endpoints = [dead.endpoint(), etcd.endpoint()];
    let mut watcher = Watcher::start(settings(&endpoints), 64);
    let first = watcher.next().await;
    assert!(matches!(first, Event::Listed { .. }), "{first:?}");
    assert_eq!(watcher.keys.len(), 1);
    watcher.stop().await;
    let listing = list_once(&settings(&endpoints)).await.unwrap();
    assert_eq!(listing.registrations.len(), 1);
}

#[tokio::test]
async fn a_member_that_lost_its_leader_is_left_for_another() {
    let (one, mut two) = EtcdProcess::start_pair().await;
    let other = EtcdProcess::start().await;
    other.put("connect-node/other", "h:1").await;
    let mut watcher = Watcher::start(settings(&[one.endpoint(), other.endpoint()]), 64);
    watcher.until_listed().await;
    assert!(watcher.keys.is_empty());
    two.kill();
    watcher.until_keys(&["connect-node/other"]).await;
    watcher.stop().await;
}

#[tokio::test]
async fn compaction_under_the_watch_leads_to_a_new_list() {
    let etcd = EtcdProcess::start().await;
    etcd.put("connect-node/garbage", "nonsense").await;
    etcd.put("connect-node/goes", "h:1").await;
    // Held back before the watch, as in the test of the gap; meanwhile its revision is compacted.
    let mut watcher = Watcher::start(settings(&[etcd.endpoint()]), 1);
    let deadline = Instant::now() + STEP;
    while watcher.events.is_empty() {
        assert!(Instant::now() < deadline, "no list came");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    etcd.del("connect-node/goes").await;
    etcd.put("connect-node/comes", "h:2").await;
    etcd.put("connect-node/comes", "h:3").await;
    etcd.compact().await;
    watcher.until_keys(&["connect-node/comes"]).await;
    assert_eq!(watcher.lists, 2);
    assert_eq!(watcher.keys["connect-node/comes"], "h:3");
    etcd.put("connect-node/later", "h:4").await;
    watcher
        .until_keys(&["connect-node/comes", "connect-node/later"])
        .await;
    watcher.stop().await;
}

#[tokio::test]
async fn compaction_while_etcd_was_stopped_leads_to_the_right_set() {
    let mut etcd = EtcdProcess::start().await;
    etcd.put("connect-node/goes", "h:1").await;
    let mut watcher = Watcher::of(&etcd);
    watcher.until_keys(&["connect-node/goes"]).await;
    etcd.kill();
    watcher.until_away().await;
    etcd.restart().await;
    etcd.del_prefix("connect-node/").await;
    etcd.put("/services/connect-node/h:2", "").await;
    etcd.compact().await;
    watcher.until_keys(&["/services/connect-node/h:2"]).await;
    watcher.stop().await;
}

#[tokio::test]
async fn a_wiped_store_is_taken_as_it_is() {
    let mut etcd = EtcdProcess::start().await;
    for n in 0..20 {
        etcd.put(&format!("connect-node/old-{n}"), "h:1").await;
    }
    let mut watcher = Watcher::of(&etcd);
    let before = watcher.until_listed().await;
    etcd.kill();
    watcher.until_away().await;
    etcd.wipe();
    etcd.restart().await;
    etcd.put("connect-node/new", "h:2").await;
    watcher.until_keys(&["connect-node/new"]).await;
    assert!(etcd.revision().await < before);
    etcd.put("connect-node/newer", "h:3").await;
    watcher
        .until_keys(&["connect-node/new", "connect-node/newer"])
        .await;
    watcher.stop().await;
}

#[tokio::test]
async fn deleting_the_prefix_empties_the_set() {
    let etcd = EtcdProcess::start().await;
    for n in 0..100 {
        etcd.put(&format!("connect-node/n{n}"), format!("h:{}", n + 1))
            .await;
    }
    let mut watcher = Watcher::of(&etcd);
    watcher.until_listed().await;
    assert_eq!(watcher.keys.len(), 100, "more than a page");
    etcd.ctl(&["del", "--prefix", "connect-node/"]).await;
    watcher.until_keys(&[]).await;
    assert_eq!(watcher.lists, 1);
    watcher.stop().await;
}

#[tokio::test]
async fn garbage_keys_are_skipped_and_the_others_found() {
    let etcd = EtcdProcess::start().await;
    for n in 0..6 {
        etcd.put(&format!("connect-node/large-{n}"), vec![b'x'; 1 << 20])
            .await;
    }
    etcd.put("connect-node/not-json", "{oops").await;
    etcd.put("connect-node/no-port", r#"{"Addr":"host"}"#).await;
    etcd.put("connect-node/binary", vec![0xff, 0]).await;
    etcd.put(
        "connect-node/good",
        r#"{"Op":0,"Addr":"h:1","Metadata":null}"#,
    )
    .await;
    let mut watcher = Watcher::of(&etcd);
    watcher.until_keys(&["connect-node/good"]).await;
    let mut reasons = Vec::new();
    for _ in 0..9 {
        match watcher.next().await {
            Event::Skipped { reason, .. } => reasons.push(reason.as_label()),
            other => panic!("expected Skipped, got {other:?}"),
        }
    }
    reasons.sort_unstable();
    let large = ["too_large"; 6];
    assert_eq!(
        reasons,
        [&["address", "json", "not_text"][..], &large].concat()
    );
    watcher.stop().await;
}

#[tokio::test]
async fn values_beyond_one_message_are_listed_in_smaller_pages() {
    let etcd = EtcdProcess::start().await;
    // More than 16 MiB in all, within one page's number of keys.
    for n in 0..13 {
        etcd.put(&format!("connect-node/large-{n:02}"), vec![b'x'; 1_400_000])
            .await;
    }
    etcd.put("connect-node/z", "h:1").await;
    let mut watcher = Watcher::of(&etcd);
    let first = watcher.next().await;
    assert!(matches!(first, Event::Listed { .. }), "{first:?}");
    assert_eq!(watcher.keys.len(), 1);
    watcher.stop().await;
}

#[tokio::test]
async fn a_key_overwritten_with_garbage_is_skipped_and_comes_back_when_mended() {
    let etcd = EtcdProcess::start().await;
    etcd.put("connect-node/a", "h:1").await;
    let mut watcher = Watcher::of(&etcd);
    watcher.until_keys(&["connect-node/a"]).await;
    etcd.put("connect-node/a", "{").await;
    let event = watcher.next().await;
    let reason = Malformed::Json;
    assert!(
        matches!(&event, Event::Skipped { key, reason: why, .. } if key == "connect-node/a" && *why == reason),
        "{event:?}"
    );
    etcd.put("connect-node/a", r#"{"Addr":"h:2"}"#).await;
    watcher.until_keys(&["connect-node/a"]).await;
    assert_eq!(watcher.keys["connect-node/a"], "h:2");
    watcher.stop().await;
}

#[tokio::test]
async fn every_prefix_is_watched_and_overlapping_ones_do_not_double_events() {
    let etcd = EtcdProcess::start().await;
    let mut settings = settings(&[etcd.endpoint()]);
    let prefixes = [
        "connect-node/",
        "connect-node/eu/",
        "/services/",
        "connect-node/",
    ];
    settings.prefixes = prefixes.map(str::to_owned).to_vec();
    let mut watcher = Watcher::start(settings, 64);
    watcher.until_listed().await;
    let keys = [
        "/services/connect-node/h:1",
        "connect-node/b",
        "connect-node/eu/a",
    ];
    for key in keys {
        etcd.put(key, "h:1").await;
    }
    let mut seen = Vec::new();
    // Doubles would come late: until nothing comes any more.
    while let Ok(event) = timeout(Duration::from_secs(1), watcher.next()).await {
        match event {
            Event::Put { registration } => seen.push(registration.key),
            other => panic!("expected Put, got {other:?}"),
        }
    }
    seen.sort();
    assert_eq!(seen, keys);
    watcher.stop().await;
}

#[tokio::test]
async fn etcd_missing_at_the_start_is_said_once_and_waited_for() {
    let mut etcd = EtcdProcess::reserve();
    let mut watcher = Watcher::of(&etcd);
    let why = watcher.until_away().await;
    assert!(
        why.contains(&etcd.endpoint()) && why.contains("refused"),
        "{why}"
    );
    // Several rounds of attempts later nothing was added to it.
    let more = timeout(Duration::from_secs(2), watcher.events.recv()).await;
    assert!(more.is_err(), "{more:?}");
    etcd.restart().await;
    etcd.put("connect-node/a", "h:1").await;
    watcher.until_keys(&["connect-node/a"]).await;
    watcher.stop().await;
}

#[tokio::test]
async fn user_and_password_are_used_and_a_wrong_one_is_said() {
    let etcd = EtcdProcess::start().await;
    etcd.put("connect-node/a", "h:1").await;
    let mut with_password = settings(&[etcd.endpoint()]);
    with_password.access.username = Some("root".into());
    with_password.access.password = Some("right".into());
    let listing = list_once(&with_password)
        .await
        .expect("credentials may come before etcd asks");
    assert_eq!(listing.registrations.len(), 1);

    etcd.ctl(&["user", "add", "root:right"]).await;
    etcd.ctl(&["user", "grant-role", "root", "root"]).await;
    etcd.ctl(&["auth", "enable"]).await;
    let mut watcher = Watcher::start(with_password.clone(), 64);
    watcher.until_keys(&["connect-node/a"]).await;
    etcd.ctl(&["--user", "root:right", "put", "connect-node/b", "h:2"])
        .await;
    watcher
        .until_keys(&["connect-node/a", "connect-node/b"])
        .await;
    watcher.stop().await;

    with_password.access.password = Some("wrong".into());
    let mut watcher = Watcher::start(with_password, 64);
    let why = watcher.until_away().await;
    assert!(
        why.contains("authentication failed, invalid user ID or password"),
        "{why}"
    );
    assert!(!why.contains("wrong"), "{why}");
    watcher.stop().await;

    let mut watcher = Watcher::of(&etcd);
    let why = watcher.until_away().await;
    assert!(why.contains("user name is empty"), "{why}");
    watcher.stop().await;
}
