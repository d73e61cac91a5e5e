//! Memory: a process of its own lives through an hour with 1,000 nodes, every row of which changes
//! every second, tape and histories included, and says what it takes.

use std::{process::Command, time::SystemTime};

use pushtop::{
    app::{Model, Msg, Options, update},
    fixture::Scenario,
};
use ratatui::{Terminal, backend::TestBackend};

use crate::table::Table;

const BOUND_MIB: f64 = 40.0;

pub fn measure(table: &mut Table) {
    let lived = |seconds: &str| {
        let program = std::env::current_exe().unwrap();
        let told = Command::new(program).args(["--remember", seconds]).output();
        let told = String::from_utf8(told.unwrap().stdout).unwrap();
        told.trim().parse::<f64>().unwrap()
    };
    table.tell("resident: nothing seen yet (floor)", lived("0"), "MiB");
    let what = "resident: an hour, 1000 nodes, all rows changed each second";
    table.hold(what, lived("3600"), BOUND_MIB, "MiB");
}

/// The process: prints the most that it ever took, in MiB.
pub fn remember(seconds: &str) {
    let seconds: u64 = seconds.parse().unwrap();
    let scenario = Scenario::of(1, 1_000);
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
    println!("{}", kib.parse::<f64>().unwrap() / 1024.0);
}
