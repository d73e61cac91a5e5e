//! `cluster`: a Kubernetes cluster in containers, made by kind.
//!
//! Which node image it is made of is `image`'s business, what the command line asks
//! for that of `wish`.

mod image;
mod tell;
mod there;
mod wish;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::engine::{self, Engine};
use crate::failure::{Failure, Result};
use crate::steps::Steps;
use crate::{cache, process, tools, workspace};
pub(crate) use image::NodeImage;
use wish::{Action, Wish};

/// One control plane and two workers.
const SHAPE: &str = "tests/e2e/cluster.yaml";
/// How long nodes and system pods may take, each.
const PATIENCE: &str = "--timeout=180s";
/// How long a cluster that is there may take to answer.
const ANSWER: &str = "--request-timeout=10s";

/// What a new cluster is to be.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Options {
    pub(crate) name: String,
    pub(crate) image: NodeImage,
    /// Where its kubeconfig goes, if not below the cache folder.
    pub(crate) kubeconfig: Option<PathBuf>,
}

/// A cluster that is up.
#[derive(Debug)]
pub(crate) struct Cluster {
    pub(crate) name: String,
    pub(crate) image: String,
    pub(crate) kubeconfig: PathBuf,
}

impl Cluster {
    /// The pinned kubectl, told where this cluster is, in a place from where it can be
    /// reached.
    pub(crate) fn kubectl(&self, engine: &Engine) -> Result<Command> {
        let mut kubectl = engine.command(tools::one("kubectl")?);
        kubectl.env("KUBECONFIG", &self.kubeconfig);
        Ok(kubectl)
    }
}

pub(crate) fn run(arguments: &[String]) -> Result<()> {
    let Wish { action, options } = wish::wish(arguments)?;
    let engine = engine::require()?;
    let name = &options.name;
    match action {
        Action::Create => tell::advise(&engine, &create(&engine, &options)?),
        Action::Delete => {
            delete(&engine, name, options.kubeconfig.as_deref())?;
            println!("the cluster {name} is gone");
            Ok(())
        }
        Action::Status => tell::status(&engine, &options),
        Action::Load(archive) => load(&engine, name, &archive),
    }
}

/// The image that hosts are made of, which is in the engine after this or will be pulled.
pub(crate) fn image(engine: &Engine, wish: &NodeImage) -> Result<String> {
    image::ready(engine, wish)
}

/// Holds off other runs that want the cluster, until dropped. Another lock than that of
/// [`create`], as it is held across that.
pub(crate) fn hold(name: &str) -> Result<File> {
    cache::lock(&cache::folder("runs")?, name)
}

/// The cluster of this name, which is created unless it is there and answers.
pub(crate) fn ready(engine: &Engine, options: &Options) -> Result<Cluster> {
    if !names(engine)?.contains(&options.name) {
        return create(engine, options);
    }
    eprintln!("    the cluster {} that is there already", options.name);
    let cluster = Cluster {
        name: options.name.clone(),
        image: there::image(engine, options)?,
        kubeconfig: place(&options.name, options.kubeconfig.as_deref())?,
    };
    there::is_fit(engine, &cluster)?;
    Ok(cluster)
}

/// Creates a cluster and waits until its nodes and system pods are ready.
pub(crate) fn create(engine: &Engine, options: &Options) -> Result<Cluster> {
    let name = &options.name;
    let _held = cache::lock(&cache::folder("clusters")?, name)?;
    if names(engine)?.contains(name) {
        return Err(Failure::new(format!("there is a cluster {name} already"))
            .hint(format!("cargo xtask cluster delete --name {name}")));
    }
    let mut steps = Steps::new(3);
    let image = steps.step("cluster: its node image", || {
        tools::one("kubectl")?;
        image::ready(engine, &options.image)
    })?;
    let cluster = Cluster {
        name: name.clone(),
        image,
        kubeconfig: place(name, options.kubeconfig.as_deref())?,
    };
    steps.step("cluster: its nodes", || start(engine, &cluster))?;
    steps.step("cluster: its system pods", || settle(engine, &cluster))?;
    steps.summary("The cluster is ready");
    Ok(cluster)
}

/// Deletes a cluster, or what is left of one; it need not be there. Its part of the
/// kubeconfig goes, too.
pub(crate) fn delete(engine: &Engine, name: &str, kubeconfig: Option<&Path>) -> Result<()> {
    let mut kind = kind(engine)?;
    kind.args(["delete", "cluster", "--name", name]);
    kind.arg("--kubeconfig").arg(place(name, kubeconfig)?);
    process::capture(&mut kind)?;
    if kubeconfig.is_none() {
        // Nothing is left in the one that was for this cluster alone.
        drop(std::fs::remove_file(place(name, None)?));
    }
    Ok(())
}

/// Puts the images of an archive, as `docker save` writes it, on every node.
pub(crate) fn load(engine: &Engine, name: &str, archive: &Path) -> Result<()> {
    let mut kind = kind(engine)?;
    kind.args(["load", "image-archive", "--name", name]);
    process::capture(kind.arg(archive)).map(drop)
}

fn start(engine: &Engine, cluster: &Cluster) -> Result<()> {
    let log = cache::folder("clusters")?.join(format!("{}.log", cluster.name));
    let mut kind = kind(engine)?;
    kind.args(["create", "cluster", "--name", &cluster.name]);
    kind.args(["--image", &cluster.image, "--wait", "120s"]);
    kind.arg("--config").arg(workspace::root()?.join(SHAPE));
    kind.arg("--kubeconfig").arg(&cluster.kubeconfig);
    process::quietly("kind create cluster", &mut kind, &log).map(drop)
}

/// Waits until everything that Kubernetes itself runs is there.
fn settle(engine: &Engine, cluster: &Cluster) -> Result<()> {
    let kubectl = |words: &[&str]| {
        let mut kubectl = cluster.kubectl(engine)?;
        process::capture(kubectl.args(words)).map_err(|failure| {
            failure.hint("the cluster is kept to look into: cargo xtask cluster status")
        })
    };
    kubectl(&["wait", "node", "--all", "--for=condition=Ready", PATIENCE])?;
    let listed = kubectl(&[
        "--namespace=kube-system",
        "get",
        "daemonset,deployment",
        "--output=name",
    ])?;
    for workload in listed.lines() {
        kubectl(&[
            "--namespace=kube-system",
            "rollout",
            "status",
            workload,
            PATIENCE,
        ])?;
    }
    Ok(())
}

fn names(engine: &Engine) -> Result<Vec<String>> {
    let mut kind = kind(engine)?;
    let listed = process::capture(kind.args(["get", "clusters"]))?;
    Ok(listed.lines().map(str::to_owned).collect())
}

fn kind(engine: &Engine) -> Result<Command> {
    let mut kind = engine.command(tools::one("kind")?);
    // Podman and others may be there, too: the engine is what was chosen.
    kind.env("KIND_EXPERIMENTAL_PROVIDER", "docker");
    Ok(kind)
}

/// Where the kubeconfig of a cluster is.
fn place(name: &str, wished: Option<&Path>) -> Result<PathBuf> {
    match wished {
        Some(path) => Ok(path.to_path_buf()),
        None => Ok(cache::folder("clusters")?.join(format!("{name}.kubeconfig"))),
    }
}
