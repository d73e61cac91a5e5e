//! Pushes through a whole small system in one process.

#![allow(
    dead_code,
    unreachable_pub,
    missing_docs,
    clippy::pedantic,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "tests"
)]

#[path = "support/bed.rs"]
mod bed;
#[path = "support/door.rs"]
mod door;
#[path = "support/etcd.rs"]
mod etcd;
#[path = "support/fakes.rs"]
mod fakes;
#[path = "support/proxy.rs"]
mod proxy;
#[path = "support/scene.rs"]
mod scene;
#[path = "support/ws.rs"]
mod ws;

#[path = "pushes/accounting.rs"]
mod accounting;
#[path = "pushes/aging.rs"]
mod aging;
#[path = "pushes/answers.rs"]
mod answers;
#[path = "pushes/bad_input.rs"]
mod bad_input;
#[path = "pushes/controller.rs"]
mod controller;
#[path = "pushes/failure_log.rs"]
mod failure_log;
#[path = "pushes/fault_proxy.rs"]
mod fault_proxy;
#[path = "pushes/faults.rs"]
mod faults;
#[path = "pushes/figures.rs"]
mod figures;
#[path = "pushes/holds.rs"]
mod holds;
#[path = "pushes/large_room.rs"]
mod large_room;
#[path = "pushes/leaving.rs"]
mod leaving;
#[path = "pushes/legacy.rs"]
mod legacy;
#[path = "pushes/moves.rs"]
mod moves;
#[path = "pushes/node_ids.rs"]
mod node_ids;
#[path = "pushes/options.rs"]
mod options;
#[path = "pushes/outages.rs"]
mod outages;
#[path = "pushes/pool.rs"]
mod pool;
#[path = "pushes/routing.rs"]
mod routing;
