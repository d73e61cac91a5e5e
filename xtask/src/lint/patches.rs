//! The patches of `xtask/mutants` fit the code as it is, and every scenario has one.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use crate::failure::{Failure, Result, While};
use crate::mutants::patch::{self, Patch};
use crate::{machine, process};

pub(super) fn check(root: &Path) -> Result<()> {
    machine::require(&[&machine::GIT])?;
    let patches = patch::all(&root.join("xtask").join("mutants"))?;
    let stale: Vec<_> = patches.iter().filter(|patch| !fits(root, patch)).collect();
    if let Some(patch) = stale.first() {
        let names: Vec<_> = stale.iter().map(|patch| patch.name.as_str()).collect();
        return Err(Failure::new(format!(
            "the code has changed where these would break it: {}",
            names.join(", ")
        ))
        .hint(format!(
            "renew it, and see it caught: cargo xtask mutants {}",
            patch.name
        )));
    }
    let caught_by = patches.iter().map(|patch| &patch.caught_by);
    let guarded = caught_by.filter(|by| by.scenario).map(|by| by.test.clone());
    let guarded: BTreeSet<_> = guarded.collect();
    let there = scenarios(&root.join("tests").join("e2e").join("scenarios"))?;
    match there.symmetric_difference(&guarded).next() {
        None => Ok(()),
        Some(name) if there.contains(name) => {
            Err(Failure::new(format!("no patch shows what {name} guards"))
                .hint("cargo xtask help mutants tells how to write one"))
        }
        Some(name) => Err(Failure::new(format!(
            "a patch is to be caught by {name}, which is no scenario"
        ))
        .hint("cargo xtask e2e --list")),
    }
}

fn fits(root: &Path, patch: &Patch) -> bool {
    let mut git = Command::new("git");
    git.current_dir(root)
        .args(["apply", "--check", "--whitespace=nowarn"])
        .arg(&patch.file);
    process::capture(&mut git).is_ok()
}

/// `module::name` of all scenarios.
fn scenarios(folder: &Path) -> Result<BTreeSet<String>> {
    let doing = || format!("reading the folder {}", folder.display());
    let mut names = BTreeSet::new();
    for entry in fs::read_dir(folder).while_doing(doing)? {
        let file = entry.while_doing(doing)?.path();
        let text =
            fs::read_to_string(&file).while_doing(|| format!("reading {}", file.display()))?;
        let module = file.file_stem().unwrap_or_default().to_string_lossy();
        names.extend(tests(&text).map(|name| format!("{module}::{name}")));
    }
    Ok(names)
}

fn tests(text: &str) -> impl Iterator<Item = &str> {
    let lines = text.lines().zip(text.lines().skip(1));
    lines
        .filter(|(line, _)| line.starts_with("#[tokio::test"))
        .filter_map(|(_, next)| next.strip_prefix("async fn ")?.split('(').next())
}

#[cfg(test)]
mod tests {
    #[test]
    fn tests_are_found_and_helpers_are_not() {
        let text = "async fn helper() {}\n#[tokio::test(flavor = \"multi_thread\")]\nasync fn \
                    a_claim() {\n";
        assert_eq!(super::tests(text).collect::<Vec<_>>(), ["a_claim"]);
    }
}
