//! The node's files over its root file system, and the components in its
//! containerd.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::parts;
use super::recipe::{self, Recipe};
use crate::engine::Engine;
use crate::failure::{Result, While};
use crate::{process, tools};

/// Programs and where they lie in a node.
static PROGRAMS: &[(&str, &str)] = &[
    ("kubelet", "usr/bin"),
    ("kubeadm", "usr/bin"),
    ("kubectl", "usr/bin"),
    ("crictl", "usr/bin"),
    ("etcdctl", "usr/local/bin"),
];
/// Those that must be there although no file of ours lies in them, or not yet.
static FOLDERS: &[&str] = &[
    "usr/bin",
    "usr/local/bin",
    "etc/cni/net.d",
    "etc/kubernetes/manifests",
    "etc/sysctl.d",
    "etc/systemd/system/multi-user.target.wants",
];
static UNITS: &[&str] = &["containerd.service", "kubelet.service"];

/// Builds the image that still lacks the components.
pub(super) fn build(engine: &Engine, recipe: &Recipe, base: &str, work: &Path) -> Result<()> {
    let context = work.join("node");
    lay(recipe, &context.join("root"))?;
    let mut docker = engine.docker();
    docker.args(["build", "--build-arg", &format!("ROOT={base}")]);
    docker.args(["--tag", &recipe.passing("node-bare")]);
    docker.arg("--file").arg(recipe.file("Dockerfile"));
    docker.arg(&context);
    process::quietly("building", &mut docker, &work.join("build.log")).map(drop)
}

/// Loads the components in a container of that image, and commits it.
pub(super) fn load(engine: &Engine, recipe: &Recipe, archive: &Path) -> Result<()> {
    let bare = recipe.passing("node-bare");
    // containerd is the first process, so that it can simply be stopped.
    let mut run = engine.docker();
    run.args(["run", "--detach", "--security-opt", "seccomp=unconfined"]);
    run.args(["--net", "none", "--entrypoint", "containerd"]);
    run.arg("--volume");
    run.arg(format!("{}:/components.tar:ro", archive.display()));
    let container = process::capture(run.arg(&bare))?.trim().to_owned();
    let loaded = preload(engine, recipe, &container).and_then(|()| {
        let mut commit = engine.docker();
        commit.arg("commit");
        commit.args(["--change", ENTRYPOINT, "--change", "CMD []"]);
        process::capture(commit.args([&container, &recipe.image()]))
    });
    let mut remove = engine.docker();
    remove.args(["rm", "--force", "--volumes", &container]);
    process::capture(&mut remove)?;
    loaded?;
    process::capture(engine.docker().args(["rmi", &bare])).map(drop)
}

const ENTRYPOINT: &str = r#"ENTRYPOINT ["/usr/local/bin/entrypoint", "/sbin/init"]"#;

fn preload(engine: &Engine, recipe: &Recipe, container: &str) -> Result<()> {
    let script = recipe.file("preload");
    let script =
        fs::read_to_string(&script).while_doing(|| format!("reading {}", script.display()))?;
    let mut exec = engine.docker();
    exec.args(["exec", container, "bash", "-c", &script, "preload"]);
    for part in parts::all(&recipe.versions) {
        exec.args([part.passing(recipe), part.image]);
    }
    process::capture(&mut exec)?;
    // Not `docker stop`: the image's stop signal is systemd's.
    process::capture(
        engine
            .docker()
            .args(["kill", "--signal", "TERM", container]),
    )?;
    process::capture(engine.docker().args(["wait", container])).map(drop)
}

/// Puts a program there; a link to the cache where that can be.
pub(super) fn program(name: &str, to: &Path) -> Result<()> {
    let from = tools::one(name)?;
    if fs::hard_link(&from, to).is_ok() {
        return Ok(());
    }
    fs::copy(&from, to).while_doing(|| format!("copying {}", from.display()))?;
    Ok(())
}

fn lay(recipe: &Recipe, root: &Path) -> Result<()> {
    let mut install = Command::new("install");
    install.args(["-d", "-m", "755"]);
    process::capture(install.args(FOLDERS.iter().map(|folder| root.join(folder))))?;
    for file in recipe.files.iter().filter(|file| is_the_nodes(file)) {
        copy(&recipe.file("").join(file), &root.join(file))?;
    }
    for (name, folder) in PROGRAMS {
        program(name, &root.join(folder).join(name))?;
    }
    let version = root.join("kind/version");
    fs::write(&version, format!("v{}", recipe.versions.kubernetes))
        .while_doing(|| format!("writing {}", version.display()))?;
    let units = root.join("etc/systemd/system");
    for unit in UNITS {
        let wanted = units.join("multi-user.target.wants").join(unit);
        link(&format!("../{unit}"), &wanted)?;
    }
    for unit in recipe::words(&recipe.file("masked-units"))? {
        link("/dev/null", &units.join(unit))?;
    }
    let target = "/lib/systemd/system/multi-user.target";
    link(target, &units.join("default.target"))
}

/// Whether a file of the folder lies in the node; the others say how it is made.
fn is_the_nodes(file: &Path) -> bool {
    ["etc", "usr", "kind"]
        .iter()
        .any(|top| file.starts_with(top))
}

/// With the rights that it has in a node, whatever git made of them here.
fn copy(from: &Path, to: &Path) -> Result<()> {
    let in_bin = to.parent().is_some_and(|folder| folder.ends_with("bin"));
    let mode = if in_bin { "755" } else { "644" };
    let mut install = Command::new("install");
    install.args(["-D", "-m", mode]).arg(from).arg(to);
    process::capture(&mut install).map(drop)
}

fn link(to: &str, at: &Path) -> Result<()> {
    let mut ln = Command::new("ln");
    process::capture(ln.arg("-s").arg(to).arg(at)).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_nodes_own_files_lie_in_it() {
        let own = |file: &str| is_the_nodes(Path::new(file));
        assert!(own("etc/containerd/config.toml"));
        assert!(own("usr/local/bin/entrypoint"));
        assert!(!own("Dockerfile"));
        assert!(!own("packages/node"));
    }
}
