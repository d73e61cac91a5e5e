//! The program `pushtop`.

use std::process::ExitCode;

fn main() -> ExitCode {
    pushtop::cli::main()
}
