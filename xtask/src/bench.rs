//! `bench`: what the product costs, beside the bounds that were promised.
//!
//! Each benchmark is a program of the crate that it is about; this builds it with what it needs and
//! lets it print its table. A bound that does not hold is a failure.

use std::path::Path;
use std::process::Command;

use crate::failure::{Failure, Result};
use crate::{process, protoc, steps::Steps, test, workspace};

/// Short or long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// Seconds, for every submission.
    Short,
    /// Minutes, for figures to quote.
    Long,
}

pub(crate) fn run(arguments: &[String]) -> Result<()> {
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words[..] {
        ["console"] => console(Form::Long, None),
        ["console", "--short"] => console(Form::Short, None),
        ["console", "server"] => server(Form::Long),
        ["console", "server", "--short"] => server(Form::Short),
        _ => Err(
            Failure::new(format!("there is no benchmark `{}`", words.join(" ")))
                .hint("cargo xtask bench console [server] [--short]"),
        ),
    }
}

/// The console in its operator's terminal, and at the managers that it watches; with a pushtop that
/// is built already, or one built here.
pub(crate) fn console(form: Form, pushtop: Option<&Path>) -> Result<()> {
    let mut steps = Steps::new(3);
    let program = steps.step("Building the release programs", || {
        let program = pushtop.map_or_else(test::release_pushtop, |path| Ok(path.to_path_buf()))?;
        bench("pushtop", &program, &["--no-run"]).map(|()| program.clone())?;
        bench("push-manager", &program, &["--no-run"]).map(|()| program)
    })?;
    steps.step("The console", || {
        bench("pushtop", &program, form.arguments())
    })?;
    steps.step("A manager with four consoles", || {
        bench("push-manager", &program, form.arguments())
    })?;
    steps.summary("All bounds held");
    Ok(())
}

/// Only what consoles cost a manager.
fn server(form: Form) -> Result<()> {
    process::show(&mut command("push-manager", form.arguments())?)
}

impl Form {
    fn arguments(self) -> &'static [&'static str] {
        match self {
            Self::Short => &["--", "--short"],
            Self::Long => &[],
        }
    }
}

fn bench(package: &str, program: &Path, more: &[&str]) -> Result<()> {
    process::show(command(package, more)?.env("PUSHTOP", program))
}

fn command(package: &str, more: &[&str]) -> Result<Command> {
    let mut cargo = protoc::cargo()?;
    cargo.current_dir(workspace::root()?);
    cargo.args(["bench", "--package", package, "--bench", "console"]);
    cargo.args(more);
    Ok(cargo)
}
