//! `e2e`: everything from nothing to the scenarios' verdict on a real cluster.
//!
//! What is tested is in `tests/e2e`; here it gets what it needs: images, a cluster that has them,
//! the programs that it calls.

mod wish;

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::cluster;
use crate::engine::{self, Engine};
use crate::failure::{Failure, Result, cleared};
use crate::images::{self, Image};
use crate::libtest::Report;
use crate::steps::Steps;
use crate::tools::{self, Environment};
use crate::{cargo, machine, previous, process, sample, workspace};
use wish::{Place, Stays, Wish};

/// The cluster that is made and used when none is named.
pub(crate) const NAME: &str = "push-manager-e2e";
/// What namespaces of scenarios begin with.
const OURS: &str = "e2e-";
/// The scenario that every run has.
const ALWAYS: &str = "three_grpcurl_commands";

pub(crate) fn run(arguments: &[String]) -> Result<()> {
    let wish = wish::read(arguments)?;
    if wish.list {
        names(&Environment::new())?
            .iter()
            .for_each(|name| println!("{name}"));
        return Ok(());
    }
    let foreign = usize::from(matches!(wish.place, Place::Kubeconfig(_)));
    let mut steps = Steps::new(8 + foreign);
    steps.step("What this machine has", || {
        machine::require(&[&machine::RUST, &machine::GO, &machine::CC, &machine::GIT])
    })?;
    let engine = steps.step("The container engine", || match wish.place {
        // Somebody else's cluster needs none.
        Place::Kubeconfig(_) => Ok(None),
        Place::Kind => engine::require().map(Some),
    })?;
    // Until the end: who comes second would share the cluster, and lose it when the first ends.
    let _held = match wish.place {
        Place::Kubeconfig(_) => None,
        Place::Kind => Some(cluster::hold(NAME)?),
    };
    if let Place::Kubeconfig(file) = &wish.place {
        steps.step("Nobody's PushManagers", || nobodys(file))?;
    }
    let mut environment = steps.step("The programs that the scenarios call", || programs(&wish))?;
    let mut built = steps.step("The images under test", || images::build(&[], wish.profile))?;
    environment.insert("E2E_TAG", PathBuf::from(&built.tag));
    let others = steps.step("Images that can't be pulled", || others(&mut environment))?;
    built.images.extend(others);
    steps.step("The scenarios, compiled", || {
        process::show(tests(None, &environment)?.arg("--no-run"))?;
        known(&wish, &names(&environment)?)
    })?;
    let cluster = steps.step("The cluster, with the images in it", || {
        cluster_with(&wish, engine.as_ref(), &built.images)
    })?;
    environment.insert("E2E_KUBECONFIG", cluster);
    let verdict = steps.step("The scenarios", || {
        scenarios(&wish, engine.as_ref(), &environment)
    });
    let ended = ended(&wish, engine.as_ref(), verdict.is_ok());
    let report = cleared(verdict, ended)?;
    steps.summary("The scenarios passed");
    println!("\n{} passed, {} failed", report.passed, report.failed);
    Ok(())
}

/// Scenarios delete the definition of PushManagers, and with it all that there are.
fn nobodys(kubeconfig: &Path) -> Result<()> {
    let mut kubectl = Command::new(tools::one("kubectl")?);
    kubectl.arg("--kubeconfig").arg(kubeconfig);
    kubectl.args(["get", "pushmanagers.pushmanager.io", "--all-namespaces"]);
    kubectl.args(["-o", "custom-columns=:metadata.namespace,:metadata.name"]);
    let listed = match process::capture(&mut kubectl) {
        Err(failure) if failure.to_string().contains("the server doesn't have") => String::new(),
        listed => listed?,
    };
    let somebodys = |line: &&str| !line.trim().is_empty() && !line.starts_with(OURS);
    match listed.lines().find(somebodys) {
        None => Ok(()),
        Some(line) => {
            let name = line.split_whitespace().collect::<Vec<_>>().join("/");
            let said = format!("that cluster has a PushManager, {name}, which scenarios delete");
            Err(Failure::new(said).hint("take a cluster that is for tests alone"))
        }
    }
}

/// A filter that chooses nothing is a slip of the pen.
fn known(wish: &Wish, names: &[String]) -> Result<()> {
    let mut filters = wish.filters.iter();
    match filters.find(|filter| !names.iter().any(|name| name.contains(*filter))) {
        None => Ok(()),
        Some(filter) => Err(
            Failure::new(format!("no scenario has `{filter}` in its name"))
                .hint("cargo xtask e2e --list"),
        ),
    }
}

/// What the scenarios find in variables.
fn programs(wish: &Wish) -> Result<Environment> {
    let mut environment = Environment::new();
    for (variable, tool) in [
        ("KUBECTL", "kubectl"),
        ("HELM", "helm"),
        ("GRPCURL", "grpcurl"),
        ("ETCDCTL", "etcdctl"),
    ] {
        environment.insert(variable, tools::one(tool)?);
    }
    environment.insert("INTEROP_GO", tools::interop_go()?);
    let folder = images::programs(wish.profile)?;
    environment.insert("PUSHTOP", folder.join("pushtop"));
    environment.insert("KUBECTL_PUSHMANAGER", folder.join("kubectl-pushmanager"));
    environment.insert("E2E_ROOT", workspace::root()?);
    environment.insert("E2E_DUMPS", workspace::target()?.join("e2e"));
    if wish.stays == Stays::Failed {
        environment.insert("E2E_KEEP", PathBuf::from("1"));
    }
    Ok(environment)
}

/// Images of programs beside ours, which the scenarios find by their names.
fn others(environment: &mut Environment) -> Result<[Image; 2]> {
    let (metrics, name) = images::metrics_server()?;
    environment.insert("E2E_METRICS_SERVER", PathBuf::from(name));
    let (operator, name) = images::previous_operator()?;
    environment.insert("E2E_PREVIOUS_OPERATOR", PathBuf::from(name));
    environment.insert("E2E_PREVIOUS_CHART", previous::chart()?);
    Ok([metrics, operator])
}

/// A cluster whose nodes have the images.
fn cluster_with(wish: &Wish, engine: Option<&Engine>, images: &[Image]) -> Result<PathBuf> {
    match (&wish.place, engine) {
        (Place::Kind, Some(engine)) => {
            let cluster = cluster::ready(engine, &wish.cluster(NAME))?;
            for image in images {
                cluster::load(engine, NAME, &image.archive)?;
            }
            Ok(cluster.kubeconfig)
        }
        (Place::Kubeconfig(file), _) => {
            for image in images {
                load_by(wish.load.as_deref(), &image.archive)?;
            }
            Ok(file.clone())
        }
        (Place::Kind, None) => Err(Failure::new("there is no container engine")),
    }
}

/// Has the images loaded by the command that the user named for it.
fn load_by(command: Option<&str>, archive: &Path) -> Result<()> {
    let Some(command) = command else {
        eprintln!(
            "    not loaded, as no --load says how: {}",
            archive.display()
        );
        return Ok(());
    };
    let mut words = command.split_whitespace();
    let program = words
        .next()
        .ok_or_else(|| Failure::new("--load wants a command"))?;
    process::show(Command::new(program).args(words).arg(archive))
}

/// `cargo test` of the scenarios, where the cluster is reachable.
fn tests(engine: Option<&Engine>, environment: &Environment) -> Result<Command> {
    let mut test = cargo::test(engine, environment)?;
    // Of the workspace, though one package has it: of that alone, cargo would make other builds of
    // what all share.
    test.args(["--workspace", "--test", "e2e"]);
    Ok(test)
}

fn scenarios(wish: &Wish, engine: Option<&Engine>, environment: &Environment) -> Result<Report> {
    let mut cargo = tests(engine, environment)?;
    // One after another: they share the operator, the hosts and two cores.
    cargo.args(["--", "--test-threads=1"]);
    if !wish.captured {
        cargo.arg("--nocapture");
    }
    cargo.args(chosen(wish, environment)?);
    let (status, lines) = process::show_and_keep(&mut cargo)?;
    let report = Report::read(lines.iter().map(String::as_str));
    if report.passed + report.failed == 0 {
        return Err(Failure::new("no scenario ran").hint("cargo xtask e2e --list names them"));
    }
    if status.success() {
        return Ok(report);
    }
    let (count, red) = (report.red.len(), report.red.join("\n  "));
    let dumps = workspace::target()?.join("e2e");
    Err(
        Failure::new(format!("{count} scenarios failed:\n  {red}")).hint(format!(
            "what was there when each failed: {}",
            dumps.display()
        )),
    )
}

/// Their names, if not all are wanted.
fn chosen(wish: &Wish, environment: &Environment) -> Result<Vec<String>> {
    let Some((part, seed)) = &wish.part else {
        return Ok(wish.filters.clone());
    };
    let mut names = names(environment)?;
    let count = names.len().div_ceil(*part);
    let always: Vec<String> = names
        .iter()
        .filter(|name| name.contains(ALWAYS))
        .cloned()
        .collect();
    names.retain(|name| !always.contains(name));
    sample::keep(&mut names, count, seed, |name| name);
    eprintln!("    seed {seed} chose 1 in {part}: {}", names.join(", "));
    names.extend(always);
    names.push("--exact".to_owned());
    Ok(names)
}

/// What scenarios there are.
pub(crate) fn names(environment: &Environment) -> Result<Vec<String>> {
    let mut cargo = tests(None, environment)?;
    let listed = process::capture(cargo.args(["--quiet", "--", "--list"]))?;
    let names = listed
        .lines()
        .filter_map(|line| line.strip_suffix(": test"));
    Ok(names.map(str::to_owned).collect())
}

/// Deletes the cluster unless it is wanted.
fn ended(wish: &Wish, engine: Option<&Engine>, well: bool) -> Result<()> {
    match (&wish.place, engine) {
        (Place::Kind, Some(engine)) if wish.stays == Stays::Nothing => {
            if !well {
                eprintln!("    the cluster goes; to look into one: cargo xtask e2e --keep");
            }
            cluster::delete(engine, NAME, None)
        }
        _ => Ok(()),
    }
}
