//! `test`: everything the README promises, in steps; stops at the first that
//! fails and names the likely cause.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::failure::{Failure, Result};
use crate::libtest::Report;
use crate::steps::Steps;
use crate::tools::{self, Environment};
use crate::{machine, process, protoc, workspace};

/// What a run of the tests is asked to do.
#[derive(Debug, PartialEq, Eq)]
enum Wish {
    /// The tests inside the crates alone.
    Unit,
    /// All, or those whose names hold one of these.
    Filters(Vec<String>),
    /// Arguments for cargo test, as they are.
    Cargo(Vec<String>),
}

pub(crate) fn run(arguments: &[String]) -> Result<()> {
    match wish(arguments)? {
        Wish::Unit => {
            let mut cargo = cargo_test(&Environment::new())?;
            cargo.args(["--workspace", "--lib", "--bins"]);
            tested(&mut cargo).map(|report| closing(&report))
        }
        Wish::Filters(filters) => everything(&filters, None).map(|report| closing(&report)),
        Wish::Cargo(arguments) => {
            let mut steps = Steps::new(6);
            let environment = prepare(&mut steps, None)?;
            let mut cargo = cargo_test(&environment)?;
            cargo.args(arguments);
            steps
                .step("The tests", || tested(&mut cargo))
                .map(|report| closing(&report))
        }
    }
}

/// All of them, with a pushtop that is built already.
pub(crate) fn all(pushtop: &Path) -> Result<()> {
    everything(&[], Some(pushtop)).map(|report| closing(&report))
}

fn wish(arguments: &[String]) -> Result<Wish> {
    match arguments.split_first() {
        Some((first, [])) if first == "--unit" => Ok(Wish::Unit),
        Some((first, rest)) if first == "--" => Ok(Wish::Cargo(rest.to_vec())),
        _ => match arguments.iter().find(|a| a.starts_with('-')) {
            Some(flag) => Err(
                Failure::new(format!("`cargo xtask test` has no {flag} here"))
                    .hint("arguments for cargo test follow a `--`; see cargo xtask help test"),
            ),
            None => Ok(Wish::Filters(arguments.to_vec())),
        },
    }
}

/// All steps. A filter leaves out the examples in the documentation.
fn everything(filters: &[String], pushtop: Option<&Path>) -> Result<Report> {
    let with_docs = filters.is_empty();
    let mut steps = Steps::new(if with_docs { 8 } else { 7 });
    let environment = prepare(&mut steps, pushtop)?;
    let targets = ["--workspace", "--lib", "--bins", "--tests"];

    steps.step("Building the product and its tests", || {
        let mut cargo = cargo_test(&environment)?;
        cargo.args(targets).arg("--no-run");
        process::show(&mut cargo).map_err(|f| {
            f.hint("the first compiler error above tells; a missing protoc or linker, too")
        })
    })?;
    let mut report = steps.step("The tests", || {
        let mut cargo = cargo_test(&environment)?;
        cargo.args(targets).arg("--").args(filters);
        tested(&mut cargo)
    })?;
    if with_docs {
        let examples = steps.step("The examples in the documentation", || {
            let mut cargo = cargo_test(&environment)?;
            cargo.args(["--workspace", "--doc"]);
            judged(&mut cargo)
        })?;
        report.passed += examples.passed;
    }
    steps.summary("All tests passed");
    Ok(report)
}

/// The steps before any test: the machine, the tools, the Go program.
fn prepare(steps: &mut Steps, pushtop: Option<&Path>) -> Result<Environment> {
    steps.step("What this machine has", || {
        machine::require(&[
            &machine::RUST,
            &machine::GO,
            &machine::CC,
            &machine::GIT,
            &machine::NODE,
            &machine::NPM,
            &machine::CHROMIUM,
            &machine::PROMTOOL,
        ])
    })?;
    let mut environment = steps.step("The pinned tools (built once)", tools::all)?;
    steps.step("The Go program that checks interoperation", || {
        environment.insert("INTEROP_GO", tools::interop_go()?);
        Ok(())
    })?;
    steps.step(
        "The operator of the version before, to upgrade from",
        || {
            environment.insert("PREVIOUS_OPERATOR", crate::previous::operator()?);
            Ok(())
        },
    )?;
    steps.step("The release pushtop that is tried in a terminal", || {
        let built = pushtop.map_or_else(release_pushtop, |path| Ok(path.to_path_buf()))?;
        environment.insert("PUSHTOP", built);
        Ok(())
    })?;
    Ok(environment)
}

/// Builds what people run: a console is judged as it ships.
pub(crate) fn release_pushtop() -> Result<PathBuf> {
    let mut cargo = protoc::cargo()?;
    cargo.current_dir(workspace::root()?);
    cargo.args(["build", "--release", "--package", "pushtop"]);
    process::show(&mut cargo)?;
    Ok(workspace::target()?.join("release/pushtop"))
}

/// Cargo test with the tools named in the environment.
pub(crate) fn cargo_test(environment: &Environment) -> Result<Command> {
    let mut cargo = protoc::cargo()?;
    cargo.current_dir(workspace::root()?).arg("test");
    cargo.envs(environment);
    Ok(cargo)
}

/// Runs tests in the open; no test at all is a failure.
fn tested(cargo: &mut Command) -> Result<Report> {
    let report = judged(cargo)?;
    if report.passed == 0 {
        return Err(Failure::new("no test ran")
            .hint("a filter must be part of a test's name; `cargo xtask test` runs them all"));
    }
    Ok(report)
}

fn judged(cargo: &mut Command) -> Result<Report> {
    let (status, lines) = process::show_and_keep(cargo)?;
    let report = Report::read(lines.iter().map(String::as_str));
    if status.success() {
        return Ok(report);
    }
    Err(cause(&report, &lines))
}

/// The likely cause of a red run.
fn cause(report: &Report, lines: &[String]) -> Failure {
    let Some(first) = report.red.first() else {
        return Failure::new("the tests did not run to their end").hint(
            "a compiler error above, or a test program that was killed (memory?) or crashed",
        );
    };
    let named = report.red.join("\n  ");
    let seen = |text: &str| lines.iter().any(|line| line.contains(text));
    let hint = if seen("Address already in use") {
        "a port is taken: is another run, or `cargo xtask dev`, still going on?".to_owned()
    } else if seen("No space left on device") {
        "the disk is full: `cargo clean` frees much".to_owned()
    } else {
        format!("its panic message is above; run it alone: cargo xtask test {first}")
    };
    Failure::new(format!("{} failed:\n  {named}", plural(report.red.len()))).hint(hint)
}

fn plural(tests: usize) -> String {
    format!("{tests} test{}", if tests == 1 { "" } else { "s" })
}

/// One closing line over all test programs.
fn closing(report: &Report) {
    let Report { passed, failed, .. } = report;
    println!("\n{passed} passed, {failed} failed");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wish_of(words: &str) -> Result<Wish> {
        let words: Vec<String> = words.split_whitespace().map(str::to_owned).collect();
        wish(&words)
    }

    #[test]
    fn words_are_filters_and_what_follows_the_dashes_is_cargos() {
        let owned = |words: &[&str]| words.iter().map(|w| (*w).to_owned()).collect::<Vec<_>>();
        assert_eq!(wish_of("").unwrap(), Wish::Filters(vec![]));
        assert_eq!(wish_of("a b").unwrap(), Wish::Filters(owned(&["a", "b"])));
        assert_eq!(wish_of("--unit").unwrap(), Wish::Unit);
        assert_eq!(
            wish_of("-- -p x").unwrap(),
            Wish::Cargo(owned(&["-p", "x"]))
        );
    }

    #[test]
    fn a_flag_that_is_cargos_is_refused_with_the_way_to_say_it() {
        let said = wish_of("--release").unwrap_err().to_string();
        assert!(said.contains("follow a `--`"), "{said}");
    }

    #[test]
    fn a_red_run_names_its_tests_and_how_to_run_one() {
        let lines: Vec<String> = vec!["test a::b ... FAILED".to_owned()];
        let report = Report::read(lines.iter().map(String::as_str));
        let said = cause(&report, &lines).to_string();
        assert!(said.contains("cargo xtask test a::b"), "{said}");
    }
}
