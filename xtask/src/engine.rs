//! `engine`: which container engine the other commands use, and one of our own
//! where there is none.
//!
//! An engine of our own runs in a network namespace of its own: what it publishes
//! is reachable only there, so programs that want it are started by
//! [`Engine::command`].

mod own;

use std::ffi::OsStr;
use std::path::PathBuf;
use std::process::Command;
use std::time::Instant;

use crate::failure::{Failure, Result, cleared};
use crate::machine::{self, containers::DOCKER};
use crate::process;
use own::Own;

/// A container engine that answers.
#[derive(Debug)]
pub(crate) struct Engine {
    docker: PathBuf,
    own: Own,
    place: Place,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// What `DOCKER_HOST` names.
    Named,
    /// Ours.
    Own,
    /// What the docker client uses by itself.
    Default,
}

impl Engine {
    /// The docker client, told where this engine is.
    pub(crate) fn docker(&self) -> Command {
        let mut docker = Command::new(&self.docker);
        self.tell(&mut docker);
        docker
    }

    /// A program where the ports that this engine publishes are reachable.
    pub(crate) fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = match self.place {
            Place::Own => self.own.inside(program.as_ref()),
            Place::Named | Place::Default => Command::new(program),
        };
        self.tell(&mut command);
        command
    }

    /// Whether it is the one that `cargo xtask engine start` started.
    pub(crate) fn is_our_own(&self) -> bool {
        self.place == Place::Own
    }

    fn tell(&self, command: &mut Command) {
        if self.is_our_own() {
            command.env("DOCKER_HOST", self.own.host());
        }
    }

    /// What it says of itself, or why it says nothing.
    fn version(&self) -> Result<String> {
        let mut docker = self.docker();
        docker.args(["version", "--format", "{{.Server.Version}}"]);
        Ok(process::capture(&mut docker)?.trim().to_owned())
    }

    fn told(&self) -> String {
        match self.place {
            Place::Named => "the engine that DOCKER_HOST names".to_owned(),
            Place::Own => format!("our own engine at {}", self.own.host()),
            Place::Default => "the machine's own engine".to_owned(),
        }
    }

    fn no_answer(&self, said: &Failure) -> Failure {
        let what = format!("{} does not answer: {said}", self.told());
        match self.place {
            Place::Named => Failure::new(what).hint("start it, or unset DOCKER_HOST"),
            Place::Own if self.own.process().is_none() => {
                Failure::new(format!("{} does not run", self.told()))
                    .hint("cargo xtask engine start, or unset DOCKER_HOST")
            }
            Place::Own => Failure::new(what).hint(format!(
                "cargo xtask engine stop, then start; its log is {}",
                self.own.log().display()
            )),
            Place::Default => no_engine(said),
        }
    }
}

fn no_engine(said: &Failure) -> Failure {
    let failure = Failure::new(format!("no container engine answers: {said}"));
    if machine::root_on_linux() {
        failure.hint(
            "start Docker, or an engine of our own that needs no registry: cargo xtask engine start",
        )
    } else {
        failure.hint(
            "start Docker, or set DOCKER_HOST; as root on Linux `cargo xtask engine start` brings one",
        )
    }
}

/// The engine to use: what `DOCKER_HOST` names, else our own where it runs, else
/// the machine's.
pub(crate) fn require() -> Result<Engine> {
    let docker = DOCKER.find().ok_or_else(|| DOCKER.missing())?;
    let own = Own::here()?;
    let named = std::env::var("DOCKER_HOST").ok();
    let place = choose(named.as_deref(), &own.host(), own.process().is_some());
    let engine = Engine { docker, own, place };
    match engine.version() {
        Ok(_) => Ok(engine),
        Err(said) => Err(engine.no_answer(&said)),
    }
}

/// Runs what needs an engine: with the one that answers, else with one of our own that ends
/// afterwards.
pub(crate) fn with_one<T>(run: impl FnOnce() -> Result<T>) -> Result<T> {
    let Err(none) = require() else {
        return run();
    };
    let own = Own::here()?;
    if let Err(said) = own.start() {
        return Err(none.and("and one of our own does not start", &said));
    }
    cleared(run(), own.stop())
}

fn choose(named: Option<&str>, own: &str, own_runs: bool) -> Place {
    match named.filter(|host| !host.is_empty()) {
        Some(host) if host == own => Place::Own,
        Some(_) => Place::Named,
        None if own_runs => Place::Own,
        None => Place::Default,
    }
}

pub(crate) fn run(arguments: &[String]) -> Result<()> {
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["start"] => start(),
        ["stop"] => Own::here()?.stop(),
        ["status"] => status(),
        ["env"] => env(),
        ["in", program, rest @ ..] => {
            let mut command = require()?.command(program);
            command.args(rest);
            process::become_it(command)
        }
        _ => Err(Failure::new(
            "`cargo xtask engine` wants start, stop, status, env or in COMMAND…",
        )
        .hint("cargo xtask help engine")),
    }
}

fn start() -> Result<()> {
    let started = Instant::now();
    let own = Own::here()?;
    own.start()?;
    println!(
        "our own engine is at {}, after {}",
        own.host(),
        process::took(started.elapsed())
    );
    println!("Other commands of cargo xtask find it. To use it in this shell:");
    println!("  eval \"$(cargo xtask engine env)\"");
    println!("What it publishes is reachable by:  cargo xtask engine in COMMAND…");
    Ok(())
}

fn status() -> Result<()> {
    let engine = require()?;
    println!("{}, version {}", engine.told(), engine.version()?);
    if !engine.is_our_own() && engine.own.process().is_some() {
        println!("(our own engine runs, too; DOCKER_HOST names another)");
    }
    Ok(())
}

fn env() -> Result<()> {
    let engine = require()?;
    match engine.place {
        Place::Own => println!("export DOCKER_HOST='{}'", engine.own.host()),
        Place::Named | Place::Default => println!("# {}: nothing to set", engine.told()),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const OURS: &str = "unix:///ours.sock";

    #[test]
    fn a_named_engine_comes_before_ours() {
        assert_eq!(choose(Some("tcp://other"), OURS, true), Place::Named);
    }

    #[test]
    fn ours_comes_before_the_machines_and_only_while_it_runs() {
        assert_eq!(choose(None, OURS, true), Place::Own);
        assert_eq!(choose(Some(""), OURS, true), Place::Own);
        assert_eq!(choose(None, OURS, false), Place::Default);
    }

    #[test]
    fn ours_is_known_by_its_name_so_that_its_namespace_is_entered() {
        assert_eq!(choose(Some(OURS), OURS, true), Place::Own);
    }
}
