//! Pushes through a whole small system in one process.

#![allow(
    dead_code,
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
#[path = "support/ws.rs"]
mod ws;

#[path = "pushes/answers.rs"]
mod answers;
