//! Bringing replicas together: what a second of frames costs, from the decoded frame to rates and
//! problems.

use std::time::{Instant, SystemTime};

use pushtop::{
    app::{Model, Msg, Options, update},
    fixture::Scenario,
};

use crate::{
    Effort,
    table::{Table, median},
};

pub fn measure(effort: Effort, table: &mut Table) {
    for (replicas, nodes) in [(1, 1_000), (3, 1_000), (1, 20_000)] {
        let seconds = effort.times(60).max(12) as u64;
        let (frames, refresh) = seconds_of(&Scenario::of(replicas, nodes), seconds);
        let of = format!("{nodes} nodes, {replicas} replicas, all rows changed");
        table.tell(&format!("a second's frames: {of}"), frames, "ms");
        table.tell(&format!("a refresh: {of}"), refresh, "ms");
    }
}

/// Medians: taking in a second's frames, and bringing everything up to date.
fn seconds_of(scenario: &Scenario, seconds: u64) -> (f64, f64) {
    let mut model = Model::new(Options::default(), SystemTime::UNIX_EPOCH);
    let (mut frames, mut refreshes) = (Vec::new(), Vec::new());
    for second in 0..seconds {
        let told = scenario.second(second);
        let began = Instant::now();
        for event in told {
            drop(update(&mut model, Msg::Feed(event)));
        }
        frames.push(began.elapsed().as_secs_f64() * 1e3);
        let (now, wall) = (Scenario::looked_at(second), SystemTime::UNIX_EPOCH);
        let began = Instant::now();
        drop(update(&mut model, Msg::Tick { now, wall }));
        refreshes.push(began.elapsed().as_secs_f64() * 1e3);
    }
    (median(frames), median(refreshes))
}
