//! The scenarios, each a claim. `cargo xtask e2e` runs them, one after another.

#![allow(
    missing_docs,
    clippy::pedantic,
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    reason = "tests"
)]

mod charts;
mod children;
mod etcd;
mod faults;
mod first;
mod households;
mod load;
mod network;
mod operator;
mod scaling;
mod tools;
mod upgrade;
mod workers;
