use std::time::SystemTime;

use super::*;
use crate::{
    feed::Learnt,
    fixture::Scenario,
    fleet::Fleet,
    replica::{Freshness, Link, ReplicaId},
    tape::Recorder,
};

/// A recording of so many seconds, gone with this.
struct Recorded(PathBuf);

impl Recorded {
    fn of(name: &str, seconds: u64) -> Self {
        let name = format!("pushtop-replay-{}-{name}.pmrec", std::process::id());
        let path = std::env::temp_dir().join(name);
        drop(std::fs::remove_file(&path));
        let mut recorder = Recorder::begin(&path, "test", SystemTime::UNIX_EPOCH).unwrap();
        let scenario = Scenario::of(2, 3);
        for event in (0..=seconds).flat_map(|second| scenario.second(second)) {
            recorder.note(&event).unwrap();
        }
        // Half a second after the last frame; the first of all came at 0.1 s.
        let at = Moment::after(Duration::from_secs(seconds) + Duration::from_millis(600));
        let (replica, what) = (ReplicaId(0), Learnt::Link(Link::Live));
        recorder.note(&FeedEvent { replica, at, what }).unwrap();
        recorder.end().unwrap();
        Self(path)
    }

    fn open(&self, speed: f64) -> Player {
        Player::open(&self.0, speed).unwrap()
    }
}

impl Drop for Recorded {
    fn drop(&mut self) {
        drop(std::fs::remove_file(&self.0));
    }
}

/// All steps that are due.
fn due(player: &mut Player) -> Vec<Step> {
    let until = player.due(Instant::now());
    std::iter::from_fn(|| player.step_now(until)).collect()
}

fn take_in(fleet: &mut Fleet, steps: Vec<Step>) {
    for step in steps {
        match step {
            Step::Event(event) => fleet.take_in(event),
            Step::Tick(at) => fleet.tick(at),
            Step::End(_) => {}
        }
    }
}

fn ticks(steps: &[Step]) -> Vec<u64> {
    let ticks = steps.iter().filter_map(|step| match step {
        Step::Tick(at) => Some(at.since_start().as_secs()),
        Step::Event(_) | Step::End(_) => None,
    });
    ticks.collect()
}

fn after(seconds: f64) -> Duration {
    Duration::from_secs_f64(seconds)
}

#[test]
fn a_speed_is_a_number_within_its_bounds() {
    assert_eq!(speed("0.25"), Ok(0.25));
    assert_eq!(speed("64"), Ok(64.0));
    for wrong in ["nan", "0", "-1", "inf", "0.1", "65", "fast", ""] {
        let said = speed(wrong).unwrap_err();
        assert_eq!(said, "expected a number from 0.25 to 64", "{wrong}");
    }
}

#[tokio::test(start_paused = true)]
async fn at_any_speed_what_is_played_is_as_fresh_as_it_was() {
    let recorded = Recorded::of("fresh", 20);
    for speed in [0.25, 1.0, 4.0, 64.0] {
        let (mut player, mut fleet) = (recorded.open(speed), Fleet::default());
        take_in(&mut fleet, due(&mut player));
        for turn in 0..90 {
            tokio::time::advance(after(0.25)).await;
            take_in(&mut fleet, due(&mut player));
            let now = player.now();
            fleet.tick(now);
            if now.since_start() < after(1.5) {
                continue;
            }
            for replica in fleet.replicas() {
                let freshness = replica.freshness(now);
                assert_eq!(freshness, Freshness::Live, "speed {speed}, turn {turn}");
            }
            assert_eq!(fleet.totals().push_rate.map(f64::round), Some(320.0));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn each_second_is_told_however_fast_and_the_last_moment_before_the_end() {
    let recorded = Recorded::of("told", 9);
    let mut player = recorded.open(4.0);
    tokio::time::advance(after(1.1)).await;
    assert_eq!(ticks(&due(&mut player)), [0, 1, 2, 3, 4]);
    tokio::time::advance(after(10.0)).await;
    // The clock waits for who comes so late.
    let mut steps = due(&mut player);
    while player.wake_at().is_some() {
        tokio::time::advance(after(0.1)).await;
        steps.extend(due(&mut player));
    }
    assert_eq!(ticks(&steps), [5, 6, 7, 8, 9, 9]);
    assert_eq!(steps.last(), Some(&Step::End(None)));
    assert_eq!(player.now().since_start(), after(9.5));
    assert!(due(&mut player).is_empty(), "it ends once");
}

#[tokio::test(start_paused = true)]
async fn it_stands_still_and_goes_on_where_it_was() {
    let recorded = Recorded::of("held", 20);
    let mut player = recorded.open(1.0);
    tokio::time::advance(after(1.5)).await;
    due(&mut player);
    player.hold(true);
    assert_eq!(player.wake_at(), None);
    tokio::time::advance(after(300.0)).await;
    assert!(due(&mut player).is_empty());
    player.hold(false);
    tokio::time::advance(after(1.0)).await;
    assert_eq!(ticks(&due(&mut player)), [2]);
}

#[tokio::test(start_paused = true)]
async fn it_jumps_ahead_second_by_second_and_back_by_beginning_anew() {
    let recorded = Recorded::of("jumps", 60);
    let mut player = recorded.open(2.0);
    tokio::time::advance(after(0.1)).await;
    due(&mut player);
    player.seek(Moment::after(after(40.5)), false).unwrap();
    assert_eq!(ticks(&due(&mut player)), (1..=40).collect::<Vec<_>>());
    tokio::time::advance(after(0.5)).await;
    assert_eq!(ticks(&due(&mut player)), [41], "it goes on from there");
    player.seek(Moment::after(after(3.0)), true).unwrap();
    assert_eq!(ticks(&due(&mut player)), [0, 1, 2, 3]);
    tokio::time::advance(after(0.5)).await;
    assert_eq!(ticks(&due(&mut player)), [4], "at its speed");
    player.seek(Moment::after(after(1_000.0)), false).unwrap();
    assert_eq!(due(&mut player).last(), Some(&Step::End(None)));
}

#[tokio::test(start_paused = true)]
async fn another_speed_counts_from_now_on() {
    let recorded = Recorded::of("speeds", 60);
    let mut player = recorded.open(1.0);
    tokio::time::advance(after(2.5)).await;
    due(&mut player);
    player.set_speed(10.0);
    tokio::time::advance(after(1.0)).await;
    assert_eq!(ticks(&due(&mut player)), (3..=12).collect::<Vec<_>>());
}

#[test]
fn a_file_that_was_cut_off_ends_early_and_says_so() {
    let recorded = Recorded::of("cut", 20);
    let bytes = std::fs::read(&recorded.0).unwrap();
    std::fs::write(&recorded.0, &bytes[..bytes.len() / 2]).unwrap();
    let mut player = recorded.open(1.0);
    let until = Moment::after(after(100.0));
    let last = std::iter::from_fn(|| player.step_now(until)).last();
    assert_eq!(
        last,
        Some(Step::End(Some("the file was cut off".to_owned())))
    );
}
