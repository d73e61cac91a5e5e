//! `tools`: the pinned programs that the tests use.
//!
//! What they are is listed here; building them is `build`'s business, and what
//! the tests do with them is the tests'.

pub(crate) mod build;
mod node;
mod pin;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Instant;

use crate::failure::{Failure, Result};
use crate::machine::{self, Program};
use crate::process::took;
use crate::{cache, workspace};

/// How a tool comes to be.
#[derive(Debug)]
enum Origin {
    /// A Go program, pinned by a module of its own in `tools/FOLDER`.
    Go {
        folder: &'static str,
        package: &'static str,
        /// Variables of the program that hold its own version, which a build of the
        /// sources alone leaves empty. `{}` is the pinned version, without the `v`.
        stamps: &'static [&'static str],
    },
    /// A Go program of our own in `tools/FOLDER`: any change there is a new program.
    Sources {
        folder: &'static str,
        package: &'static str,
        /// The module whose version it goes by; without one it has none.
        pin: Option<&'static str>,
    },
    /// A program from npm, pinned by a lock file in `tools/FOLDER`.
    Npm {
        folder: &'static str,
        package: &'static str,
    },
    /// Found on the machine.
    Machine(&'static Program),
}

#[derive(Debug)]
pub(crate) struct Tool {
    pub(crate) name: &'static str,
    /// The variable that tells the tests where it is.
    variable: &'static str,
    origin: Origin,
}

/// What kube-apiserver and kubectl say of themselves, and compare.
static KUBERNETES_STAMPS: &[&str] = &[
    "k8s.io/component-base/version.gitVersion=v{}",
    "k8s.io/component-base/version.gitTreeState=archive",
    "k8s.io/component-base/version.buildDate=1970-01-01T00:00:00Z",
    "k8s.io/client-go/pkg/version.gitVersion=v{}",
];

const fn kubernetes(name: &'static str, variable: &'static str, package: &'static str) -> Tool {
    Tool {
        name,
        variable,
        origin: Origin::Go {
            folder: "kubernetes",
            package,
            stamps: KUBERNETES_STAMPS,
        },
    }
}

static TOOLS: &[Tool] = &[
    Tool {
        name: "etcd",
        variable: "ETCD",
        origin: Origin::Go {
            folder: "etcd",
            package: "go.etcd.io/etcd/server/v3",
            stamps: &[],
        },
    },
    Tool {
        name: "etcdctl",
        variable: "ETCDCTL",
        origin: Origin::Go {
            folder: "etcd",
            package: "go.etcd.io/etcd/etcdctl/v3",
            stamps: &[],
        },
    },
    Tool {
        name: "grpcurl",
        variable: "GRPCURL",
        origin: Origin::Go {
            folder: "grpcurl",
            package: "github.com/fullstorydev/grpcurl/cmd/grpcurl",
            stamps: &[],
        },
    },
    kubernetes(
        "kube-apiserver",
        "KUBE_APISERVER",
        "k8s.io/kubernetes/cmd/kube-apiserver",
    ),
    kubernetes(
        "kube-controller-manager",
        "KUBE_CONTROLLER_MANAGER",
        "k8s.io/kubernetes/cmd/kube-controller-manager",
    ),
    kubernetes("kubectl", "KUBECTL", "k8s.io/kubernetes/cmd/kubectl"),
    Tool {
        name: "helm",
        variable: "HELM",
        origin: Origin::Go {
            folder: "helm",
            package: "helm.sh/helm/v3/cmd/helm",
            stamps: &["helm.sh/helm/v3/internal/version.version=v{}"],
        },
    },
    Tool {
        name: "kubeconform",
        variable: "KUBECONFORM",
        origin: Origin::Go {
            folder: "kubeconform",
            package: "github.com/yannh/kubeconform/cmd/kubeconform",
            stamps: &["main.version=v{}"],
        },
    },
    Tool {
        name: "buf",
        variable: "BUF",
        origin: Origin::Npm {
            folder: "buf",
            package: "@bufbuild/buf",
        },
    },
    Tool {
        name: "promtool",
        variable: "PROMTOOL",
        origin: Origin::Machine(&machine::PROMTOOL),
    },
    Tool {
        name: "chromium",
        variable: "CHROMIUM",
        origin: Origin::Machine(&machine::CHROMIUM),
    },
];

/// Built only when asked for by name: few tests need them, and they take long.
static ON_DEMAND: &[Tool] = &[
    Tool {
        name: "docker-compose",
        variable: "DOCKER_COMPOSE",
        origin: Origin::Go {
            folder: "compose",
            package: "github.com/docker/compose/v2/cmd",
            stamps: &["github.com/docker/compose/v2/internal.Version=v{}"],
        },
    },
    Tool {
        name: "metrics-server",
        variable: "METRICS_SERVER",
        origin: Origin::Go {
            folder: "metrics-server",
            package: "sigs.k8s.io/metrics-server/cmd/metrics-server",
            stamps: &[],
        },
    },
];

/// Variables for the tests and the paths they hold.
pub(crate) type Environment = BTreeMap<&'static str, PathBuf>;

/// What is known of a tool without building it.
struct Pinned {
    version: String,
    /// Where it is, or will be once built.
    path: Option<PathBuf>,
}

impl Tool {
    fn pinned(&self, root: &Path) -> Result<Pinned> {
        let folder = |name: &str| root.join("tools").join(name);
        match &self.origin {
            Origin::Go {
                folder: f,
                package,
                stamps,
            } => {
                let version = pin::go_version(&folder(f), package)?;
                let flags = build::stamp_flags(stamps, &version);
                let path = Some(build::go_path(&folder(f), &flags, self.name)?);
                Ok(Pinned { version, path })
            }
            Origin::Sources { folder: f, pin, .. } => {
                let own = || Ok("our own".to_owned());
                let version = pin.map_or_else(own, |pin| pin::go_version(&folder(f), pin))?;
                let path = Some(build::sources_path(&folder(f), self.name)?);
                Ok(Pinned { version, path })
            }
            Origin::Npm { folder: f, package } => Ok(Pinned {
                version: pin::npm_version(&folder(f), package)?,
                path: Some(build::npm_path(&folder(f), self.name)?),
            }),
            Origin::Machine(program) => Ok(Pinned {
                version: "machine's".to_owned(),
                path: program.find(),
            }),
        }
    }

    /// Builds it if it is not there yet.
    fn ready(&self, root: &Path) -> Result<PathBuf> {
        let folder = |name: &str| root.join("tools").join(name);
        match &self.origin {
            Origin::Go {
                folder: f,
                package,
                stamps,
            } => {
                let version = pin::go_version(&folder(f), package)?;
                let flags = build::stamp_flags(stamps, &version);
                build::go(&folder(f), package, &flags, self.name)
            }
            Origin::Sources {
                folder: f, package, ..
            } => build::go_sources(&folder(f), package, self.name),
            Origin::Npm { folder: f, .. } => build::npm(&folder(f), self.name),
            Origin::Machine(program) => program.find().ok_or_else(|| program.missing()),
        }
    }
}

/// Makes one tool ready and returns its path.
pub(crate) fn one(name: &str) -> Result<PathBuf> {
    let root = workspace::root()?;
    chosen(&[name.to_owned()])?
        .first()
        .map_or_else(|| Err(unknown(name)), |tool| tool.ready(&root))
}

/// The version that is pinned for a tool.
pub(crate) fn version(name: &str) -> Result<String> {
    let root = workspace::root()?;
    let tools = chosen(&[name.to_owned()])?;
    let tool = tools.first().ok_or_else(|| unknown(name))?;
    Ok(tool.pinned(&root)?.version)
}

/// What decides the content of a tool: its name and the hash in its place. Tells it
/// without building anything.
pub(crate) fn content(name: &str) -> Result<String> {
    let root = workspace::root()?;
    let tools = chosen(&[name.to_owned()])?;
    let tool = tools.first().ok_or_else(|| unknown(name))?;
    let path = tool.pinned(&root)?.path.unwrap_or_default();
    let place = path.ancestors().nth(2).and_then(Path::file_name);
    Ok(format!(
        "{name} {}",
        place.unwrap_or_default().to_string_lossy()
    ))
}

/// Makes all tools of the tests ready; the first that cannot be is an error.
pub(crate) fn all() -> Result<Environment> {
    ready(&TOOLS.iter().collect::<Vec<_>>())
}

/// Makes ready what can be, and says what cannot: for commands whose tests may
/// not need everything. A test that needs a missing tool fails by itself.
pub(crate) fn available() -> Result<Environment> {
    let root = workspace::root()?;
    let mut environment = Environment::new();
    for tool in TOOLS {
        match tool.ready(&root) {
            Ok(path) => drop(environment.insert(tool.variable, path)),
            Err(failure) => eprintln!("    without {}: {failure}", tool.name),
        }
    }
    Ok(environment)
}

/// Builds the Go program that plays a Connect-Node and a caller.
pub(crate) fn interop_go() -> Result<PathBuf> {
    let folder = workspace::root()?.join("tests").join("interop").join("go");
    if !folder.join("go.mod").is_file() {
        return Err(
            Failure::new(format!("there is no Go module in {}", folder.display()))
                .hint("it is part of the repository: git status tells whether it was deleted"),
        );
    }
    build::go_sources(&folder, ".", "interop")
}

pub(crate) fn run(arguments: &[String]) -> Result<()> {
    let (flags, names): (Vec<_>, Vec<_>) =
        arguments.iter().cloned().partition(|a| a.starts_with("--"));
    let tools = chosen(&names)?;
    match flags.as_slice() {
        [] => {
            let environment = ready(&tools)?;
            print(&tools)?;
            if names.is_empty() {
                println!("\nTo use them in this shell:  eval \"$(cargo xtask tools --env)\"");
            }
            drop(environment);
            Ok(())
        }
        [flag] if flag == "--list" => print(&tools),
        [flag] if flag == "--env" => {
            let mut environment = ready(&tools)?;
            environment.insert("PROTOC", crate::protoc::path()?);
            for (variable, path) in environment {
                println!("export {variable}='{}'", path.display());
            }
            Ok(())
        }
        other => Err(Failure::new(format!(
            "`cargo xtask tools` knows --list or --env, not {}",
            other.join(" ")
        ))
        .hint("cargo xtask help tools")),
    }
}

fn chosen(names: &[String]) -> Result<Vec<&'static Tool>> {
    if names.is_empty() {
        return Ok(TOOLS.iter().collect());
    }
    let find = |name: &String| known().find(|tool| tool.name == name);
    names
        .iter()
        .map(|name| find(name).ok_or_else(|| unknown(name)))
        .collect()
}

/// The tools of the tests, those of a node, and the rest.
fn known() -> impl Iterator<Item = &'static Tool> {
    TOOLS.iter().chain(node::NODE_TOOLS).chain(ON_DEMAND)
}

fn unknown(name: &str) -> Failure {
    let known: Vec<_> = known().map(|tool| tool.name).collect();
    Failure::new(format!("there is no tool `{name}`"))
        .hint(format!("the tools are {}", known.join(", ")))
}

/// Goes on after a tool that fails, so that one run tells of all of them.
fn ready(tools: &[&'static Tool]) -> Result<Environment> {
    let root = workspace::root()?;
    let mut environment = Environment::new();
    let mut failures = Vec::new();
    for tool in tools {
        let started = Instant::now();
        match tool.ready(&root) {
            Ok(path) => {
                eprintln!(
                    "    ready    {:<23} in {}",
                    tool.name,
                    took(started.elapsed())
                );
                environment.insert(tool.variable, path);
            }
            Err(failure) => {
                eprintln!("    FAILED   {}", tool.name);
                failures.push(format!("{}: {failure}", tool.name));
            }
        }
    }
    if failures.is_empty() {
        return Ok(environment);
    }
    Err(Failure::new(format!(
        "not every tool is ready:\n{}",
        failures.join("\n")
    )))
}

fn print(tools: &[&'static Tool]) -> Result<()> {
    let root = workspace::root()?;
    for tool in tools {
        let Pinned { version, path } = tool.pinned(&root)?;
        let place = match path {
            Some(path) if path.is_file() => path.display().to_string(),
            Some(_) => format!("not built yet: cargo xtask tools {}", tool.name),
            None => tool
                .ready(&root)
                .err()
                .map_or_else(String::new, |f| f.to_string()),
        };
        println!("{:<23} {version:<10} {place}", tool.name);
    }
    println!(
        "cache                   {}",
        cache::folder("tools")?.display()
    );
    Ok(())
}
