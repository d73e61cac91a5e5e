//! Checks what comes in from outside against the lists in `deny.toml`.
//!
//! cargo-deny reads the same file and checks the same, and takes minutes to
//! build; this takes a second. Security advisories are left to cargo-deny.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use super::licence;
use crate::failure::{Failure, Result, While};
use crate::{process, protoc};

/// The lists of `deny.toml` that are checked here.
#[derive(Debug, PartialEq, Eq)]
struct Policy {
    single: Vec<String>,
    licences: Vec<String>,
}

/// One crate of the lock file.
#[derive(Debug, PartialEq, Eq)]
struct Locked {
    name: String,
    version: String,
    source: Option<String>,
}

pub(super) fn check(root: &Path) -> Result<()> {
    let policy = policy(&read(&root.join("deny.toml"))?)?;
    let locked = locked(&read(&root.join("Cargo.lock"))?);
    let mut tree = protoc::cargo()?;
    tree.current_dir(root).args(["tree", "--workspace"]);
    tree.args(["--target", "all", "--all-features", "--prefix", "none"]);
    tree.args(["--format", "{p}|{l}"]);
    let tree = process::capture(&mut tree)?;

    let mut problems = twice(&policy, &locked);
    problems.extend(foreign(&locked));
    problems.extend(unlicensed(&policy, &tree));
    eprintln!("    {} crates looked at", locked.len());
    if problems.is_empty() {
        return Ok(());
    }
    Err(Failure::new(problems.join("\n"))
        .hint("the lists are in deny.toml; who brings a crate in: cargo tree --target all -i NAME"))
}

fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path).while_doing(|| format!("reading {}", path.display()))
}

/// The lists, which are written one entry a line.
fn policy(text: &str) -> Result<Policy> {
    let mut policy = Policy {
        single: Vec::new(),
        licences: Vec::new(),
    };
    let mut section = "";
    for line in text.lines().map(str::trim) {
        if line.starts_with('#') {
            continue;
        }
        if line.starts_with('[') {
            section = line;
            continue;
        }
        let quoted = line.split('"').nth(1).map(str::to_owned);
        match section {
            "[bans]" if line.contains("deny-multiple-versions = true") => {
                policy.single.extend(quoted);
            }
            "[licenses]" if line.starts_with('"') => policy.licences.extend(quoted),
            _ => {}
        }
    }
    if policy.single.is_empty() || policy.licences.is_empty() {
        return Err(
            Failure::new("deny.toml lists no crates to keep single, or no licences")
                .hint("each entry stands on a line of its own under [bans] deny, [licenses] allow"),
        );
    }
    Ok(policy)
}

fn locked(text: &str) -> Vec<Locked> {
    let value = |block: &str, key: &str| {
        let start = format!("{key} = \"");
        let line = block.lines().find_map(|line| line.strip_prefix(&start))?;
        Some(line.trim_end_matches('"').to_owned())
    };
    text.split("[[package]]")
        .filter_map(|block| {
            Some(Locked {
                name: value(block, "name")?,
                version: value(block, "version")?,
                source: value(block, "source"),
            })
        })
        .collect()
}

fn twice(policy: &Policy, locked: &[Locked]) -> Vec<String> {
    let mut versions: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for Locked { name, version, .. } in locked {
        versions.entry(name).or_default().push(version);
    }
    policy
        .single
        .iter()
        .filter_map(|name| Some((name, versions.get(name.as_str())?)))
        .filter(|(_, versions)| versions.len() > 1)
        .map(|(name, versions)| format!("{name} is there more than once: {}", versions.join(", ")))
        .collect()
}

/// All crates come from one registry, the first crate's; none from elsewhere,
/// such as git. Crates of the workspace itself have no source.
fn foreign(locked: &[Locked]) -> Vec<String> {
    let sourced = || {
        locked
            .iter()
            .filter_map(|one| Some((one, one.source.as_deref()?)))
    };
    let registry = sourced()
        .map(|(_, source)| source)
        .find(|source| source.starts_with("registry+"));
    sourced()
        .filter(|(_, source)| Some(*source) != registry)
        .map(|(one, source)| format!("{} {} comes from {source}", one.name, one.version))
        .collect()
}

/// From lines "NAME VERSION (REMARKS)|LICENCE", where " (*)" marks a repetition.
fn unlicensed(policy: &Policy, tree: &str) -> BTreeSet<String> {
    tree.lines()
        .filter_map(|line| line.split_once('|'))
        .map(|(name, licence)| (name, licence.trim_end_matches("(*)").trim()))
        .filter(|(_, expression)| !licence::allowed(expression, &policy.licences))
        .map(|(name, expression)| format!("{name} has the licence `{expression}`"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const DENY: &str = "\
[bans]
deny = [
  { crate = \"tonic\", deny-multiple-versions = true },
]
[licenses]
# \"GPL-3.0\" is not here
allow = [
  \"MIT\",
]";
    const LOCK: &str = "version = 4\n
[[package]]\nname = \"tonic\"\nversion = \"0.14.0\"\nsource = \"registry+https://example.org/index\"\n
[[package]]\nname = \"tonic\"\nversion = \"0.13.0\"\nsource = \"git+https://example.org/tonic\"\n
[[package]]\nname = \"ours\"\nversion = \"0.1.0\"\n";

    #[test]
    fn a_second_version_of_a_listed_crate_is_told() {
        let problems = twice(&policy(DENY).unwrap(), &locked(LOCK));
        assert_eq!(problems, ["tonic is there more than once: 0.14.0, 0.13.0"]);
    }

    #[test]
    fn a_crate_from_git_is_told_and_our_own_is_not() {
        let problems = foreign(&locked(LOCK));
        assert_eq!(
            problems,
            ["tonic 0.13.0 comes from git+https://example.org/tonic"]
        );
    }

    #[test]
    fn an_unlisted_licence_is_told_once() {
        let tree = "a v1|MIT\n\nb v2|GPL-3.0\nb v2|GPL-3.0 (*)\nc v3|\n";
        let problems: Vec<_> = unlicensed(&policy(DENY).unwrap(), tree)
            .into_iter()
            .collect();
        assert_eq!(
            problems,
            ["b v2 has the licence `GPL-3.0`", "c v3 has the licence ``"]
        );
    }

    #[test]
    fn an_empty_policy_is_refused() {
        assert!(policy("[bans]\n[licenses]\nallow = []\n").is_err());
    }
}
