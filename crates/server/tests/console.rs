//! The console beside real managers: what it says, when it says it, and whether that is true.
//!
//! One story with everything that goes wrong in it, and what consoles do to each other. How the
//! console's screens and keys work is tested where they are.

#![allow(
    dead_code,
    missing_docs,
    unreachable_pub,
    clippy::pedantic,
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "tests"
)]

#[path = "support/bed.rs"]
mod bed;
#[path = "support/etcd.rs"]
mod etcd;
#[path = "../../tui/tests/support/lines.rs"]
mod lines;
#[path = "support/process.rs"]
mod process;
#[path = "support/proxy.rs"]
mod proxy;
#[path = "support/system.rs"]
mod system;
#[path = "../../tui/tests/support/terminal.rs"]
mod terminal;
#[path = "support/ws.rs"]
mod ws;

#[path = "console/audience.rs"]
mod audience;
#[path = "console/figures.rs"]
mod figures;
#[path = "console/honesty.rs"]
mod honesty;
#[path = "console/load.rs"]
mod load;
#[path = "console/operator.rs"]
mod operator;
#[path = "console/several.rs"]
mod several;
#[path = "console/stage.rs"]
mod stage;
#[path = "console/story.rs"]
mod story;

use std::time::Duration;

/// How often the console asks, and prints.
pub const INTERVAL: Duration = Duration::from_millis(500);
/// A manager knows something: the console shows it within so long.
pub const CHANGE: Duration = Duration::from_secs(2);
/// Nothing comes from a manager: the console shows that within three intervals.
pub const DEAD_LINK: Duration = Duration::from_millis(1_500);
/// Until the line with it is printed, half of it; and for a machine with two busy cores.
pub const SLACK: Duration = Duration::from_secs(1);

/// These tests judge times, so only one of them runs at a time.
pub static ALONE: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());
