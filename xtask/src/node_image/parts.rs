//! The images of the components, under the names that kubeadm looks for.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::recipe::{Recipe, Versions};
use super::staging;
use crate::engine::Engine;
use crate::failure::{Failure, Result, While};
use crate::{cache, process, tools};

/// What kubeadm of the pinned Kubernetes names; containerd's configuration, too.
const PAUSE: &str = "3.10.1";
/// Named in `kind/manifests/default-cni.yaml`; kubeadm does not know it.
const PODNET: &str = "docker.io/push-manager/podnet:v1";

/// An image with one program.
#[derive(Debug)]
pub(super) struct Part {
    /// The tool's name and the program's.
    program: &'static str,
    /// Its name in the cluster.
    pub(super) image: String,
    /// Whether it calls iptables and the like.
    needs_iptables: bool,
}

impl Part {
    /// Its name in the engine, where the one in the cluster may be somebody else's.
    pub(super) fn passing(&self, recipe: &Recipe) -> String {
        recipe.passing(&format!("part-{}", self.program))
    }

    fn dockerfile(&self, iptables: &str) -> String {
        let base = if self.needs_iptables {
            iptables
        } else {
            "scratch"
        };
        let program = self.program;
        format!(
            "FROM {base}\n\
             COPY {program} /usr/local/bin/{program}\n\
             ENV PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\n\
             ENTRYPOINT [\"/usr/local/bin/{program}\"]\n"
        )
    }
}

pub(super) fn all(versions: &Versions) -> Vec<Part> {
    let Versions {
        kubernetes,
        etcd,
        coredns,
    } = versions;
    let part = |program, image: String, needs_iptables| Part {
        program,
        image,
        needs_iptables,
    };
    let ours = |program| format!("registry.k8s.io/{program}:v{kubernetes}");
    let mut parts: Vec<Part> = [
        "kube-apiserver",
        "kube-controller-manager",
        "kube-scheduler",
    ]
    .into_iter()
    .map(|program| part(program, ours(program), false))
    .collect();
    let coredns = format!("registry.k8s.io/coredns/coredns:v{coredns}");
    let etcd = format!("registry.k8s.io/etcd:{etcd}-0");
    let pause = format!("registry.k8s.io/pause:{PAUSE}");
    parts.extend([
        part("kube-proxy", ours("kube-proxy"), true),
        part("coredns", coredns, false),
        part("etcd", etcd, false),
        part("pause", pause, false),
        part("podnet", PODNET.to_owned(), true),
    ]);
    parts
}

/// What of this file decides the content of the node image.
pub(super) fn recipe(versions: &Versions) -> String {
    let lines = all(versions)
        .into_iter()
        .map(|part| format!("{}\n{}", part.image, part.dockerfile("iptables")));
    lines.collect()
}

/// The names must be those that kubeadm will look for.
pub(super) fn check(recipe: &Recipe) -> Result<()> {
    let version = format!("v{}", recipe.versions.kubernetes);
    let mut kubeadm = Command::new(tools::one("kubeadm")?);
    kubeadm.args(["config", "images", "list", "--kubernetes-version", &version]);
    let wanted = process::capture(&mut kubeadm)?;
    let made = all(&recipe.versions);
    let missing: Vec<&str> = wanted
        .lines()
        .filter(|image| made.iter().all(|part| part.image != *image))
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    Err(Failure::new(format!(
        "kubeadm {version} looks for {}, which is not made here",
        missing.join(", ")
    ))
    .hint("pin the versions of etcd and CoreDNS that it names in tools/, PAUSE in parts.rs"))
}

/// Builds them and writes them into one archive; the engine does not keep them.
pub(super) fn save(
    engine: &Engine,
    recipe: &Recipe,
    iptables: &str,
    work: &Path,
    archive: &Path,
) -> Result<()> {
    let parts = all(&recipe.versions);
    let names: Vec<String> = parts.iter().map(|part| part.passing(recipe)).collect();
    for (part, name) in parts.iter().zip(&names) {
        let context = work.join(part.program);
        cache::make(&context)?;
        staging::program(part.program, &context.join(part.program))?;
        let dockerfile = context.join("Dockerfile");
        fs::write(&dockerfile, part.dockerfile(iptables))
            .while_doing(|| format!("writing {}", dockerfile.display()))?;
        let mut docker = engine.docker();
        docker.args(["build", "--tag", name]).arg(&context);
        let title = format!("building the image of {}", part.program);
        process::quietly(&title, &mut docker, &work.join("build.log"))?;
    }
    let mut docker = engine.docker();
    docker.arg("save").arg("--output").arg(archive).args(&names);
    process::quietly("saving the images", &mut docker, &work.join("save.log"))?;
    process::capture(engine.docker().arg("rmi").args(&names)).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn versions() -> Versions {
        Versions {
            kubernetes: "1.34.4".to_owned(),
            etcd: "3.6.5".to_owned(),
            coredns: "1.12.1".to_owned(),
        }
    }

    #[test]
    fn images_have_the_names_that_kubeadm_looks_for() {
        let images: Vec<String> = all(&versions()).into_iter().map(|p| p.image).collect();
        assert!(images.contains(&"registry.k8s.io/kube-proxy:v1.34.4".to_owned()));
        assert!(images.contains(&"registry.k8s.io/coredns/coredns:v1.12.1".to_owned()));
        assert!(images.contains(&"registry.k8s.io/etcd:3.6.5-0".to_owned()));
    }

    #[test]
    fn only_what_calls_iptables_has_a_base() {
        let parts = all(&versions());
        let based: Vec<&str> = parts
            .iter()
            .filter(|part| part.dockerfile("root:1").starts_with("FROM root:1\n"))
            .map(|part| part.program)
            .collect();
        assert_eq!(based, ["kube-proxy", "podnet"]);
    }

    #[test]
    fn the_node_configures_the_pause_image_that_is_made() {
        let config = include_str!("../../../tests/e2e/node/etc/containerd/config.toml");
        assert!(config.contains(&format!("\"registry.k8s.io/pause:{PAUSE}\"")));
        let manifest = include_str!("../../../tests/e2e/node/kind/manifests/default-cni.yaml");
        assert!(manifest.contains(PODNET.trim_start_matches("docker.io/")));
    }
}
