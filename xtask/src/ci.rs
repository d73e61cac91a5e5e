//! `ci`: what a submission must pass, on any machine that has what it needs.
//!
//! Installing that is `.ci/run`'s business.

use std::path::PathBuf;
use std::process::Command;

use crate::failure::{Failure, Result};
use crate::steps::Steps;
use crate::{bench, lint, mutants, process, test, workspace};

/// How many patches one run tries: each commit gets others.
const SAMPLE: usize = 3;

pub(crate) fn run(arguments: &[String]) -> Result<()> {
    if let Some(argument) = arguments.first() {
        return Err(
            Failure::new(format!("`cargo xtask ci` takes no {argument}"))
                .hint("for a part of it: cargo xtask lint, test or mutants"),
        );
    }
    let mut steps = Steps::new(4);
    steps.step("ci: lint", || lint::run(&[]))?;
    steps.step("ci: test", || test::run(&[]))?;
    steps.step("ci: bench", || bench::console(bench::Form::Short))?;
    steps.step("ci: mutants", || {
        let (count, target) = (SAMPLE.to_string(), target()?);
        let words = [
            "--sample",
            &count,
            "--seed",
            &seed()?,
            "--target-dir",
            &target,
        ];
        mutants::run(&words.map(str::to_owned))
    })?;
    steps.summary("ci passed");
    Ok(())
}

/// The tests' own target folder, so that the dependencies are not built again.
fn target() -> Result<String> {
    let named = std::env::var_os("CARGO_TARGET_DIR").map(PathBuf::from);
    let root = workspace::root()?;
    let folder = root.join(named.unwrap_or_else(|| "target".into()));
    Ok(folder.to_string_lossy().into_owned())
}

/// The commit under test.
fn seed() -> Result<String> {
    let mut git = Command::new("git");
    git.arg("-C")
        .arg(workspace::root()?)
        .args(["rev-parse", "HEAD"]);
    Ok(process::capture(&mut git)?.trim().to_owned())
}
