//! What tests against a real cluster need around it: WebSocket clients that log
//! what they get ([`Clients`]), and the books on it ([`History`]).
//!
//! The books rest on what callers were told and on what clients received, never
//! on what the system under test counts of itself. Who pushes is left to others:
//! `interop load` of `tests/interop/go` prints the lines that [`Line`] reads.

pub mod history;
pub mod ws;

pub use history::{Allowed, Client, History, Interval, Line, Push, Received, Target, Verdict};
pub use ws::{ClientSpec, Clients, Log};
