//! The command line: what people type, what they read back, exit codes.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "this module talks to people"
)]

/// Prints a line. Whoever reads it may close the pipe early, as `head` does.
macro_rules! say {
    ($($line:tt)*) => {{
        use std::io::Write;
        if writeln!(std::io::stdout(), $($line)*).is_err() {
            std::process::exit(0);
        }
    }};
}

mod config;
mod dev;
mod nodes;
mod options;
mod push;
mod reload;
mod serve;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use self::options::ConfigOptions;

const EXIT_CODES: &str = "\
Exit codes:
  0  done; for `push`: the push was successful
  1  failed while running, e.g. a port is taken or a peer can't be reached
  2  the command line or the configuration is wrong; nothing was started
  3  `push` only: it was answered, and not successful (see the message)
  4  `push` only: it was refused or got no answer";

/// Takes pushes from business servers over gRPC and fans them out to the
/// Connect-Nodes that hold people's WebSockets.
#[derive(Debug, Parser)]
#[command(name = "push-manager", version, after_help = EXIT_CODES, subcommand_precedence_over_arg = true)]
struct Cli {
    #[command(flatten)]
    options: ConfigOptions,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the server (the default): etcd, Controller and nodes as configured.
    #[command(after_help = EXIT_CODES)]
    Serve,
    /// Run everything embedded in one process, to try it out: a Controller,
    /// Connect-Nodes with a web page, and the server.
    #[command(after_help = EXIT_CODES)]
    Dev(dev::DevOptions),
    /// Push a message through a running server.
    #[command(subcommand_value_name = "TARGET", after_help = EXIT_CODES)]
    Push(push::PushOptions),
    /// List the Connect-Nodes registered in etcd.
    #[command(after_help = EXIT_CODES)]
    Nodes(nodes::NodesOptions),
    /// Check or show the configuration.
    #[command(after_help = EXIT_CODES)]
    Config(config::ConfigCommand),
}

/// How a command failed: the exit code and what to tell.
#[derive(Debug)]
struct Failed {
    code: u8,
    text: String,
}

impl Failed {
    fn usage(text: impl Into<String>) -> Self {
        Self {
            code: 2,
            text: text.into(),
        }
    }

    fn running(error: &dyn std::error::Error) -> Self {
        Self {
            code: 1,
            text: with_causes(error),
        }
    }
}

/// Parses the arguments, runs the command, and gives the exit code.
pub fn main() -> ExitCode {
    let Cli { options, command } = Cli::parse();
    let outcome = match command.unwrap_or(Command::Serve) {
        Command::Serve => serve::run(&options),
        Command::Dev(dev) => dev::run(&options, &dev),
        Command::Push(push) => push::run(&push),
        Command::Nodes(nodes) => nodes::run(&options, &nodes),
        Command::Config(config) => config::run(&options, &config),
    };
    match outcome {
        Ok(code) => code,
        Err(Failed { code, text }) => {
            eprintln!("push-manager: {text}");
            ExitCode::from(code)
        }
    }
}

fn with_causes(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

/// With as many open files as the machine allows: each node is a connection, and shells allow
/// fewer at first.
fn runtime() -> Result<tokio::runtime::Runtime, Failed> {
    // Where it can't be done, what there is must do.
    drop(rlimit::increase_nofile_limit(u64::MAX));
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failed::running(&error))
}
