//! The copy of the repository in which patches are applied.
//!
//! It is kept between runs, with a target folder of its own, so that a run
//! builds only what changed. A run that was cut short leaves a patched file;
//! the next one puts it right.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use super::patch::{CaughtBy, Patch};
use crate::failure::{Result, While};
use crate::process::{self, End};
use crate::tools::Environment;
use crate::{cache, copy, protoc, workspace};

/// Debug information that nobody else asks for. Cargo tells builds of two copies of a workspace in
/// one target folder apart by their profile, not by their place: with the usual one, what was built
/// of a patch would be run as if it were the caller's.
const DEBUG: &str = "line-directives-only";
/// How long a build may take before it counts as hung.
const BUILD_LIMIT: Duration = Duration::from_mins(30);

#[derive(Debug)]
pub(super) struct Scratch {
    tree: PathBuf,
    /// What it is a copy of.
    original: PathBuf,
    target: PathBuf,
    logs: PathBuf,
    environment: Environment,
    _held: File,
}

/// What a build or a test run came to.
#[derive(Debug)]
pub(super) struct Outcome {
    pub(super) end: End,
    pub(super) log: PathBuf,
}

impl Scratch {
    /// Makes the copy equal to the repository as it stands, new files included.
    pub(super) fn prepare(
        root: &Path,
        environment: Environment,
        target: Option<PathBuf>,
    ) -> Result<Self> {
        let name = cache::content_name([root.to_string_lossy().as_bytes()]);
        let all = cache::folder("mutants")?;
        let held = cache::lock(&all, &name)?;
        let here = all.join(name);
        let scratch = Self {
            tree: here.join("tree"),
            original: root.to_path_buf(),
            target: target.unwrap_or_else(|| here.join("target")),
            logs: here.join("logs"),
            environment,
            _held: held,
        };
        for folder in [&scratch.tree, &scratch.logs] {
            cache::make(folder)?;
        }
        copy::whole(root, &scratch.tree)?;
        eprintln!("    the copy: {}", here.display());
        Ok(scratch)
    }

    /// Builds the test programs of a command.
    pub(super) fn build(&self, name: &str, caught_by: &CaughtBy) -> Result<Outcome> {
        let mut command = self.cargo()?;
        if caught_by.scenario {
            command.args(["xtask", "images", "--dev"]);
        } else {
            command.arg("test").args(&caught_by.cargo).arg("--no-run");
        }
        self.run(
            &format!("{name}: building"),
            name,
            &mut command,
            BUILD_LIMIT,
        )
    }

    /// Runs some tests of built programs, for at most `limit`.
    pub(super) fn test(
        &self,
        name: &str,
        caught_by: &CaughtBy,
        tests: &[&str],
        limit: Duration,
    ) -> Result<Outcome> {
        let mut command = self.cargo()?;
        if caught_by.scenario {
            command.args(["xtask", "e2e", "--dev", "--keep-cluster", "--captured"]);
            command.args(tests);
        } else {
            command.arg("test").args(&caught_by.cargo);
            command.args(["--no-fail-fast", "--"]);
            command.args(tests).args(&caught_by.flags);
        }
        self.run(&format!("{name}: testing"), name, &mut command, limit)
    }

    fn cargo(&self) -> Result<Command> {
        let mut cargo = protoc::cargo()?;
        cargo
            .current_dir(&self.tree)
            .env("CARGO_TARGET_DIR", &self.target)
            .env("CARGO_PROFILE_DEV_DEBUG", DEBUG)
            .env("CARGO_TERM_COLOR", "never")
            .env(workspace::HISTORY, &self.original)
            .envs(&self.environment);
        Ok(cargo)
    }

    fn run(
        &self,
        title: &str,
        name: &str,
        command: &mut Command,
        limit: Duration,
    ) -> Result<Outcome> {
        let log = self.logs.join(format!("{name}.log"));
        let end = process::logged(title, command, &log, Some(limit))?;
        Ok(Outcome { end, log })
    }

    /// Applies a patch; the reason when it does not fit. `git apply` takes it
    /// at another line but not in another context.
    pub(super) fn apply(&self, patch: &Patch) -> std::result::Result<(), String> {
        let mut git = Command::new("git");
        git.current_dir(&self.tree)
            .args(["apply", "--whitespace=nowarn"])
            .arg(&patch.file);
        process::capture(&mut git).map(drop).map_err(|failure| {
            eprintln!("    {failure}");
            "does not apply to the code as it is now".to_owned()
        })
    }

    /// Puts the files of a patch back.
    pub(super) fn restore(&self, root: &Path, patch: &Patch) -> Result<()> {
        for file in &patch.touches {
            let (original, copied) = (root.join(file), self.tree.join(file));
            if original.is_file() {
                copy::refresh(&original, &copied)?;
            } else if copied.exists() {
                fs::remove_file(&copied)
                    .while_doing(|| format!("removing {}", copied.display()))?;
            }
        }
        Ok(())
    }
}
