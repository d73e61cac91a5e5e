//! `ci`: what a submission must pass, on any machine that has what it needs.
//!
//! Installing that is `.ci/run`'s business.

use std::process::Command;

use crate::failure::{Failure, Result};
use crate::images::{self, Profile};
use crate::steps::Steps;
use crate::{bench, compose, e2e, engine, lint, mutants, process, readme, test, workspace};

/// How many patches one run tries: each commit gets others.
const SAMPLE: usize = 3;
/// Of the scenarios on a real cluster, one in so many is tried: each commit gets others.
const PART: &str = "1/3";

pub(crate) fn run(arguments: &[String]) -> Result<()> {
    if let Some(argument) = arguments.first() {
        return Err(
            Failure::new(format!("`cargo xtask ci` takes no {argument}"))
                .hint("for a part of it: cargo xtask lint, test, mutants, compose, readme or e2e"),
        );
    }
    let seed = seed()?;
    let mut steps = Steps::new(8);
    steps.step("ci: lint", || lint::run(&[]))?;
    let programs = steps.step("ci: the programs that ship", || {
        images::programs(Profile::Release)
    })?;
    let pushtop = programs.join("pushtop");
    steps.step("ci: test", || test::all(&pushtop))?;
    steps.step("ci: bench", || {
        bench::console(bench::Form::Short, Some(&pushtop))
    })?;
    steps.step("ci: mutants", || {
        // The tests' own target folder, so that the dependencies are not built again.
        let target = workspace::target()?;
        let (count, target) = (SAMPLE.to_string(), target.to_string_lossy());
        let words = ["--sample", &count, "--seed", &seed, "--target-dir", &target];
        mutants::run(&words.map(str::to_owned))
    })?;
    engine::with_one(|| in_containers(&mut steps, &seed))?;
    steps.summary("ci passed");
    Ok(())
}

/// What is tried in containers and on a cluster.
fn in_containers(steps: &mut Steps, seed: &str) -> Result<()> {
    steps.step("ci: compose.yaml", || compose::run(&[]))?;
    steps.step("ci: the README's way to Kubernetes", || readme::run(&[]))?;
    steps.step("ci: scenarios on a real cluster", || {
        let words = ["--part", PART, "--seed", seed];
        e2e::run(&words.map(str::to_owned))
    })
}

/// The commit under test.
fn seed() -> Result<String> {
    let mut git = Command::new("git");
    git.arg("-C")
        .arg(workspace::root()?)
        .args(["rev-parse", "HEAD"]);
    Ok(process::capture(&mut git)?.trim().to_owned())
}
