//! The command line: what people type, what they read back, exit codes.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "this module talks to people"
)]

mod batch;
mod options;
mod recorded;
mod start;

use std::process::ExitCode;

use clap::{CommandFactory, Parser};

use self::options::Options;

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

/// Parses the arguments, runs, and gives the exit code.
pub fn main() -> ExitCode {
    let options = Options::parse().complete().map_err(Failed::usage);
    match options.and_then(|options| run(&options)) {
        Ok(code) => code,
        Err(Failed { code, text }) => {
            crate::terminal::give_back();
            eprintln!("pushtop: {text}");
            ExitCode::from(code)
        }
    }
}

fn run(options: &Options) -> Result<ExitCode, Failed> {
    let look = options.look();
    // One console needs one thread for its screen and one for its links.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|error| Failed::running(&error))?;
    let ended = runtime.block_on(async {
        if options.is_batch() {
            Box::pin(batch::run(options, look)).await
        } else {
            Box::pin(start::console(options, look)).await
        }
    });
    // A look-up of a name can't be interrupted: nobody waits for it.
    runtime.shutdown_background();
    ended
}

/// The help text, for documentation.
pub fn help() -> String {
    Options::command().render_long_help().to_string()
}
