//! The program `kubectl-pushmanager`, which kubectl finds as `kubectl pushmanager`.

use std::process::ExitCode;

fn main() -> ExitCode {
    kubectl_pushmanager::cli::main()
}
