//! What consoles cost a manager: 1,000 nodes, four consoles at 1 Hz. `cargo xtask bench console`
//! runs it, with `--server` alone.
//!
//! The release server is a process of its own, so that its CPU time is its own; Controller, nodes,
//! load and consoles are here. The load comes in rounds of a second, each of which changes every
//! node's row, and each round is measured by itself: nothing but the consoles differs between one
//! and another. The cases take turns, and what one costs is the difference between the medians of
//! its rounds and of those without consoles. Other programs disturb that; where it does not stay
//! below the bound after the usual turns, more are made before it is judged.

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

/// What the rounds of one case told.
#[derive(Default)]
struct Rounds {
    /// Shares of a core.
    shares: Vec<f64>,
    frames: u64,
    rows: u64,
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> ExitCode {
    let short = std::env::args().any(|argument| argument == "--short");
    let (usual, rounds) = if short { (7, 2) } else { (15, 5) };
    let peers = Peers::start(NODES).await;
    let manager = Manager::start(&peers).await;
    let mut load = Load::new(&manager, NODES).await;
    // The connections to all nodes, and the allocator's first growth.
    load.rounds(4).await;

    let mut cases = Case::ALL.map(|_| Rounds::default());
    let mut turns = 0;
    while turns < usual || (turns < 3 * usual && !hold(&cases)) {
        for place in 0..cases.len() {
            // Each begins a turn as often as the others, so that a drift hurts none.
            let which = (place + turns) % cases.len();
            measure(
                &manager,
                &mut load,
                rounds,
                Case::ALL[which],
                &mut cases[which],
            )
            .await;
        }
        turns += 1;
    }
    println!(
        "{NODES} nodes, {} pushes, {turns} turns of {rounds} s for each case; {} rounds were late",
        load.pushes(),
        load.late()
    );
    report(&cases);
    if hold(&cases) {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

async fn measure(manager: &Manager, load: &mut Load, rounds: usize, case: Case, told: &mut Rounds) {
    let consoles = Consoles::open(manager, case).await;
    // Their snapshots belong to their beginning, not to a second's cost.
    load.rounds(1).await;
    consoles.forget();
    for _ in 0..rounds {
        let window = manager.window();
        load.rounds(1).await;
        told.shares.push(window.share_of_a_core(manager));
    }
    told.frames += consoles.frames();
    told.rows += consoles.rows();
    consoles.close().await;
}

type Cases = [Rounds; Case::ALL.len()];

fn report(cases: &Cases) {
    println!("share of a core, in %         median (quartiles)       for consoles   bound");
    for (case, rounds) in Case::ALL.into_iter().zip(cases) {
        let [low, median, high] = [1, 2, 3].map(|quarter| rounds.quartile(quarter) * 100.0);
        let cost = rounds.cost(cases) * 100.0;
        let bound = case.bounded().then(|| format!("{:.2}", BOUND * 100.0));
        println!(
            "  {:<26} {median:>7.2} ({low:.2} to {high:.2}) {cost:>14.2} {:>7}",
            case.name(),
            bound.unwrap_or_default()
        );
        if case.bounded() {
            let [frames, rows] = rounds.told(case);
            println!("    each console was told {frames:.2} frames and {rows:.0} rows a second");
        }
    }
}

/// The bound, and what makes the figures mean anything: that each console that asked for rows was
/// told every node's in each round.
fn hold(cases: &Cases) -> bool {
    let cases_of = Case::ALL.into_iter().zip(cases);
    let mut bounded = cases_of.filter(|(case, _)| case.bounded());
    bounded.all(|(case, rounds)| {
        let [_, rows] = rounds.told(case);
        assert!(
            rows >= 0.95 * NODES as f64,
            "not every row was told: {rows:.0}"
        );
        rounds.cost(cases) < BOUND
    })
}

impl Rounds {
    fn quartile(&self, quarter: usize) -> f64 {
        let mut shares = self.shares.clone();
        shares.sort_by(f64::total_cmp);
        shares[(shares.len() - 1) * quarter / 4]
    }

    /// What it costs more than no console does.
    fn cost(&self, cases: &Cases) -> f64 {
        self.quartile(2) - cases[0].quartile(2)
    }

    /// Frames and rows for each console in each round.
    fn told(&self, case: Case) -> [f64; 2] {
        let due = (case.consoles() * self.shares.len()) as f64;
        [self.frames, self.rows].map(|count| count as f64 / due)
    }
}
