//! Memory: a process of its own lives through an hour with 1,000 nodes, every row of which changes
//! every second, tape and histories included, and says what it takes, and how far back it can step.

use std::{
    process::Command,
    time::{Duration, Instant, SystemTime},
};

use pushtop::{
    app::{Model, Msg, Options, update},
    fixture::Scenario,
};
use ratatui::{Terminal, backend::TestBackend};

use crate::table::Table;

const BOUND_MIB: f64 = 40.0;
/// Of the hour that the past is promised to reach back; a step is as long there.
const BOUND_UNREACHED_MIN: f64 = 0.0;

pub fn measure(table: &mut Table) {
    let [floor, ..] = lived("0", "1");
    table.tell("resident: nothing seen yet (floor)", floor, "MiB");
    let [resident, ..] = lived("3600", "1");
    let what = "resident: an hour, 1000 nodes, all rows changed each second";
    table.hold(what, resident, BOUND_MIB, "MiB");
    let [resident, fine, unreached, step] = lived("3700", "3");
    table.tell("resident: the same, 3 replicas", resident, "MiB");
    table.tell("the past: second by second so far back", fine, "min");
    let what = "the past: of the last hour not reached, 3 replicas";
    table.hold(what, unreached, BOUND_UNREACHED_MIN, "min");
    table.tell("the past: to step back half an hour", step, "ms");
}

fn lived(seconds: &str, replicas: &str) -> [f64; 4] {
    let program = std::env::current_exe().unwrap();
    let told = Command::new(program)
        .args(["--remember", seconds, replicas])
        .output();
    let told = String::from_utf8(told.unwrap().stdout).unwrap();
    let figures: Vec<f64> = told
        .split_whitespace()
        .map(|word| word.parse().unwrap())
        .collect();
    figures.try_into().unwrap()
}

/// The process: prints the most that it ever took, in MiB; how far back it knows every second, and
/// what it misses of an hour, in minutes; and the milliseconds to show a moment in between.
pub fn remember(seconds: &str, replicas: &str) {
    let seconds: u64 = seconds.parse().unwrap();
    let scenario = Scenario::of(replicas.parse().unwrap(), 1_000);
    let mut model = Model::new(Options::default(), SystemTime::UNIX_EPOCH);
    let mut screen = Terminal::new(TestBackend::new(100, 30)).unwrap();
    model.size = (100, 30);
    for second in 0..seconds {
        for event in scenario.second(second) {
            drop(update(&mut model, Msg::Feed(event)));
        }
        let (now, wall) = (Scenario::looked_at(second), SystemTime::UNIX_EPOCH);
        drop(update(&mut model, Msg::Tick { now, wall }));
        screen
            .draw(|frame| pushtop::view::draw(&model, frame))
            .unwrap();
    }
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:"));
    let kib = line.unwrap().split_whitespace().nth(1).unwrap();
    let mib = kib.parse::<f64>().unwrap() / 1024.0;
    let (tape, now) = (&model.tape, model.now);
    let ago = |seconds: &u64| now - Duration::from_secs(*seconds);
    let fine = (0..3_600).take_while(|back| tape.before(ago(back)) == Some(ago(back)));
    let reach = tape
        .range()
        .map_or(0, |(first, _)| now.since(first).as_secs());
    let unreached = 3_600_u64.saturating_sub(reach);
    let began = Instant::now();
    drop(tape.before(ago(&1_800)).and_then(|at| tape.fleet_at(at)));
    let step = began.elapsed().as_secs_f64() * 1e3;
    let minutes = |seconds: u64| seconds as f64 / 60.0;
    println!(
        "{mib} {} {} {step}",
        minutes(fine.count() as u64),
        minutes(unreached)
    );
}
