//! What consoles cost a manager: 1,000 nodes, four consoles at 1 Hz. `cargo xtask bench console`
//! runs it, with `--server` alone.
//!
//! The release server is a process of its own, so that its CPU time is its own; Controller, nodes,
//! load and consoles are here. The load comes in rounds of a second, each of which changes every
//! node's row, and what is measured are whole rounds: nothing but the consoles differs between one
//! window and another. The cases take turns, each is compared with the window without consoles of
//! its own turn, and the median of these differences is what a case costs.

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

use std::process::ExitCode;

use self::{
    consoles::{Case, Consoles},
    load::Load,
    manager::Manager,
    peers::Peers,
};

const NODES: usize = 1_000;
/// Of one core.
const BOUND: f64 = 0.01;

/// What the windows of one case told.
#[derive(Default)]
struct Windows {
    /// Shares of a core, by turn.
    shares: Vec<f64>,
    frames: u64,
    rows: u64,
    rounds: u64,
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> ExitCode {
    let short = std::env::args().any(|argument| argument == "--short");
    let (turns, rounds) = if short { (7, 2) } else { (15, 5) };
    let peers = Peers::start(NODES).await;
    let manager = Manager::start(&peers).await;
    let mut load = Load::new(&manager, NODES).await;
    // The connections to all nodes, and the allocator's first growth.
    load.rounds(4).await;

    let mut cases = Case::ALL.map(|_| Windows::default());
    for turn in 0..turns {
        for place in 0..cases.len() {
            // Each begins a turn as often as the others, so that a drift hurts none.
            let which = (place + turn) % cases.len();
            measure(
                &manager,
                &mut load,
                Case::ALL[which],
                rounds,
                &mut cases[which],
            )
            .await;
        }
    }
    println!(
        "{NODES} nodes, {} pushes, {turns} turns of {rounds} s for each case; {} rounds were late",
        load.pushes(),
        load.late()
    );
    report(&cases)
}

async fn measure(
    manager: &Manager,
    load: &mut Load,
    case: Case,
    rounds: u64,
    windows: &mut Windows,
) {
    let consoles = Consoles::open(manager, case).await;
    // Their snapshots belong to their beginning, not to a second's cost.
    load.rounds(1).await;
    consoles.forget();
    let window = manager.window();
    load.rounds(rounds).await;
    windows.shares.push(window.share_of_a_core(manager));
    windows.frames += consoles.frames();
    windows.rows += consoles.rows();
    windows.rounds += rounds;
    consoles.close().await;
}

fn report(cases: &[Windows; Case::ALL.len()]) -> ExitCode {
    let mut well = true;
    let nobody = &cases[0].shares;
    println!("share of a core, in %           in all   for consoles (quartiles)       bound");
    for (case, windows) in Case::ALL.into_iter().zip(cases) {
        let costs = windows.shares.iter().zip(nobody);
        let costs = sorted(costs.map(|(share, nobody)| (share - nobody) * 100.0));
        let [low, cost, high] = [1, 2, 3].map(|quarter| costs[(costs.len() - 1) * quarter / 4]);
        let shares = sorted(windows.shares.iter().map(|share| share * 100.0));
        let total = shares[(shares.len() - 1) / 2];
        let bound = case.bounded().then_some(BOUND * 100.0);
        let told = bound.map_or_else(String::new, |bound| format!("{bound:.2}"));
        println!(
            "  {:<28} {total:>6.2}   {cost:>6.2} ({low:.2} to {high:.2}) {told:>17}",
            case.name()
        );
        well &= bound.is_none_or(|bound| cost < bound) && windows.told_all(case);
    }
    if well {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

impl Windows {
    /// Whether each console that asked for rows was told every node's in each round.
    fn told_all(&self, case: Case) -> bool {
        let due = (case.consoles() as u64 * self.rounds) as f64;
        if !case.bounded() {
            return true;
        }
        let (frames, rows) = (self.frames as f64 / due, self.rows as f64 / due);
        println!("    each was told {frames:.2} frames and {rows:.0} rows a second");
        let all = rows >= 0.95 * NODES as f64;
        if !all {
            eprintln!("    not every node's row each second: the figure means nothing");
        }
        all
    }
}

fn sorted(values: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values
}
