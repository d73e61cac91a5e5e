//! The repository's own commands, run as `cargo xtask COMMAND`.
//!
//! Each command has a file of its own; this one only finds the right one and
//! turns a failure into a message and an exit code. What the product does is
//! none of its business: it builds, tests and checks.
#![allow(
    clippy::print_stdout,
    reason = "a command-line program: what it prints is its result"
)]
#![allow(
    clippy::disallowed_methods,
    reason = "the bans protect async code and its paused clock; nothing here is async"
)]

mod bench;
mod cache;
mod cargo;
mod ci;
mod cluster;
mod compose;
mod copy;
mod e2e;
mod engine;
mod failure;
mod generate;
mod help;
mod images;
mod libtest;
mod lint;
mod machine;
mod mutants;
mod node_image;
mod pictures;
mod previous;
mod process;
mod protoc;
mod readme;
mod sample;
mod steps;
mod test;
mod tools;
mod workspace;

use std::process::ExitCode;

use failure::{Failure, Result};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("\nerror: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &[String]) -> Result<()> {
    let (command, rest) = match arguments.split_first() {
        Some((command, rest)) => (command.as_str(), rest),
        None => ("help", arguments),
    };
    let asked_for_help = rest
        .iter()
        .take_while(|a| *a != "--")
        .any(|a| a == "--help" || a == "-h");
    let inside = command == "engine" && rest.first().is_some_and(|word| word == "in");
    let forwards = inside || matches!(command, "dev" | "build" | "cargo");
    if asked_for_help && !forwards {
        return help::print(Some(command));
    }
    match command {
        "help" | "--help" | "-h" => help::print(rest.first().map(String::as_str)),
        "dev" => cargo::dev(rest),
        "build" => cargo::build(rest),
        "cargo" => cargo::any(rest),
        "tools" => tools::run(rest),
        "engine" => engine::run(rest),
        "cluster" => cluster::run(rest),
        "node-image" => node_image::run(rest),
        "test" => test::run(rest),
        "lint" => lint::run(rest),
        "generate" => generate::run(rest),
        "mutants" => mutants::run(rest),
        "bench" => bench::run(rest),
        "images" => images::run(rest),
        "compose" => compose::run(rest),
        "e2e" => e2e::run(rest),
        "readme" => readme::run(rest),
        "pictures" => pictures::run(rest),
        "ci" => ci::run(rest),
        other => Err(Failure::new(format!("there is no command `{other}`"))
            .hint("run `cargo xtask` for the list of commands")),
    }
}
