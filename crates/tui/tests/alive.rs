//! The program in a terminal, beside replicas that come, go and fall silent while somebody looks and
//! presses keys.

#![allow(
    dead_code,
    missing_docs,
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test fails by panicking, its helpers included"
)]

#[path = "support/fake.rs"]
mod fake;
#[path = "support/terminal.rs"]
mod terminal;

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use fake::{Fake, Script};
use push_manager_proto::admin::{
    Heartbeat, ReplicaRow, RowsPart, WatchResponse, watch_response::Kind,
};
use terminal::Terminal;

/// How often replicas are asked to send.
const INTERVAL: Duration = Duration::from_millis(500);
/// The console says that a link is dead within three intervals; and for a machine with two busy cores.
const DEAD: Duration = Duration::from_millis(1_500 + 1_000);
/// The longest pause between attempts, and the attempt.
const FOUND: Duration = Duration::from_secs(10);

/// A replica that lives until told otherwise: then it stays connected and says nothing.
fn living(silent: &Arc<AtomicBool>) -> Arc<Script> {
    let silent = silent.clone();
    Arc::new(move |_, _, frames| {
        let silent = silent.clone();
        tokio::spawn(async move {
            let part = RowsPart {
                replica: Some(ReplicaRow {
                    discovery_up: true,
                    ..ReplicaRow::default()
                }),
                ..RowsPart::default()
            };
            let interval = INTERVAL.try_into().ok();
            let mut frame = WatchResponse {
                epoch: 7,
                seq: 1,
                interval,
                kind: Some(Kind::Snapshot(part)),
                ..WatchResponse::default()
            };
            loop {
                if !silent.load(Ordering::SeqCst) && frames.send(Ok(frame.clone())).await.is_err() {
                    return;
                }
                tokio::time::sleep(INTERVAL).await;
                frame.kind = Some(Kind::Heartbeat(Heartbeat {}));
                frame.monotonic_ns += 500_000_000;
            }
        });
    })
}

async fn alive_at(address: &str, silent: &Arc<AtomicBool>) -> Fake {
    Fake::at(address.parse().unwrap(), None, living(silent)).await
}

fn looking_at(address: SocketAddr) -> Terminal {
    let address = address.to_string();
    Terminal::start(&["--addr", &address, "--interval", "500ms"], &[])
}

fn nowhere() -> SocketAddr {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_that_dies_is_never_shown_as_live() {
    let talking = Arc::default();
    let mut fake = alive_at("127.0.0.1:0", &talking).await;
    let terminal = looking_at(fake.address);
    terminal.wait_for(" 1/1");
    let died = Instant::now();
    fake.die();
    terminal.wait_for(" 0/1");
    assert!(died.elapsed() <= DEAD, "{:?}", died.elapsed());
    let screen = terminal.text();
    let first = screen.lines().next().unwrap();
    assert!(!first.contains("LIVE"), "{first}");
    let again = alive_at(&fake.address.to_string(), &talking).await;
    terminal.wait_for(" 1/1");
    assert_eq!(again.watched(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_that_falls_silent_is_stale_within_three_intervals_also_alone() {
    for keys in ["", "5\r"] {
        let silent = Arc::new(AtomicBool::new(false));
        let fake = alive_at("127.0.0.1:0", &silent).await;
        let mut terminal = looking_at(fake.address);
        terminal.wait_for(" 1/1");
        terminal.press(keys);
        tokio::time::sleep(INTERVAL).await;
        let fell = Instant::now();
        silent.store(true, Ordering::SeqCst);
        terminal.wait_for(" 0/1");
        assert!(fell.elapsed() <= DEAD + INTERVAL, "{:?}", fell.elapsed());
        let screen = terminal.text();
        assert!(screen.contains("STALE"), "{keys:?}:\n{screen}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_that_are_pressed_all_the_time_do_not_keep_it_disconnected() {
    let address = nowhere();
    let mut terminal = looking_at(address);
    terminal.wait_for("next try in");
    let talking = Arc::default();
    let _fake = alive_at(&address.to_string(), &talking).await;
    let began = Instant::now();
    let mut keys = ["2", "j", "/", "\u{1b}", "4", " ", "3", "k"].iter().cycle();
    while !terminal.text().contains(" 1/1") {
        assert!(began.elapsed() <= FOUND, "{}", terminal.text());
        terminal.press(keys.next().unwrap());
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_key_freezes_it_while_nothing_is_connected() {
    let folder = std::env::temp_dir().join(format!("pushtop-keys-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let address = nowhere().to_string();
    let mut terminal = Terminal::start_in(&folder, &["--addr", &address], &[]);
    terminal.wait_for("next try in");
    let mut took = Vec::new();
    for key in [" ", "p", "r", "o", "[", "]", "n", "x", "c", "R"] {
        terminal.press(&format!("5{key}"));
        std::thread::sleep(Duration::from_millis(60));
        terminal.press("2");
        took.push(terminal.wait_for("[2 Nodes]"));
    }
    took.sort_unstable();
    assert!(
        took[took.len() / 2] <= Duration::from_millis(50),
        "{took:?}"
    );
    std::fs::remove_dir_all(folder).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_terminal_is_given_back_after_a_signal_while_nothing_is_connected() {
    let mut terminal = looking_at(nowhere());
    terminal.wait_for("next try in");
    terminal.signal("TERM");
    assert_eq!(terminal.end(Duration::from_secs(5)), 0);
    terminal.assert_restored();
}
