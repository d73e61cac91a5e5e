//! Running helm and the other programs, and reading what they print.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use push_manager_operator::yaml;
use serde_json::Value;

/// What charts are rendered for.
const KUBERNETES: &str = "1.34.4";
pub(crate) const OPERATOR: &str = "push-manager-operator";
pub(crate) const SERVER: &str = "push-manager";
pub(crate) const MONITORING: [&str; 2] = ["ServiceMonitor", "PrometheusRule"];

/// Helm's own folders, so that nobody's settings count.
static HOME: LazyLock<tempfile::TempDir> = LazyLock::new(|| tempfile::tempdir().unwrap());

pub(crate) struct Ran {
    pub(crate) success: bool,
    pub(crate) stdout: String,
    /// Both outputs.
    pub(crate) said: String,
}

/// The repository.
pub(crate) fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

pub(crate) fn chart(name: &str) -> PathBuf {
    root().join("charts").join(name)
}

/// A file that a chart's tests use as values, with its name.
pub(crate) fn value_files(chart_name: &str) -> Vec<PathBuf> {
    let folder = chart(chart_name).join("ci");
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    assert!(files.len() >= 3);
    files
}

/// Runs a program that a variable names.
pub(crate) fn program(
    variable: &str,
    args: &[impl AsRef<OsStr>],
    kubeconfig: Option<&Path>,
) -> Ran {
    let path = std::env::var_os(variable).unwrap_or_else(|| {
        panic!("{variable} is not set: run by `cargo xtask test`, or after `eval \"$(cargo xtask tools --env)\"`")
    });
    let mut command = Command::new(path);
    for (name, folder) in [
        ("HELM_CACHE_HOME", "cache"),
        ("HELM_CONFIG_HOME", "config"),
        ("HELM_DATA_HOME", "data"),
    ] {
        command.env(name, HOME.path().join(folder));
    }
    command.args(args);
    command.env("KUBECONFIG", kubeconfig.unwrap_or(Path::new("/nowhere")));
    ran(&mut command)
}

fn ran(command: &mut Command) -> Ran {
    let output = command.output().unwrap();
    let stdout = String::from_utf8(output.stdout).unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    Ran {
        success: output.status.success(),
        said: format!("{stdout}{stderr}"),
        stdout,
    }
}

/// Runs the operator's own program.
pub(crate) fn operator(args: &[&str]) -> String {
    let ran = ran(Command::new(env!("CARGO_BIN_EXE_push-manager-operator")).args(args));
    assert!(ran.success, "{args:?}: {}", ran.said);
    ran.stdout
}

/// `helm template`, whose words are judged by the caller.
pub(crate) fn try_template(name: &str, release: &str, args: &[&str]) -> Ran {
    let chart = chart(name);
    let fixed = [
        "template",
        release,
        chart.to_str().unwrap(),
        "--kube-version",
        KUBERNETES,
    ];
    program("HELM", &[&fixed[..], args].concat(), None)
}

/// What a chart renders, in a cluster that knows no optional kind.
pub(crate) fn template(name: &str, release: &str, args: &[&str]) -> Vec<Value> {
    let ran = try_template(name, release, args);
    assert!(ran.success, "{args:?}: {}", ran.said);
    yaml::read(&ran.stdout).unwrap_or_else(|error| panic!("{error}:\n{}", ran.stdout))
}

/// The arguments that let a chart believe that the cluster knows the optional kinds.
pub(crate) fn with_monitoring(args: &[&str]) -> Vec<String> {
    let mut all: Vec<String> = args.iter().map(|&arg| arg.to_owned()).collect();
    for kind in MONITORING {
        all.push(format!("--api-versions=monitoring.coreos.com/v1/{kind}"));
    }
    all
}

pub(crate) fn strs(args: &[String]) -> Vec<&str> {
    args.iter().map(String::as_str).collect()
}

pub(crate) fn kinds(objects: &[Value]) -> Vec<&str> {
    objects
        .iter()
        .map(|object| object["kind"].as_str().unwrap())
        .collect()
}

/// The only object of a kind.
pub(crate) fn only<'a>(objects: &'a [Value], kind: &str) -> &'a Value {
    let found: Vec<&Value> = objects
        .iter()
        .filter(|object| object["kind"] == kind)
        .collect();
    let [one] = found[..] else {
        panic!("{} of kind {kind}: {:?}", found.len(), kinds(objects));
    };
    one
}
