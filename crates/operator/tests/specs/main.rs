//! Specs drawn by lot: what is valid settles, renders and is stored as it was applied; what is not
//! is refused, by the definition or by the operator.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod cluster;
mod knob_values;
mod leaves;
mod pure;
mod refused;
mod stored;
mod strategy;
