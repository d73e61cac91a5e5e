//! The admin API seen from outside, over a whole small system in one process.

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
#[path = "support/fakes.rs"]
mod fakes;
#[path = "support/proxy.rs"]
mod proxy;
#[path = "support/ws.rs"]
mod ws;

#[path = "admin/console.rs"]
mod console;

#[path = "admin/acts.rs"]
mod acts;
#[path = "admin/crowd.rs"]
mod crowd;
#[path = "admin/details.rs"]
mod details;
#[path = "admin/door.rs"]
mod door;
#[path = "admin/grpcurl.rs"]
mod grpcurl;
#[path = "admin/seats.rs"]
mod seats;
#[path = "admin/watching.rs"]
mod watching;
