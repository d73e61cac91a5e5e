//! Foreign peers: a Go service on either side, grpcurl, promtool, an OTLP
//! collector and a browser, all of them real programs.
//!
//! Their paths come from variables that `cargo xtask test` sets. Without them
//! tests fail: skipping would look like passing.

#![allow(
    dead_code,
    missing_docs,
    missing_debug_implementations,
    unreachable_pub,
    clippy::pedantic,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "tests"
)]

#[path = "support/bed.rs"]
mod bed;
#[path = "support/etcd.rs"]
mod etcd;
#[path = "support/fakes.rs"]
mod fakes;
#[path = "support/ws.rs"]
mod ws;

#[path = "interop/devtools.rs"]
mod devtools;
#[path = "interop/otlp.rs"]
mod otlp;
#[path = "interop/programs.rs"]
mod programs;

#[path = "interop/go_client.rs"]
mod go_client;
#[path = "interop/go_node.rs"]
mod go_node;
#[path = "interop/grpcurl.rs"]
mod grpcurl;
#[path = "interop/metrics_page.rs"]
mod metrics_page;
#[path = "interop/page.rs"]
mod page;
#[path = "interop/pings.rs"]
mod pings;
#[path = "interop/traces.rs"]
mod traces;
