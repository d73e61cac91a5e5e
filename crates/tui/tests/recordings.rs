//! Recordings in a real terminal and in scripts: made of a live replica, played to their end, gone
//! through.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test fails by panicking, its helpers included"
)]

#[allow(dead_code, reason = "shared with other tests")]
#[path = "support/fake.rs"]
mod fake;
#[allow(dead_code, reason = "shared with other tests")]
#[path = "support/terminal.rs"]
mod terminal;

use std::{path::PathBuf, process::Command, time::Duration};

use fake::Fake;
use pushtop::{feed::Learnt, fixture::Scenario};
use terminal::{Terminal, demo, program};

/// The documentation's recording lasts so long.
const DEMO_SECONDS: u64 = 169;

fn playing(speed: &str) -> Terminal {
    let file = demo();
    let args = ["--replay", file.to_str().unwrap(), "--speed", speed];
    let terminal = Terminal::start(&args, &[]);
    terminal.wait_for("REPLAY");
    terminal
}

/// The document that `--once --json` prints of a recording.
fn once(file: &std::path::Path) -> serde_json::Value {
    let args = ["--once", "--json", "--replay"];
    let ended = Command::new(program()).args(args).arg(file).output();
    serde_json::from_slice(&ended.unwrap().stdout).unwrap()
}

#[test]
fn at_the_end_of_a_recording_the_last_picture_stays_and_it_can_begin_anew() {
    let mut terminal = playing("64");
    terminal.wait_for("the recording ends here");
    terminal.wait_for("PAUSED");
    let shown = terminal.text();
    for wrong in ["DISCONNECTED", "STALE", "No replica"] {
        assert!(!shown.contains(wrong), "{wrong}:\n{shown}");
    }
    terminal.press("[[");
    terminal.wait_for("PAUSED 2");
    terminal.press(":seek 0s\r");
    terminal.wait_for("REPLAY");
}

#[test]
fn a_recording_is_gone_through_while_it_is_played() {
    let mut terminal = playing("1");
    terminal.press("}");
    terminal.wait_for("plays on from 0:3");
    terminal.press(":seek 2m\r");
    terminal.wait_for("plays on from 2:00");
    terminal.press(":speed 8\r");
    terminal.wait_for("8 times as fast");
    terminal.press(":seek 5s\r");
    terminal.wait_for("plays on from 0:05");
    terminal.press(":seek 1h\r");
    terminal.wait_for("the recording ends here");
}

#[test]
fn once_prints_a_recordings_end_with_the_time_of_then() {
    let document = once(&demo());
    let nodes = document["nodes"].as_array().unwrap();
    assert!(!nodes.is_empty());
    assert!(document["totals"]["pushes"].as_u64().unwrap() > 0);
    let links = document["replicas"].as_array().unwrap().iter();
    assert!({ links }.all(|replica| replica["link"] == "live"));
    let at = document["at_ms"].as_u64().unwrap();
    let made = std::fs::metadata(program()).unwrap().modified().unwrap();
    let made = made.duration_since(std::time::UNIX_EPOCH).unwrap();
    assert!(
        u128::from(at) < made.as_millis(),
        "{at} is no time of today"
    );
    let watched = Command::new(program())
        .args(["--watch", "--json", "--interval", "1m", "--speed", "64"])
        .arg("--replay")
        .arg(demo())
        .output()
        .unwrap();
    let lines: Vec<serde_json::Value> = String::from_utf8(watched.stdout)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let minutes = DEMO_SECONDS.div_ceil(60);
    assert_eq!(lines.len() as u64, minutes, "a line a minute, to its end");
    assert_eq!(lines.last().unwrap()["at_ms"], document["at_ms"]);
}

#[test]
fn a_speed_that_is_none_is_refused_with_what_is_expected() {
    for speed in ["nan", "0", "-1", "inf", "100"] {
        let ended = Command::new(program())
            .args(["--once", &format!("--speed={speed}"), "--replay"])
            .arg(demo())
            .output()
            .unwrap();
        let said = String::from_utf8(ended.stderr).unwrap();
        assert_eq!(ended.status.code(), Some(2), "{speed}: {said}");
        let expected = "expected a number from 0.25 to 64";
        assert!(said.contains(expected), "{speed}: {said}");
    }
}

/// A file that is not there yet, and is gone with this.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Self {
        let name = format!("pushtop-recordings-{}.pmrec", std::process::id());
        let path = std::env::temp_dir().join(name);
        drop(std::fs::remove_file(&path));
        Self(path)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        drop(std::fs::remove_file(&self.0));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_that_was_lost_while_recording_is_lost_when_it_is_played() {
    let replica = Fake::playing(|_, _, frames| {
        let scenario = Scenario::of(1, 4);
        tokio::task::spawn_blocking(move || {
            for second in 0.. {
                for event in scenario.second(second) {
                    if let Learnt::Frame(frame) = event.what
                        && frames.blocking_send(Ok(*frame)).is_err()
                    {
                        return;
                    }
                }
                std::thread::sleep(Duration::from_millis(250));
            }
        });
    })
    .await;
    let (file, address) = (Scratch::new(), replica.address.to_string());
    let args = ["--addr", &address, "--record", file.0.to_str().unwrap()];
    let mut terminal = Terminal::start(&args, &[]);
    terminal.wait_for("LIVE");
    terminal.press("2");
    terminal.wait_for("push-4");
    drop(replica);
    terminal.wait_for("DISCONNECTED");
    tokio::time::sleep(Duration::from_secs(2)).await;
    terminal.press("q");
    assert_eq!(terminal.end(Duration::from_secs(5)), 0);
    let document = once(&file.0);
    let replica = &document["replicas"][0];
    assert_eq!(replica["link"], "retrying", "{replica}");
    assert_eq!(replica["freshness"], "down", "{replica}");
    assert!(replica["age_ms"].as_f64().unwrap() > 0.0, "{replica}");
    assert_eq!(document["problems"][0]["kind"], "replica_down");
}
