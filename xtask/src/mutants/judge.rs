//! Decides what became of a patch. A red test proves something only if it is
//! green without the patch, and red by the test that was named.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::path::Path;

use super::patch::{CaughtBy, Patch};
use super::scratch::{Outcome, Scratch};
use crate::failure::{Result, While};
use crate::libtest::Report;
use crate::process::{self, End};

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    Caught,
    /// The named test did not notice.
    Survived,
    /// The patch proves nothing, for this reason.
    Stale(String),
}

impl Verdict {
    pub(super) fn reason(&self) -> &str {
        match self {
            Self::Caught => "",
            Self::Survived => "the named test stayed green",
            Self::Stale(reason) => reason,
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Caught => "caught",
            Self::Survived => "SURVIVED",
            Self::Stale(_) => "stale",
        })
    }
}

/// Runs the named tests without any patch, those of one program together.
/// Returns the patches whose test proves nothing, with the reason.
pub(super) fn unpatched(scratch: &Scratch, patches: &[Patch]) -> Result<BTreeMap<String, String>> {
    let mut unfit = BTreeMap::new();
    for group in groups(patches) {
        let Some(first) = group.first() else { continue };
        let built = scratch.build("unpatched", &first.caught_by)?;
        let tests: Vec<&str> = group
            .iter()
            .map(|patch| patch.caught_by.test.as_str())
            .collect();
        let longest = group
            .iter()
            .map(|patch| patch.limit)
            .max()
            .unwrap_or(first.limit);
        if !succeeded(built.end) {
            eprintln!("{}", process::tail(&built.log));
            let reason = "its tests do not build even without the patch";
            unfit.extend(group.iter().map(|p| (p.name.clone(), reason.to_owned())));
            continue;
        }
        let limit = longest.saturating_mul(u32::try_from(group.len()).unwrap_or(u32::MAX));
        let run = scratch.test("unpatched", &first.caught_by, &tests, limit)?;
        let report = read(&run)?;
        if report.ok.is_empty() && report.red.is_empty() {
            eprintln!("{}", process::tail(&run.log));
        }
        for patch in group {
            if let Some(reason) = unfit_unpatched(&report, &patch.caught_by.test) {
                unfit.insert(patch.name.clone(), reason);
            }
        }
    }
    Ok(unfit)
}

fn unfit_unpatched(report: &Report, test: &str) -> Option<String> {
    if let Some(red) = report.red.iter().find(|name| name.contains(test)) {
        return Some(format!("{red} is red without the patch"));
    }
    if report.ok.iter().any(|name| name.contains(test)) {
        return None;
    }
    Some(format!("no test named {test} ran without the patch"))
}

/// Patches that run the same programs with the same flags.
fn groups(patches: &[Patch]) -> Vec<Vec<&Patch>> {
    let mut groups: BTreeMap<_, Vec<&Patch>> = BTreeMap::new();
    for patch in patches {
        let CaughtBy {
            scenario,
            cargo,
            flags,
            test: _,
        } = &patch.caught_by;
        let group = groups.entry((scenario, cargo, flags)).or_default();
        group.push(patch);
    }
    groups.into_values().collect()
}

/// Applies a patch, runs its test, and takes the patch back.
pub(super) fn patched(scratch: &Scratch, root: &Path, patch: &Patch) -> Result<Verdict> {
    if let Err(reason) = scratch.apply(patch) {
        return Ok(Verdict::Stale(reason));
    }
    let verdict = built_and_tested(scratch, patch);
    scratch.restore(root, patch)?;
    verdict
}

fn built_and_tested(scratch: &Scratch, patch: &Patch) -> Result<Verdict> {
    let test = &patch.caught_by.test;
    let built = scratch.build(&patch.name, &patch.caught_by)?;
    if !succeeded(built.end) {
        eprintln!("{}", process::tail(&built.log));
        return Ok(Verdict::Stale("does not compile".to_owned()));
    }
    let run = scratch.test(&patch.name, &patch.caught_by, &[test], patch.limit)?;
    let log = text(&run)?;
    Ok(verdict(run.end, &log, patch))
}

fn verdict(end: End, log: &str, patch: &Patch) -> Verdict {
    let (report, test) = (Report::read(log.lines()), &patch.caught_by.test);
    if report.red.iter().any(|name| name.contains(test)) {
        return match &patch.says {
            Some(says) if !log.contains(says) => {
                Verdict::Stale(format!("{test} failed without saying `{says}`"))
            }
            _ => Verdict::Caught,
        };
    }
    match end {
        End::TimedOut if patch.by_timeout => Verdict::Caught,
        End::TimedOut => Verdict::Stale(format!(
            "hung for {} s; if that is how it shows, say `# caught-by-timeout: SECONDS`",
            patch.limit.as_secs()
        )),
        End::Exited(status) if status.success() => Verdict::Survived,
        End::Exited(status) => Verdict::Stale(format!(
            "the tests ended with {status}, but not because {test} failed"
        )),
    }
}

fn succeeded(end: End) -> bool {
    matches!(end, End::Exited(status) if status.success())
}

fn read(outcome: &Outcome) -> Result<Report> {
    Ok(Report::read(text(outcome)?.lines()))
}

fn text(outcome: &Outcome) -> Result<String> {
    let log = &outcome.log;
    let bytes = fs::read(log).while_doing(|| format!("reading {}", log.display()))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mutants::patch;

    #[test]
    fn a_failure_for_another_reason_than_the_one_told_proves_nothing() {
        let text = "# breaks: x\n# caught-by: cargo xtask e2e a::claim\n# says: nobody leads\n\
                    --- a/x\n+++ b/x\n";
        let patch = patch::parse(Path::new("x.patch"), text).unwrap();
        let judge = |why: &str| {
            let log = format!("{why}\ntest a::claim ... FAILED\n");
            verdict(
                End::Exited(std::process::ExitStatus::default()),
                &log,
                &patch,
            )
        };
        assert_eq!(judge("panicked: nobody leads"), Verdict::Caught);
        assert!(matches!(judge("panicked: disk full"), Verdict::Stale(_)));
    }
}
