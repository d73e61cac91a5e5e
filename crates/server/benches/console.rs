//! What consoles cost a manager: 1,000 nodes, four consoles at 1 Hz. `cargo xtask bench console`
//! runs it.
//!
//! The release server with everything embedded is a process of its own, under the same gentle load
//! all the time: a broadcast a second, which changes every node's row, and pushes to users. Windows
//! with and without consoles take turns; the median of their differences is what consoles cost.

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

use std::{process::ExitCode, time::Duration};

use self::{consoles::Consoles, load::Load, manager::Manager};

const NODES: usize = 1_000;
const CONSOLES: usize = 4;
/// Of one core.
const BOUND: f64 = 0.01;

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> ExitCode {
    let short = std::env::args().any(|argument| argument == "--short");
    let (pairs, window) = if short {
        (4, Duration::from_secs(3))
    } else {
        (12, Duration::from_secs(5))
    };
    let manager = Manager::start(NODES).await;
    let load = Load::begin(&manager);
    // The connections to all nodes, and the allocator's first growth.
    tokio::time::sleep(Duration::from_secs(4)).await;
    let (mut without, mut with, mut frames, mut rows) = (Vec::new(), Vec::new(), 0, 0);
    for _ in 0..pairs {
        without.push(manager.share_of_a_core(window).await);
        let consoles = Consoles::open(&manager, CONSOLES).await;
        // Their snapshots belong to their beginning, not to a second's cost.
        tokio::time::sleep(Duration::from_millis(1_500)).await;
        consoles.forget();
        with.push(manager.share_of_a_core(window).await);
        frames += consoles.frames();
        rows += consoles.rows();
        consoles.close().await;
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    let pushes = load.end().await;
    let seconds = window.as_secs_f64() * pairs as f64;
    println!("{pushes} pushes in all; {NODES} nodes; {pairs} pairs of {window:?}");
    println!(
        "{CONSOLES} consoles: {:.2} frames a second each, {:.0} rows a second each",
        frames as f64 / seconds / CONSOLES as f64,
        rows as f64 / seconds / CONSOLES as f64
    );
    let cost = with
        .iter()
        .zip(&without)
        .map(|(with, without)| with - without);
    let cost = median(cost.collect());
    println!(
        "share of a core, no console:   {:6.2} %",
        median(without) * 100.0
    );
    println!(
        "share of a core, {CONSOLES} consoles:   {:6.2} %",
        median(with) * 100.0
    );
    println!(
        "share of a core for consoles:  {:6.2} %   bound {:.2} %",
        cost * 100.0,
        BOUND * 100.0
    );
    let told = rows as f64 / seconds / CONSOLES as f64 >= 0.9 * NODES as f64;
    if !told {
        eprintln!(
            "the consoles were not told every node's row each second: the figure means nothing"
        );
    }
    if cost <= BOUND && told {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
