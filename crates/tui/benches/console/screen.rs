//! The release program in a terminal: from a key to its effect while nothing is connected, and the
//! bytes that a terminal gets.

use std::time::{Duration, Instant};

use crate::{
    Effort,
    table::{Table, median},
    terminal::Terminal,
};

const KEY_BOUND_MS: f64 = 50.0;
const UNCHANGED_BOUND: f64 = 64.0;
const SECOND_BOUND: f64 = 2_048.0;

pub fn measure(effort: Effort, table: &mut Table) {
    let took = keys(effort.times(200).max(20));
    let worst = took.iter().copied().fold(0.0, f64::max);
    let what = "key to screen while disconnected, median";
    table.hold(what, median(took), KEY_BOUND_MS, "ms");
    table.tell("key to screen while disconnected, worst", worst, "ms");
    let what = "bytes to the terminal of a frame without a change, least of 8";
    table.hold(what, unchanged(), UNCHANGED_BOUND, "B");
    let program = playing();
    let seconds = effort.times(30).max(6);
    let sizes = each_second(&program, seconds);
    let mean = sizes.iter().sum::<f64>() / sizes.len() as f64;
    let what = "bytes to the terminal a second at 1 Hz, 100x30, mean";
    table.hold(what, mean, SECOND_BOUND, "B");
}

fn keys(times: usize) -> Vec<f64> {
    let mut program = Terminal::start(&["--addr", "127.0.0.1:1"], &[]);
    program.wait_for("Overview");
    let mut pages = [("2", "[2 Nodes]"), ("3", "[3 Pushes]")].iter().cycle();
    let mut took = Vec::new();
    for _ in 0..times {
        let (key, shown) = pages.next().unwrap();
        program.press(key);
        took.push(program.wait_for(shown).as_secs_f64() * 1e3);
        // Not in step with the program's own ticks.
        std::thread::sleep(Duration::from_millis(37));
    }
    took
}

/// Keys that mean nothing draw frames without a change; at least one falls between two seconds.
fn unchanged() -> f64 {
    let mut program = playing();
    program.press("p");
    program.wait_for("PAUSED");
    let sizes = (0..8).map(|_| {
        std::thread::sleep(Duration::from_millis(130));
        drop(program.take());
        program.press("~");
        std::thread::sleep(Duration::from_millis(60));
        program.take().len() as f64
    });
    sizes.filter(|size| *size > 0.0).fold(f64::MAX, f64::min)
}

fn playing() -> Terminal {
    let demo = crate::terminal::demo();
    let program = Terminal::start(&["--replay", demo.to_str().unwrap()], &[]);
    program.wait_for("REPLAY");
    program
}

fn each_second(program: &Terminal, seconds: usize) -> Vec<f64> {
    drop(program.take());
    let mut sizes = Vec::new();
    for _ in 0..seconds {
        let until = Instant::now() + Duration::from_secs(1);
        std::thread::sleep(until.saturating_duration_since(Instant::now()));
        sizes.push(program.take().len() as f64);
    }
    sizes
}
