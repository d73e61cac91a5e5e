//! The operator of the version before, which the upgrade test starts from: the last release that
//! CHANGELOG.md names with its commit, or, before there is one, the commit in `BEFORE`.
//!
//! It is built from that commit's sources, once, into the cache.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::failure::{Failure, Result, While};
use crate::{cache, process, protoc, workspace};

/// The commit to start from while nothing is released: the first whose pods are those of today.
const BEFORE: &str = "crates/operator/tests/upgrade/before";

/// Debug information that nobody else asks for. Cargo tells builds of two copies of a workspace in
/// one target folder apart by their profile, not by their place: with the usual one, today's operator
/// would be taken for that of the version before.
const DEBUG: &str = "line-tables-only";

/// Builds it; returns where it is.
pub(crate) fn operator() -> Result<PathBuf> {
    let root = workspace::root()?;
    let commit = commit(&root)?;
    let path = cache::folder("previous")?.join(format!("operator-before-{commit}"));
    if path.is_file() {
        return Ok(path);
    }
    let _held = cache::lock(&cache::folder("previous")?, &commit)?;
    if path.is_file() {
        return Ok(path);
    }
    let sources = cache::folder("previous")?.join(format!("sources-{commit}"));
    check_out(&commit, &[], &sources)?;
    // The tests' own dependencies are built already; the product is built anew after this.
    let target = workspace::target()?;
    let mut cargo = protoc::cargo()?;
    cargo.current_dir(&sources).env("CARGO_TARGET_DIR", &target);
    cargo.args(["build", "--locked", "--package", "push-manager-operator"]);
    for package in packages(&sources)? {
        cargo.arg("--config");
        cargo.arg(format!("profile.dev.package.{package}.debug={DEBUG:?}"));
    }
    process::show(&mut cargo)?;
    let built = target.join("debug/push-manager-operator");
    let unfinished = path.with_extension("unfinished");
    fs::copy(&built, &unfinished).while_doing(|| format!("copying {}", built.display()))?;
    fs::rename(&unfinished, &path)
        .while_doing(|| format!("putting {} in place", path.display()))?;
    fs::remove_dir_all(&sources).while_doing(|| format!("removing {}", sources.display()))?;
    Ok(path)
}

/// The workspace's own packages.
fn packages(sources: &Path) -> Result<Vec<String>> {
    let mut cargo = protoc::cargo()?;
    cargo
        .current_dir(sources)
        .args(["metadata", "--no-deps", "--format-version=1"]);
    let told: Value = serde_json::from_str(&process::capture(&mut cargo)?)
        .map_err(|error| Failure::new(format!("cargo metadata: {error}")))?;
    let packages = told["packages"].as_array().into_iter().flatten();
    let names = packages.filter_map(|package| package["name"].as_str());
    Ok(names.map(str::to_owned).collect())
}

/// Its chart.
pub(crate) fn chart() -> Result<PathBuf> {
    let root = workspace::root()?;
    let commit = commit(&root)?;
    let chart = "charts/push-manager-operator";
    let sources = cache::folder("previous")?.join(format!("chart-{commit}"));
    let _held = cache::lock(&cache::folder("previous")?, &format!("chart-{commit}"))?;
    check_out(&commit, &[chart], &sources)?;
    if !differs(&commit, &["crates/operator/src", chart])? {
        eprintln!(
            "    the operator before, of {commit}, has the code of this one: until that changes"
        );
        eprintln!(
            "    an upgrade shows that another takes over, and nothing of what a change does"
        );
    }
    Ok(sources.join(chart))
}

/// Whether there is anything else now at these paths than in a commit.
fn differs(commit: &str, paths: &[&str]) -> Result<bool> {
    let mut git = Command::new("git");
    git.arg("-C").arg(workspace::history()?);
    git.args(["diff", "--name-only", commit, "--"]).args(paths);
    Ok(!process::capture(&mut git)?.trim().is_empty())
}

fn commit(root: &Path) -> Result<String> {
    let changelog = read(&root.join("CHANGELOG.md"))?;
    if let Some(commit) = released(&changelog) {
        return Ok(commit);
    }
    let before = read(&root.join(BEFORE))?;
    let named = before.lines().find(|line| is_commit(line.trim()));
    let named = named.ok_or_else(|| Failure::new(format!("{BEFORE} names no commit")))?;
    Ok(named.trim().to_owned())
}

/// The commit of the newest release: `## 1.2.3 … (commit 0123abc)`.
fn released(changelog: &str) -> Option<String> {
    let headings = changelog.lines().filter(|line| line.starts_with("## "));
    headings
        .filter_map(|line| line.split_once("(commit ")?.1.split_once(')'))
        .map(|(commit, _)| commit.trim().to_owned())
        .find(|commit| is_commit(commit))
}

fn is_commit(text: &str) -> bool {
    (7..=40).contains(&text.len()) && text.chars().all(|c| c.is_ascii_hexdigit())
}

/// Writes what a commit has at these paths, or all of it.
fn check_out(commit: &str, paths: &[&str], into: &Path) -> Result<()> {
    if into.exists() {
        fs::remove_dir_all(into).while_doing(|| format!("removing {}", into.display()))?;
    }
    cache::make(into)?;
    let archive = into.join("sources.tar");
    let mut git = Command::new("git");
    git.arg("-C").arg(workspace::history()?);
    git.args(["archive", "--format=tar", "-o"])
        .arg(&archive)
        .arg(commit)
        .args(paths);
    process::capture(&mut git)
        .map_err(|failure| failure.hint("the whole history is needed: git fetch --unshallow"))?;
    let mut tar = Command::new("tar");
    // Files of now: cargo compares their times with those of what it built, maybe of another commit.
    tar.args(["--touch", "-xf"])
        .arg(&archive)
        .arg("-C")
        .arg(into);
    process::capture(&mut tar).map(drop)
}

fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path).while_doing(|| format!("reading {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_release_that_names_its_commit_counts() {
        let changelog = "# Changelog\n\n## Unreleased\n\n## 0.2.0, 2027-01-02 (commit 0123abc)\n\n## 0.1.0 (commit fffffff)\n";
        assert_eq!(released(changelog).as_deref(), Some("0123abc"));
        assert_eq!(released("## Unreleased\n## 0.1.0\n"), None);
    }
}
