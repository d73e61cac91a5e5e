//! What the console costs whoever leaves it open: drawing, bringing replicas together, memory, the
//! way from a key to the screen, bytes to the terminal. `cargo xtask bench console` runs it.
//!
//! Each figure has its bound beside it where one was promised, and a floor where one can be
//! measured. The figures come from one run on one machine; the exit code says whether all bounds
//! held.

#![allow(
    missing_docs,
    unreachable_pub,
    clippy::pedantic,
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a benchmark"
)]

#[path = "console/drawing.rs"]
mod drawing;
#[path = "console/fleet.rs"]
mod fleet;
#[path = "console/memory.rs"]
mod memory;
#[path = "console/screen.rs"]
mod screen;
#[path = "console/table.rs"]
mod table;
#[allow(dead_code, reason = "shared with the tests")]
#[path = "../tests/support/terminal.rs"]
mod terminal;

use std::process::ExitCode;

/// How thoroughly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Effort {
    /// A few seconds instead of a minute.
    pub short: bool,
}

impl Effort {
    /// So many in the long form, a tenth of it in the short one.
    pub fn times(self, many: usize) -> usize {
        if self.short { many / 10 } else { many }
    }
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [mode, seconds, replicas] = &arguments[..]
        && mode == "--remember"
    {
        memory::remember(seconds, replicas);
        return ExitCode::SUCCESS;
    }
    let short = arguments.iter().any(|argument| argument == "--short");
    let effort = Effort { short };
    let mut table = table::Table::new();
    drawing::measure(effort, &mut table);
    fleet::measure(effort, &mut table);
    memory::measure(&mut table);
    screen::measure(effort, &mut table);
    table.verdict()
}
