//! What consoles cost a manager: 1,000 nodes, four consoles at 1 Hz. `cargo xtask bench console`
//! runs it, and `cargo xtask bench console server` runs nothing else.
//!
//! The release server is a process of its own, so that its CPU time is its own; Controller, nodes,
//! load and consoles are here. The load comes in rounds of a second: first a broadcast that changes
//! every node's row, then quiet, in which the consoles are told. Only the quiet is measured: what
//! the pushes cost varies by more than what consoles do. Once in each quiet there is a sample, and
//! a round in which a console was not told all rows, or in which the load ended too late, is
//! left out. So CPU time in the quiet, less what it is without consoles, is their cost of a second.

#![allow(
    missing_docs,
    unreachable_pub,
    clippy::pedantic,
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a benchmark"
)]

#[path = "console/consoles.rs"]
mod consoles;
#[path = "console/load.rs"]
mod load;
#[path = "console/manager.rs"]
mod manager;
#[path = "console/peers.rs"]
mod peers;

use std::{process::ExitCode, time::Duration};

use self::{
    consoles::{Case, Consoles},
    load::Load,
    manager::Manager,
    peers::Peers,
};

/// Each is a connection of the manager's and one of ours.
const NODES: usize = 1_000;
/// Where a program may not have that many files open.
const FEWER_NODES: usize = 900;
/// Open files for all else.
const SPARE: usize = 100;
/// Of one core.
const BOUND: f64 = 0.01;

/// When consoles are opened in a round: the samples for them are made at that time of each second.
const OPENED: Duration = Duration::from_millis(800);

/// CPU time in the quiet of one case's rounds, as shares of a second.
#[derive(Default)]
struct Rounds {
    shares: Vec<f64>,
    left_out: usize,
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> ExitCode {
    let short = std::env::args().any(|argument| argument == "--short");
    let (turns, rounds) = if short { (4, 3) } else { (12, 6) };
    let nodes = nodes();
    let peers = Peers::start(nodes).await;
    let manager = Manager::start(&peers).await;
    let mut load = Load::new(&manager, nodes).await;
    // The connections to all nodes, and the allocator's first growth.
    for _ in 0..4 {
        load.works().await;
        load.ends().await;
    }
    let mut cases = Case::ALL.map(|_| Rounds::default());
    for turn in 0..turns {
        for place in 0..cases.len() {
            // Each begins a turn as often as the others, so that a drift hurts none.
            let which = (place + turn) % cases.len();
            let told = &mut cases[which];
            measure(&manager, &mut load, rounds, Case::ALL[which], told).await;
        }
    }
    let pushes = load.pushes();
    println!("{nodes} nodes, {pushes} pushes, {turns} turns of {rounds} s for each case");
    if report(&cases) {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// As many as files may be open, of which the manager may have as many as we.
fn nodes() -> usize {
    let allowed = rlimit::increase_nofile_limit(u64::MAX).unwrap() as usize;
    if allowed >= NODES + SPARE {
        return NODES;
    }
    println!("{allowed} open files are allowed (ulimit -Hn): {FEWER_NODES} nodes, not {NODES}");
    assert!(allowed >= FEWER_NODES + SPARE, "and that is too few");
    FEWER_NODES
}

async fn measure(manager: &Manager, load: &mut Load, rounds: usize, case: Case, told: &mut Rounds) {
    let nodes = load.people();
    load.works().await;
    load.is_at(OPENED).await;
    let consoles = Consoles::open(manager, case).await;
    load.ends().await;
    for _ in 0..rounds {
        let in_time = load.works().await;
        consoles.forget();
        let before = manager.cpu();
        load.ends().await;
        let spent = manager.cpu().checked_sub(before);
        let spent = spent.expect("a thread of the manager ended: its time is not known");
        let rows = case.bounded().then_some(case.consoles() * nodes);
        if in_time && rows.is_none_or(|rows| rows as u64 == consoles.rows()) {
            told.shares.push(spent.as_secs_f64());
        } else {
            told.left_out += 1;
        }
    }
    consoles.close().await;
}

type Cases = [Rounds; Case::ALL.len()];

/// Prints the table; whether all bounds hold.
fn report(cases: &Cases) -> bool {
    println!(
        "share of a core, in %      quiet median (quartiles)   for consoles   bound   left out"
    );
    let mut well = true;
    for (case, rounds) in Case::ALL.into_iter().zip(cases) {
        if rounds.shares.len() <= rounds.left_out {
            println!("  {:<26} too much was left out to tell", case.name());
            well = false;
            continue;
        }
        let [low, median, high] = [1, 2, 3].map(|quarter| rounds.quartile(quarter) * 100.0);
        let cost = median - cases[0].quartile(2) * 100.0;
        let bound = case.bounded().then_some(BOUND * 100.0);
        let shown = bound.map_or_else(String::new, |bound| format!("{bound:.2}"));
        println!(
            "  {:<26} {median:>6.3} ({low:.3} to {high:.3}) {cost:>12.3} {shown:>9} {:>10}",
            case.name(),
            rounds.left_out,
        );
        well &= bound.is_none_or(|bound| cost < bound);
    }
    well
}

impl Rounds {
    /// Of at least one.
    fn quartile(&self, quarter: usize) -> f64 {
        let mut shares = self.shares.clone();
        shares.sort_by(f64::total_cmp);
        let last = shares.len().saturating_sub(1);
        shares.get(last * quarter / 4).copied().unwrap_or(f64::NAN)
    }
}
