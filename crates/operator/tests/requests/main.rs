//! Every request of a reconcile, of the watches and of the lease, against a mock of the API server.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod api;
mod changes;
mod first;
mod lease;
mod races;
mod refusals;
mod scaling;
mod situations;
mod telling;
mod watching;
mod world;
