//! Our programs as they run in clusters: real processes, real etcd, real signals.

#![allow(
    dead_code,
    missing_docs,
    unreachable_pub,
    clippy::pedantic,
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    reason = "tests"
)]

#[path = "support/bed.rs"]
mod bed;
#[path = "support/etcd.rs"]
mod etcd;
#[path = "support/process.rs"]
mod process;
#[path = "support/system.rs"]
mod system;
#[path = "support/ws.rs"]
mod ws;

#[path = "processes/admin.rs"]
mod admin;
#[path = "processes/cli.rs"]
mod cli;
#[path = "processes/commands.rs"]
mod commands;
#[path = "processes/console.rs"]
mod console;
#[path = "processes/dev.rs"]
mod dev;
#[path = "processes/drain.rs"]
mod drain;
#[path = "processes/load.rs"]
mod load;
#[path = "processes/loss.rs"]
mod loss;
#[path = "processes/open_files.rs"]
mod open_files;
#[path = "processes/outage.rs"]
mod outage;
#[path = "processes/pause.rs"]
mod pause;
#[path = "processes/registration.rs"]
mod registration;
#[path = "processes/settings.rs"]
mod settings;
#[path = "processes/start.rs"]
mod start;
