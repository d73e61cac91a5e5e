//! `generate`: files that are made from other files of the repository, and a check that they
//! are what would be made.
//!
//! What the operator knows it prints itself; what Helm renders is Helm's. Here is only which
//! file comes from where.

mod install;
mod table;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::failure::{Failure, Result, While};
use crate::{process, protoc, workspace};

/// The command that mends a stale file.
const COMMAND: &str = "cargo xtask generate";
const BEGIN: &str = "<!-- generated: begin -->";
const END: &str = "<!-- generated: end -->";
const OPERATOR_CHART: &str = "charts/push-manager-operator";
const SERVER_CHART: &str = "charts/push-manager";
const RULES: &str = "crates/operator/assets/alerts/push-manager.yaml";
/// What the rules hold in place of labels.
const SELECTOR: &str = "$SELECTOR";

/// Where the text of a file comes from.
enum Source {
    /// What the operator prints.
    Operator(&'static [&'static str]),
    /// Another file.
    Copy(&'static str),
    /// The server's alert rules, about the targets with these labels.
    Rules(&'static str),
    /// Between the file's own markers: what the operator prints.
    Marked(&'static [&'static str]),
    /// Between the file's own markers: the values of a chart.
    Values(&'static str),
    /// The operator's chart as Helm renders it. It comes last: it reads the others.
    Install,
}

/// Each file, and where it comes from.
static FILES: &[(&str, Source)] = &[
    (
        "charts/push-manager-operator/generated/crd.yaml",
        Source::Operator(&["crd"]),
    ),
    ("dist/crd.yaml", Source::Operator(&["crd"])),
    (
        "charts/push-manager-operator/generated/rbac.yaml",
        Source::Operator(&["generate", "rbac"]),
    ),
    (
        "charts/push-manager-operator/generated/alerts.yaml",
        Source::Copy("crates/operator/assets/alerts/operator.yaml"),
    ),
    (
        "charts/push-manager-operator/values.schema.json",
        Source::Operator(&["generate", "operator-values"]),
    ),
    (
        "charts/push-manager-operator/README.md",
        Source::Values(OPERATOR_CHART),
    ),
    (
        "charts/push-manager/generated/alerts.yaml",
        Source::Copy(RULES),
    ),
    (
        "charts/push-manager/generated/dashboard.json",
        Source::Copy("crates/operator/assets/dashboard.json"),
    ),
    (
        "charts/push-manager/generated/knobs.yaml",
        Source::Operator(&["generate", "knobs"]),
    ),
    (
        "charts/push-manager/values.schema.json",
        Source::Operator(&["generate", "server-values"]),
    ),
    (
        "charts/push-manager/README.md",
        Source::Values(SERVER_CHART),
    ),
    (
        "compose/alerts.yaml",
        Source::Rules(r#"namespace="compose",service="push-manager""#),
    ),
    (
        "docs/kubernetes.md",
        Source::Marked(&["generate", "fields"]),
    ),
    (
        "docs/kubernetes.zh.md",
        Source::Marked(&["generate", "fields-zh"]),
    ),
    ("dist/install.yaml", Source::Install),
];

pub(crate) fn run(arguments: &[String]) -> Result<()> {
    let root = workspace::root()?;
    match arguments {
        [] => write(&root),
        [flag] if flag == "--check" => check(&root),
        _ => Err(
            Failure::new("`cargo xtask generate` takes nothing, or --check")
                .hint("cargo xtask help generate"),
        ),
    }
}

fn write(root: &Path) -> Result<()> {
    let maker = Maker::new(root)?;
    for (file, source) in FILES {
        let (path, text) = (root.join(file), maker.make(file, source)?);
        if fs::read_to_string(&path).is_ok_and(|there| there == text) {
            continue;
        }
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).while_doing(|| format!("making the folder of {file}"))?;
        }
        fs::write(&path, text).while_doing(|| format!("writing {file}"))?;
        eprintln!("    wrote {file}");
    }
    Ok(())
}

/// Fails with every file that is not what would be made.
pub(crate) fn check(root: &Path) -> Result<()> {
    let maker = Maker::new(root)?;
    let mut stale = Vec::new();
    for (file, source) in FILES {
        let there = fs::read_to_string(root.join(file)).unwrap_or_default();
        if there != maker.make(file, source)? {
            stale.push(*file);
        }
    }
    if stale.is_empty() {
        return Ok(());
    }
    Err(Failure::new(format!(
        "these are not what is generated now:\n  {}",
        stale.join("\n  ")
    ))
    .hint(format!("run `{COMMAND}`, and commit what it writes")))
}

struct Maker<'a> {
    root: &'a Path,
    operator: PathBuf,
}

impl<'a> Maker<'a> {
    /// Builds the operator.
    fn new(root: &'a Path) -> Result<Self> {
        let mut cargo = protoc::cargo()?;
        cargo.current_dir(root);
        cargo.args(["build", "--package", "push-manager-operator"]);
        process::show(&mut cargo)?;
        let named = std::env::var_os("CARGO_TARGET_DIR").map(PathBuf::from);
        let target = root.join(named.unwrap_or_else(|| "target".into()));
        let operator = target.join("debug/push-manager-operator");
        Ok(Self { root, operator })
    }

    fn make(&self, file: &str, source: &Source) -> Result<String> {
        match source {
            Source::Operator(arguments) => self.said(arguments),
            Source::Copy(from) => self.read(from),
            Source::Rules(selector) => rules(&self.read(RULES)?, selector),
            Source::Marked(arguments) => between(file, &self.read(file)?, &self.said(arguments)?),
            Source::Values(chart) => {
                let values = format!("{chart}/values.yaml");
                let table = table::markdown(&self.read(&values)?)
                    .map_err(|problem| Failure::new(format!("{values}: {problem}")))?;
                between(file, &self.read(file)?, &table)
            }
            Source::Install => install::manifests(self.root),
        }
    }

    fn said(&self, arguments: &[&str]) -> Result<String> {
        process::capture(Command::new(&self.operator).args(arguments))
    }

    fn read(&self, file: &str) -> Result<String> {
        fs::read_to_string(self.root.join(file)).while_doing(|| format!("reading {file}"))
    }
}

/// The rules without the comment that tells what to replace, and with that replaced.
fn rules(text: &str, selector: &str) -> Result<String> {
    let Some(start) = text.find("groups:") else {
        return Err(Failure::new(format!("{RULES} has no groups")));
    };
    let rules = text[start..].replace(SELECTOR, selector);
    Ok(format!("# Made from {RULES}: {COMMAND}\n{rules}"))
}

/// The text with something new between its markers.
fn between(file: &str, text: &str, new: &str) -> Result<String> {
    let parts = text
        .split_once(BEGIN)
        .and_then(|(before, rest)| Some((before, rest.split_once(END)?.1)));
    let Some((before, after)) = parts else {
        return Err(Failure::new(format!("{file} lacks a marker"))
            .hint(format!("it wants a line {BEGIN} and, below, a line {END}")));
    };
    let new = new.trim_matches('\n');
    Ok(format!("{before}{BEGIN}\n\n{new}\n\n{END}{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_between_the_markers_changes() {
        let text = format!("a\n{BEGIN}\nold\n{END}\nb\n");
        let made = between("f", &text, "new\n").unwrap();
        assert_eq!(made, format!("a\n{BEGIN}\n\nnew\n\n{END}\nb\n"));
        assert_eq!(between("f", &made, "new\n").unwrap(), made);
        let said = between("f", "nothing", "new").unwrap_err().to_string();
        assert!(said.contains("f lacks a marker"), "{said}");
    }

    #[test]
    fn rules_are_about_the_targets_that_are_named() {
        let text = "# Replace $SELECTOR.\ngroups:\n  - expr: up{$SELECTOR} == 0\n";
        let made = rules(text, r#"service="push""#).unwrap();
        let expected = "groups:\n  - expr: up{service=\"push\"} == 0\n";
        assert!(made.ends_with(expected), "{made}");
        assert!(!made.contains(SELECTOR), "{made}");
    }

    #[test]
    fn what_reads_the_others_comes_last() {
        let last = FILES.last().map(|(file, _)| *file);
        assert_eq!(last, Some("dist/install.yaml"));
    }
}
