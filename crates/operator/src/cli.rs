//! The command line: what people type, what they read back, exit codes.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "this module talks to people"
)]

mod check;
mod generate;
mod print;
mod read;
mod render;
mod run;
mod validate;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

const MORE: &str = "\
Examples:
  push-manager-operator run                          in a cluster, or with a kubeconfig
  push-manager-operator render -f push.yaml          what a PushManager would become
  push-manager-operator validate -f push.yaml        whether it would be taken
  push-manager-operator crd | kubectl apply --server-side -f -

Exit codes:
  0  done
  1  failed while running, e.g. no cluster is reached, or the lease was lost; check: no success in time
  2  the command line is wrong, or a file can't be read; nothing was done
  3  validate, render: a PushManager is not valid";

/// Runs Push-Managers in Kubernetes: keeps a Deployment, its configuration and all around it as
/// each PushManager resource says.
#[derive(Debug, Parser)]
#[command(name = "push-manager-operator", version, after_help = MORE, subcommand_required = true, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Reconcile PushManagers until told to stop.
    Run(run::RunOptions),
    /// Print the CustomResourceDefinition.
    Crd(print::CrdOptions),
    /// Print the account, roles and bindings that `run` needs.
    Rbac(print::RbacOptions),
    /// Print the objects that PushManagers would become, without a cluster.
    Render(render::RenderOptions),
    /// Check PushManagers in files, without a cluster.
    Validate(validate::ValidateOptions),
    /// Ask a page such as /readyz until it answers with success.
    Check(check::CheckOptions),
    /// Print what the repository keeps generated: see `cargo xtask generate`.
    #[command(hide = true)]
    Generate(generate::GenerateOptions),
}

/// How objects are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
enum Output {
    /// For people and kubectl.
    #[default]
    Yaml,
    /// For scripts; several objects as a List.
    Json,
}

/// How a command failed: the exit code and what to tell.
#[derive(Debug)]
struct Failed {
    code: u8,
    text: String,
}

/// Parses the arguments, runs the command, and gives the exit code.
pub fn main() -> ExitCode {
    let outcome = match Cli::parse().command {
        Command::Run(options) => run::run(options),
        Command::Crd(options) => print::crd(&options),
        Command::Rbac(options) => print::rbac(&options),
        Command::Render(options) => render::run(&options),
        Command::Validate(options) => validate::run(&options),
        Command::Check(options) => check::run(&options),
        Command::Generate(options) => generate::run(&options),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failed { code, text }) => {
            eprintln!("push-manager-operator: {text}");
            ExitCode::from(code)
        }
    }
}

/// An error and its causes on one line.
fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let said = cause.to_string();
        if !text.ends_with(&said) {
            text = format!("{text}: {said}");
        }
        next = cause.source();
    }
    text
}
