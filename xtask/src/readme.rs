//! `readme`: types the commands of the README's section on Kubernetes, as they are written there,
//! then its pushes, and sees them arrive at a WebSocket.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use crate::cluster::{self, NodeImage};
use crate::engine::{self, Engine};
use crate::failure::{Failure, Result, While};
use crate::steps::Steps;
use crate::{cache, cargo, process, tools, workspace};

/// The section whose first commands are typed.
const SECTION: &str = "## In Kubernetes";
/// The run's own: a cluster with the name that kind gives by itself may be somebody's.
const CLUSTER: &str = "push-manager-readme";

pub(crate) fn run(arguments: &[String]) -> Result<()> {
    if !arguments.is_empty() {
        return Err(
            Failure::new("`cargo xtask readme` takes nothing").hint("cargo xtask help readme")
        );
    }
    let readme = workspace::root()?.join("README.md");
    let readme = fs::read_to_string(&readme).while_doing(|| "reading README.md".to_owned())?;
    let commands = commands(&readme);
    if commands.is_empty() {
        return Err(Failure::new(format!(
            "README.md has no commands in `{SECTION}`"
        )));
    }
    let mut steps = Steps::new(3);
    let engine = steps.step("The container engine", engine::require)?;
    let _held = cluster::hold(CLUSTER)?;
    let bin = steps.step("kind, kubectl, helm and a node image", || programs(&engine))?;
    steps.step("The README's commands", || typed(&engine, &bin, &commands))?;
    steps.summary("The README's way to Kubernetes works");
    Ok(())
}

/// The first indented lines of the section.
fn commands(readme: &str) -> Vec<&str> {
    let section = readme.split_once(SECTION).map_or("", |(_, rest)| rest);
    let lines = section.lines().skip_while(|line| !line.starts_with("    "));
    lines.map_while(|line| line.strip_prefix("    ")).collect()
}

/// A folder with the programs that the commands call. Where kind's own node image can't be had,
/// its `create cluster` is told of ours: the only thing that differs from what is typed.
fn programs(engine: &Engine) -> Result<PathBuf> {
    let bin = workspace::target()?.join("readme");
    cache::make(&bin)?;
    for name in ["kubectl", "helm"] {
        let link = bin.join(name);
        // Of a run before.
        drop(fs::remove_file(&link));
        symlink(tools::one(name)?, &link).while_doing(|| format!("linking {name}"))?;
    }
    let (kind, image) = (
        tools::one("kind")?,
        cluster::image(engine, &NodeImage::Either)?,
    );
    let script = format!(
        "#!/bin/sh\ncase \"$1 $2\" in\n'create cluster') shift 2; exec {kind} create cluster --image {image} \"$@\" ;;\n*) exec {kind} \"$@\" ;;\nesac\n",
        kind = kind.display(),
    );
    let path = bin.join("kind");
    fs::write(&path, script).while_doing(|| format!("writing {}", path.display()))?;
    let mode = fs::Permissions::from_mode(0o755);
    fs::set_permissions(&path, mode).while_doing(|| format!("making {} run", path.display()))?;
    Ok(bin)
}

/// What is typed into one shell, where port-forwards live on while pushes come; the cluster goes with
/// the shell, and what a run that was killed left goes first.
fn script(commands: &[&str]) -> String {
    // Where nothing runs in the background `kill` fails, and `set -e` would end the trap there.
    format!(
        "set -ex\nexport KIND_CLUSTER_NAME={CLUSTER}\nkind delete cluster\n\
         trap 'kill $(jobs -p) 2>/dev/null || true; kind delete cluster' EXIT\n{}\n\
         cargo test --workspace --test readme -- --nocapture\n",
        commands.join("\n")
    )
}

fn typed(engine: &Engine, bin: &Path, commands: &[&str]) -> Result<()> {
    let environment = [
        ("GRPCURL", tools::one("grpcurl")?),
        ("E2E_ROOT", workspace::root()?),
    ];
    let mut test = cargo::test(None, &environment.into_iter().collect())?;
    test.args(["--workspace", "--test", "readme", "--no-run"]);
    process::show(&mut test)?;
    let mut bash = engine.command("bash");
    bash.current_dir(workspace::root()?);
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::iter::once(bin.to_path_buf()).chain(std::env::split_paths(&path));
    let path = std::env::join_paths(folders)
        .map_err(|error| Failure::new(format!("PATH can't be extended: {error}")))?;
    bash.env("PATH", path)
        .env("KUBECONFIG", bin.join("kubeconfig"));
    bash.envs(
        test.get_envs()
            .filter_map(|(name, value)| Some((name, value?))),
    );
    process::show(bash.args(["-c", &script(commands)]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_block_of_the_section_is_typed() {
        let readme = "# X\n\n    not this\n\n## In Kubernetes\n\nWords:\n\n    a b\n    c &\n\nMore.\n\n    nor this\n";
        assert_eq!(commands(readme), ["a b", "c &"]);
        assert!(commands("# X\n").is_empty());
    }

    #[test]
    fn the_cluster_goes_though_nothing_runs_in_the_background() {
        let folder = std::env::temp_dir().join(format!("readme-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let kind = "kind() { echo \"$KIND_CLUSTER_NAME $*\" >>said; }\n";
        let script = format!("{kind}{}", script(&["kind create cluster", "false"]));
        let mut bash = std::process::Command::new("bash");
        bash.current_dir(&folder).args(["-c", &script]);
        assert!(process::capture(&mut bash).is_err());
        let said = fs::read_to_string(folder.join("said")).unwrap();
        fs::remove_dir_all(&folder).unwrap();
        let said: Vec<_> = said.lines().collect();
        let words = ["delete cluster", "create cluster", "delete cluster"];
        assert_eq!(said, words.map(|words| format!("{CLUSTER} {words}")));
    }

    #[test]
    fn what_is_typed_names_no_cluster_so_that_the_variable_does() {
        let readme = workspace::root().unwrap().join("README.md");
        let readme = fs::read_to_string(readme).unwrap();
        let commands = commands(&readme);
        let kind: Vec<_> = commands.iter().filter(|c| c.starts_with("kind ")).collect();
        assert!(!kind.is_empty());
        assert!(kind.iter().all(|command| !command.contains("-name")));
        assert!(commands.iter().all(|c| !c.contains("--context")));
    }
}
