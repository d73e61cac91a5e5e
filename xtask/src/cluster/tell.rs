//! What is told of a cluster.

use super::{Cluster, Options, names, place};
use crate::engine::Engine;
use crate::failure::{Failure, Result};
use crate::{process, tools};

/// Its nodes and pods.
pub(super) fn status(engine: &Engine, options: &Options) -> Result<()> {
    let Options {
        name, kubeconfig, ..
    } = options;
    let names = names(engine)?;
    if !names.contains(name) {
        return Err(Failure::new(format!("there is no cluster {name}")).hint(
            if names.is_empty() {
                "cargo xtask cluster create".to_owned()
            } else {
                format!("there is {}; give it as --name", names.join(", "))
            },
        ));
    }
    let mut kubectl = engine.command(tools::one("kubectl")?);
    let kubeconfig = place(name, kubeconfig.as_deref())?;
    kubectl.arg("--kubeconfig").arg(kubeconfig);
    process::show(kubectl.args(["get", "nodes,pods", "--all-namespaces", "--output=wide"]))
}

/// How to use it.
pub(super) fn advise(engine: &Engine, cluster: &Cluster) -> Result<()> {
    let Cluster {
        name,
        image,
        kubeconfig,
    } = cluster;
    let kubectl = tools::one("kubectl")?;
    let inside = if engine.is_our_own() {
        "cargo xtask engine in "
    } else {
        ""
    };
    println!("the cluster {name} runs on {image}. To use it:");
    println!("  export KUBECONFIG='{}'", kubeconfig.display());
    println!("  {inside}{} get pods --all-namespaces", kubectl.display());
    println!("To end it:\n  cargo xtask cluster delete --name {name}");
    Ok(())
}
