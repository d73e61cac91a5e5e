//! `dev`, `build` and `cargo`: cargo itself, with PROTOC set.

use std::process::Command;

use crate::engine::Engine;
use crate::failure::{Failure, Result};
use crate::tools::Environment;
use crate::{process, protoc, workspace};

/// Builds push-manager and starts the whole system on this machine.
pub(crate) fn dev(arguments: &[String]) -> Result<()> {
    eprintln!("Building push-manager, then starting it. The first build takes some minutes.");
    let mut cargo = in_the_workspace("run")?;
    cargo.args(["--package", "push-manager", "--bin", "push-manager"]);
    cargo.args(["--", "dev"]).args(arguments);
    process::become_it(cargo)
}

pub(crate) fn build(arguments: &[String]) -> Result<()> {
    let mut cargo = in_the_workspace("build")?;
    cargo.args(arguments);
    process::become_it(cargo)
}

pub(crate) fn any(arguments: &[String]) -> Result<()> {
    if arguments.is_empty() {
        return Err(Failure::new("`cargo xtask cargo` wants a cargo command")
            .hint("for example: cargo xtask cargo check --workspace"));
    }
    let mut cargo = protoc::cargo()?;
    cargo.args(arguments);
    process::become_it(cargo)
}

/// `cargo test` where what an engine publishes is reachable.
pub(crate) fn test(engine: Option<&Engine>, environment: &Environment) -> Result<Command> {
    let mut cargo = protoc::cargo()?;
    if let Some(engine) = engine {
        let plain = cargo;
        cargo = engine.command(plain.get_program());
        let set = plain
            .get_envs()
            .filter_map(|(name, value)| Some((name, value?)));
        cargo.envs(set);
    }
    cargo.current_dir(workspace::root()?).envs(environment);
    cargo.arg("test");
    Ok(cargo)
}

/// Works from any folder: the caller's folder stays the current one, so that
/// paths in the arguments mean what they say.
fn in_the_workspace(command: &str) -> Result<Command> {
    let mut cargo = protoc::cargo()?;
    cargo
        .arg(command)
        .arg("--manifest-path")
        .arg(workspace::root()?.join("Cargo.toml"));
    Ok(cargo)
}
