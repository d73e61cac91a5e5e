//! `lint`: everything that can be said of the code without running it.

mod dependencies;
mod files;
mod licence;
mod patches;

use std::path::Path;
use std::process::Command;

use crate::failure::{Failure, Result};
use crate::steps::Steps;
use crate::{generate, machine, process, protoc, tools, workspace};

/// One check, by the name it is asked for.
struct Check {
    name: &'static str,
    title: &'static str,
    run: fn(&Path) -> Result<()>,
}

/// The quick ones first.
static CHECKS: &[Check] = &[
    Check {
        name: "format",
        title: "Rust is formatted",
        run: format,
    },
    Check {
        name: "files",
        title: "Files are short, and name no folder of this machine",
        run: files::check,
    },
    Check {
        name: "patches",
        title: "Patches fit the code, and every scenario has one",
        run: patches::check,
    },
    Check {
        name: "dependencies",
        title: "Dependencies: one version, known licences, known sources",
        run: dependencies::check,
    },
    Check {
        name: "go",
        title: "Go is formatted",
        run: gofmt,
    },
    Check {
        name: "protos",
        title: "Protos are clean and break no deployed peer",
        run: protos,
    },
    Check {
        name: "generated",
        title: "What is generated is what would be generated now",
        run: generate::check,
    },
    Check {
        name: "clippy",
        title: "Clippy has nothing to say",
        run: clippy,
    },
];

pub(crate) fn run(arguments: &[String]) -> Result<()> {
    let root = workspace::root()?;
    let chosen = chosen(arguments)?;
    let mut steps = Steps::new(chosen.len());
    for check in chosen {
        steps.step(check.title, || (check.run)(&root))?;
    }
    steps.summary("Lint found nothing");
    Ok(())
}

fn chosen(names: &[String]) -> Result<Vec<&'static Check>> {
    if names.is_empty() {
        return Ok(CHECKS.iter().collect());
    }
    let find = |name: &String| {
        let known: Vec<_> = CHECKS.iter().map(|check| check.name).collect();
        let found = CHECKS.iter().find(|check| check.name == name);
        found.ok_or_else(|| {
            Failure::new(format!("there is no check `{name}`"))
                .hint(format!("the checks are {}", known.join(", ")))
        })
    };
    names.iter().map(find).collect()
}

/// Tests that `cargo test` leaves out, as they want a cluster, and `--all-targets` with it.
const APART: [&str; 3] = ["e2e", "compose", "readme"];

fn format(root: &Path) -> Result<()> {
    let mut cargo = protoc::cargo()?;
    cargo.current_dir(root).args(["fmt", "--all", "--check"]);
    process::show(&mut cargo).map_err(|failure| failure.hint("run `cargo fmt --all`"))
}

fn clippy(root: &Path) -> Result<()> {
    clippy_of(root, &["--all-targets"])?;
    let tests = APART.iter().flat_map(|test| ["--test", test]);
    clippy_of(root, &tests.collect::<Vec<_>>())
}

fn clippy_of(root: &Path, targets: &[&str]) -> Result<()> {
    let mut cargo = protoc::cargo()?;
    cargo.current_dir(root);
    cargo.args(["clippy", "--workspace"]).args(targets);
    cargo.args(["--", "-D", "warnings"]);
    process::show(&mut cargo).map_err(|failure| {
        failure.hint(
            "each message above has its own advice; why a lint is on: clippy.toml and Cargo.toml",
        )
    })
}

fn protos(root: &Path) -> Result<()> {
    let buf = tools::one("buf")?;
    let mut lint = Command::new(&buf);
    lint.current_dir(root).args(["lint", "proto"]);
    process::show(&mut lint)?;
    let mut breaking = Command::new(&buf);
    breaking.current_dir(root);
    breaking.args(["breaking", "proto", "--against", "proto/released"]);
    process::show(&mut breaking).map_err(|failure| {
        failure.hint(
            "deployed peers speak what is in proto/released: add fields under new numbers, \
             keep what is there; proto/released changes only with a release",
        )
    })
}

fn gofmt(root: &Path) -> Result<()> {
    let gofmt = process::find("gofmt").ok_or_else(|| machine::GO.missing())?;
    let files = workspace::files(root)?;
    let go = files
        .iter()
        .filter(|f| f.extension().is_some_and(|e| e == "go"));
    let mut list = Command::new(gofmt);
    list.current_dir(root).arg("-l").args(go);
    let unformatted = process::capture(&mut list)?;
    if unformatted.trim().is_empty() {
        return Ok(());
    }
    Err(Failure::new(format!(
        "these are not formatted:\n{}",
        unformatted.trim_end()
    ))
    .hint("run `gofmt -w` on them"))
}
