//! The program `push-manager-operator`. See `push-manager-operator --help`.

use std::process::ExitCode;

fn main() -> ExitCode {
    push_manager_operator::cli::main()
}
