//! The command line: what people type, what they read back, exit codes.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "this module talks to people"
)]

mod diagnose;
mod drain;
mod logs;
mod options;
mod output;

use std::process::ExitCode;

use clap::{CommandFactory, Parser};

use self::options::{Command, Form, Options, Which};
use crate::{
    cluster::{Cluster, ClusterError},
    status, top,
};

/// Something is not well, or was not done: what it was is printed.
const NOT_WELL: u8 = 3;
/// A drain was done at some pods only.
const PARTLY: u8 = 4;

/// How it ended badly: the exit code and what to tell.
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
        let causes = std::iter::successors(error.source(), |cause| cause.source());
        let text = causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"));
        Self { code: 1, text }
    }
}

impl From<ClusterError> for Failed {
    fn from(error: ClusterError) -> Self {
        Self::running(&error)
    }
}

/// Parses the arguments, runs, and gives the exit code.
pub fn main() -> ExitCode {
    let options = Options::parse();
    match run(options) {
        Ok(code) => code,
        Err(Failed { code, text }) => {
            eprintln!("kubectl pushmanager: {text}");
            ExitCode::from(code)
        }
    }
}

fn run(options: Options) -> Result<ExitCode, Failed> {
    let Options { which, command } = options;
    if let Command::Top(wish) = &command {
        return console(&which, wish);
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|error| Failed::running(&error))?;
    let ended = runtime.block_on(Box::pin(asked(&which, command)));
    // Somebody who was asked to type something can't be interrupted: nobody waits for it.
    runtime.shutdown_background();
    ended
}

async fn asked(which: &Which, command: Command) -> Result<ExitCode, Failed> {
    let cluster = Cluster::reach(&which.access(), which.namespace.as_deref()).await?;
    match command {
        Command::Status(wish) => show_status(&cluster, &wish).await,
        Command::Drain(wish) => drain::run(&cluster, &wish).await,
        Command::Logs(wish) => logs::run(&cluster, &wish).await,
        Command::Diagnose(wish) => diagnose::run(&cluster, &wish).await,
        // It needs no cluster, and was run before.
        Command::Top(wish) => console(which, &wish),
    }
}

async fn show_status(cluster: &Cluster, wish: &options::Status) -> Result<ExitCode, Failed> {
    let gathered = Box::pin(status::gather(cluster, &wish.name)).await?;
    let report = status::Report::of(&gathered);
    match wish.form.form() {
        Form::Json => output::json(&report)?,
        Form::Text => output::line(&status::text(&report))?,
    }
    Ok(if report.is_well() {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(NOT_WELL)
    })
}

fn console(which: &Which, wish: &options::Top) -> Result<ExitCode, Failed> {
    let access = which.access();
    let namespace = which.namespace.as_deref();
    let command = top::command(&wish.name, namespace, &access, &wish.arguments)
        .map_err(|error| Failed::running(&error))?;
    become_it(command)
}

/// Replaces this process, so that the terminal, signals and the exit code are the console's own.
#[cfg(unix)]
fn become_it(mut command: std::process::Command) -> Result<ExitCode, Failed> {
    use std::os::unix::process::CommandExt;
    let error = command.exec();
    let program = command.get_program().display();
    Err(Failed {
        code: 1,
        text: format!("starting {program}: {error}"),
    })
}

#[cfg(not(unix))]
fn become_it(mut command: std::process::Command) -> Result<ExitCode, Failed> {
    let ended = command.status().map_err(|error| Failed::running(&error))?;
    let code = ended.code().and_then(|code| u8::try_from(code).ok());
    Ok(ExitCode::from(code.unwrap_or(1)))
}

/// The help text, for documentation.
pub fn help() -> String {
    Options::command().render_long_help().to_string()
}
