//! `compose`: starts the system of `compose.yaml` with images made here, pushes through it, and
//! runs the server's image by itself as the documentation says.

use std::path::PathBuf;

use crate::engine::{self, Engine};
use crate::failure::{Failure, Result};
use crate::images::{self, Image, Profile};
use crate::steps::Steps;
use crate::tools::{self, Environment};
use crate::{cargo, process, workspace};

pub(crate) fn run(arguments: &[String]) -> Result<()> {
    let profile = match arguments {
        [] => Profile::Release,
        [flag] if flag == "--dev" => Profile::Dev,
        _ => {
            let said = Failure::new("`cargo xtask compose` takes nothing, or --dev");
            return Err(said.hint("cargo xtask help compose"));
        }
    };
    let mut steps = Steps::new(4);
    let engine = steps.step("The container engine", engine::require)?;
    let environment = steps.step("The programs that are called", programs)?;
    let environment = steps.step("The images", || images(&engine, profile, environment))?;
    steps.step(
        "The system of compose.yaml, and the image by itself",
        || {
            let mut test = cargo::test(Some(&engine), &environment)?;
            test.args(["--workspace", "--test", "compose"]);
            process::show(test.args(["--", "--nocapture"]))
        },
    )?;
    steps.summary("compose.yaml works");
    Ok(())
}

fn programs() -> Result<Environment> {
    let mut environment = Environment::new();
    environment.insert("DOCKER_COMPOSE", tools::one("docker-compose")?);
    environment.insert("GRPCURL", tools::one("grpcurl")?);
    environment.insert("E2E_ROOT", workspace::root()?);
    Ok(environment)
}

/// Gives the engine all images, also those that users pull.
fn images(engine: &Engine, profile: Profile, mut environment: Environment) -> Result<Environment> {
    let names = ["push-manager", "push-manager-reference"].map(str::to_owned);
    for image in images::build(&names, profile)?.images {
        load(engine, &image)?;
    }
    for (variable, (image, name)) in [
        ("ETCD_IMAGE", images::etcd()?),
        ("PROMETHEUS_IMAGE", images::prometheus()?),
    ] {
        load(engine, &image)?;
        environment.insert(variable, PathBuf::from(name));
    }
    Ok(environment)
}

fn load(engine: &Engine, image: &Image) -> Result<()> {
    let mut docker = engine.docker();
    docker.args(["load", "--quiet", "--input"]);
    process::capture(docker.arg(&image.archive)).map(drop)
}
