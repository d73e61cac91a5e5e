//! `node-image`: a node image for kind, made of Debian's packages and Go modules
//! where no image registry can be reached.
//!
//! What is in it lies in `tests/e2e/node`, see the README there. The root file
//! systems are `roots`' business, the components' images that of `parts`, and the
//! files over the root that of `staging`; `recipe` knows what decides the content.

mod parts;
mod recipe;
mod roots;
mod staging;

use std::path::{Path, PathBuf};

use crate::engine::{self, Engine};
use crate::failure::{Failure, Result, While};
use crate::machine::{self, containers as programs};
use crate::steps::Steps;
use crate::{cache, process, tools};
use recipe::Recipe;

/// The base that Dockerfiles name, made here as well where it can't be pulled.
const SLIM: &str = "debian:bookworm-slim";

pub(crate) fn run(arguments: &[String]) -> Result<()> {
    let engine = engine::require()?;
    match arguments {
        [] => println!("{}", ready(&engine)?),
        [word] if word == "base" => println!("{}", base(&engine)?),
        _ => {
            return Err(
                Failure::new("`cargo xtask node-image` takes nothing, or the word `base`")
                    .hint("cargo xtask help node-image"),
            );
        }
    }
    Ok(())
}

/// What the node image is called, whether it is there or not.
pub(crate) fn name() -> Result<String> {
    Ok(Recipe::read()?.image())
}

/// Builds the node image into the engine unless it is there; returns its name.
pub(crate) fn ready(engine: &Engine) -> Result<String> {
    let recipe = Recipe::read()?;
    let image = recipe.image();
    if present(engine, &image) {
        eprintln!("    the node image is there");
        return Ok(image);
    }
    let _held = cache::lock(&cache::folder("node-image")?, "node-image")?;
    if !present(engine, &image) {
        build(engine, &recipe)?;
    }
    Ok(image)
}

/// A base for images of our own with nothing but Debian's smallest system and
/// certificates; returns its name. The machine's own engine keeps what it has under
/// Docker's name for it.
pub(crate) fn base(engine: &Engine) -> Result<String> {
    let packages = recipe::packages("slim")?;
    let image = roots::image(engine, "slim", &packages)?;
    if engine.is_our_own() && !present(engine, SLIM) {
        process::capture(engine.docker().args(["tag", &image, SLIM]))?;
    }
    Ok(image)
}

/// Whether the engine has an image of this name.
pub(crate) fn present(engine: &Engine, image: &str) -> bool {
    let mut docker = engine.docker();
    docker.args(["image", "inspect", "--format", "{{.Id}}", image]);
    process::capture(&mut docker).is_ok()
}

fn build(engine: &Engine, recipe: &Recipe) -> Result<()> {
    let mut steps = Steps::new(6);
    steps.step("node image: what this machine has", check)?;
    steps.step("node image: its programs", || {
        recipe::PROGRAMS
            .iter()
            .try_for_each(|name| tools::one(name).map(drop))
    })?;
    let (node, iptables) = steps.step("node image: root file systems of Debian", || {
        let node = roots::image(engine, "node", &recipe::packages("node")?)?;
        let iptables = roots::image(engine, "iptables", &recipe::packages("iptables")?)?;
        Ok((node, iptables))
    })?;
    let work = Work::new()?;
    let archive = work.folder.join("components.tar");
    steps.step("node image: images of the components", || {
        parts::check(recipe)?;
        parts::save(engine, recipe, &iptables, &work.folder, &archive)
    })?;
    steps.step("node image: the node's files over its root", || {
        staging::build(engine, recipe, &node, &work.folder)
    })?;
    steps.step("node image: the components into its containerd", || {
        staging::load(engine, recipe, &archive)
    })?;
    steps.summary("The node image is built");
    Ok(())
}

fn check() -> Result<()> {
    if !machine::root_on_linux() {
        return Err(
            Failure::new("the node image can be built by root on Linux only")
                .hint("elsewhere, use a released one: cargo xtask cluster create --image IMAGE"),
        );
    }
    machine::require(&[
        &machine::GO,
        &programs::DOCKER,
        &programs::DEBOOTSTRAP,
        &programs::TAR,
    ])
}

/// A folder for what is on its way into the engine; it goes when dropped.
struct Work {
    folder: PathBuf,
}

impl Work {
    fn new() -> Result<Self> {
        let folder = cache::folder("node-image")?.join("work");
        clear(&folder)?;
        cache::make(&folder)?;
        Ok(Self { folder })
    }
}

impl Drop for Work {
    fn drop(&mut self) {
        // What stays behind is cleared by the next run.
        drop(clear(&self.folder));
    }
}

fn clear(folder: &Path) -> Result<()> {
    if !folder.exists() {
        return Ok(());
    }
    std::fs::remove_dir_all(folder).while_doing(|| format!("removing {}", folder.display()))
}
