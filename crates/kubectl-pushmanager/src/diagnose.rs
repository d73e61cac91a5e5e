//! `diagnose`: a bundle of all that tells how a PushManager does, without secrets.
//!
//! Every byte of it goes through [`crate::redact`]: [`Bundle`] takes nothing else. No Secret is ever
//! read. What could not be collected is in the bundle too, as a file that says why.

mod bundle;
mod children;
mod gather;
mod metrics;
mod pods;

pub use self::{
    bundle::{Bundle, Limits, Piece},
    gather::{Wish, gather},
};

/// Most lines of each log.
pub const MOST_LINES: i64 = 5_000;
/// Most bytes of each log.
pub const MOST_LOG_BYTES: i64 = 2 << 20;
/// Most pods whose logs, metrics and admin API are asked.
pub const MOST_PODS: usize = 50;
/// Most operator pods.
pub const MOST_OPERATORS: usize = 5;
/// Most events.
pub const MOST_EVENTS: usize = 1_000;

#[cfg(test)]
mod tests;
