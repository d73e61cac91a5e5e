//! What is made of a PushManager, as files to read: each child, and what the status says.
//!
//! A folder here is a variant: its `spec.yaml`, and a golden of each child that the variant changes
//! beside the smallest one. Whoever adds a child runs the test with `INSTA_UPDATE=always` and reads
//! what it wrote.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod children;
mod rights;
mod statuses;
