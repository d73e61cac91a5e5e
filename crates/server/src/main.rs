//! The program `push-manager`. See `push-manager --help`.

use std::process::ExitCode;

fn main() -> ExitCode {
    push_manager::cli::main()
}
