//! End-to-end tests on a real cluster: what `cargo xtask e2e` runs.
//!
//! The operator comes from its chart, the server from a `PushManager`, the peers are the reference
//! ones, pushes come from foreign clients outside the cluster and arrive at WebSockets there. Each
//! scenario has a [`space::Space`], a namespace with an etcd of its own.
//!
//! The books ([`history::History`]) rest on what callers were told and on what WebSocket clients
//! received, never on what the system under test counts of itself. Who pushes is `interop load` of
//! `tests/interop/go`.

#![allow(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test fails by panicking, its helpers included"
)]

pub mod dump;
pub mod forward;
pub mod history;
pub mod hosts;
pub mod judge;
pub mod lab;
pub mod people;
pub mod pushes;
pub mod run;
pub mod settings;
pub mod space;
pub mod world;
pub mod ws;
