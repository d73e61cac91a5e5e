//! `mutants`: breaks one promise at a time, in a copy, and sees that the test
//! named for it goes red. A patch that nobody notices is an error of ours.

mod judge;
pub(crate) mod patch;
mod scratch;

use std::path::{Path, PathBuf};
use std::time::Instant;

use crate::failure::{Failure, Result};
use crate::process::took;
use crate::{machine, sample, tools, workspace};
use judge::Verdict;
use patch::Patch;
use scratch::Scratch;

/// What a run is asked to do.
#[derive(Debug, Default, PartialEq, Eq)]
struct Wish {
    names: Vec<String>,
    list: bool,
    sample: Option<usize>,
    seed: Option<String>,
    /// Where to build, if not in a folder of the copy's own.
    target: Option<PathBuf>,
}

pub(crate) fn run(arguments: &[String]) -> Result<()> {
    let wish = wish(arguments)?;
    let root = workspace::root()?;
    let patches = chosen(&wish, patch::all(&root.join("xtask").join("mutants"))?)?;
    if wish.list {
        for patch in &patches {
            println!(
                "{}\n  breaks: {}\n  caught by: {}",
                patch.name, patch.breaks, patch.caught_by
            );
        }
        return Ok(());
    }
    if patches.is_empty() {
        return Err(Failure::new("there are no patches in xtask/mutants")
            .hint("cargo xtask help mutants tells how to write one"));
    }
    machine::require(&[&machine::GIT])?;
    let judged = judge(&root, &patches, wish.target)?;
    if patches.iter().any(|patch| patch.caught_by.scenario) {
        let name = crate::e2e::NAME;
        eprintln!("    the cluster stays for the next; cargo xtask cluster delete --name {name}");
    }
    report(&judged)
}

fn wish(arguments: &[String]) -> Result<Wish> {
    let mut wish = Wish::default();
    let mut words = arguments.iter();
    let bad = |what: String| Failure::new(what).hint("cargo xtask help mutants");
    while let Some(word) = words.next() {
        match word.as_str() {
            "--list" => wish.list = true,
            "--sample" => {
                let count = words.next().and_then(|count| count.parse().ok());
                wish.sample = Some(count.ok_or_else(|| bad("--sample wants a number".to_owned()))?);
            }
            "--seed" => {
                let seed = words.next().cloned();
                wish.seed = Some(seed.ok_or_else(|| bad("--seed wants a word".to_owned()))?);
            }
            "--target-dir" => {
                let folder = words.next().map(PathBuf::from);
                wish.target =
                    Some(folder.ok_or_else(|| bad("--target-dir wants a folder".to_owned()))?);
            }
            flag if flag.starts_with('-') => return Err(bad(format!("there is no {flag}"))),
            name => wish.names.push(name.trim_end_matches(".patch").to_owned()),
        }
    }
    if wish.sample.is_some() != wish.seed.is_some() {
        return Err(bad("--sample and --seed come together".to_owned()));
    }
    Ok(wish)
}

fn chosen(wish: &Wish, all: Vec<Patch>) -> Result<Vec<Patch>> {
    let known: Vec<String> = all.iter().map(|patch| patch.name.clone()).collect();
    if let Some(unknown) = wish.names.iter().find(|name| !known.contains(name)) {
        return Err(Failure::new(format!("there is no patch `{unknown}`"))
            .hint("cargo xtask mutants --list"));
    }
    let named = |patch: &Patch| wish.names.is_empty() || wish.names.contains(&patch.name);
    let mut patches: Vec<Patch> = all.into_iter().filter(named).collect();
    if let (Some(count), Some(seed)) = (wish.sample, &wish.seed) {
        // Those on a real cluster take minutes each.
        patches.retain(|patch| !patch.caught_by.scenario);
        sample::keep(&mut patches, count, seed, |patch| &patch.name);
        let names: Vec<_> = patches.iter().map(|patch| patch.name.as_str()).collect();
        eprintln!("    seed {seed} chose {}", names.join(", "));
    }
    Ok(patches)
}

/// A patch's name, what became of it, and how long that took.
type Judged = (String, Verdict, String);

fn judge(root: &Path, patches: &[Patch], target: Option<PathBuf>) -> Result<Vec<Judged>> {
    let mut environment = tools::available()?;
    match tools::interop_go() {
        Ok(path) => drop(environment.insert("INTEROP_GO", path)),
        Err(failure) => eprintln!("    without the Go program: {failure}"),
    }
    let scratch = Scratch::prepare(root, environment, target)?;
    eprintln!("    the named tests, unpatched (the first build takes minutes)");
    let mut unfit = judge::unpatched(&scratch, patches)?;
    let mut judged = Vec::new();
    for (index, patch) in patches.iter().enumerate() {
        let started = Instant::now();
        let verdict = match unfit.remove(&patch.name) {
            Some(reason) => Verdict::Stale(reason),
            None => judge::patched(&scratch, root, patch)?,
        };
        let time = took(started.elapsed());
        eprintln!(
            "    [{}/{}] {verdict:<9} {} ({time})",
            index + 1,
            patches.len(),
            patch.name
        );
        judged.push((patch.name.clone(), verdict, time));
    }
    Ok(judged)
}

/// Prints the table and fails unless every patch was caught.
fn report(judged: &[Judged]) -> Result<()> {
    let width = judged
        .iter()
        .map(|(name, ..)| name.len())
        .max()
        .unwrap_or(0);
    println!();
    for (name, verdict, time) in judged {
        println!(
            "{verdict:<9} {name:<width$}  {time:>12}  {}",
            verdict.reason()
        );
    }
    let caught = judged
        .iter()
        .filter(|(_, v, _)| *v == Verdict::Caught)
        .count();
    println!("{caught} of {} caught", judged.len());
    if caught == judged.len() {
        return Ok(());
    }
    Err(Failure::new("not every patch was caught").hint(
        "SURVIVED: the named test does not see the promise broken; sharpen it. \
         stale: the patch or its header no longer fits the code; renew it",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wish_of(words: &str) -> Result<Wish> {
        wish(
            &words
                .split_whitespace()
                .map(str::to_owned)
                .collect::<Vec<_>>(),
        )
    }

    #[test]
    fn a_sample_needs_its_seed() {
        assert!(wish_of("--sample 3").is_err());
        assert!(wish_of("--sample three --seed x").is_err());
        assert_eq!(wish_of("--sample 3 --seed x").unwrap().sample, Some(3));
    }

    #[test]
    fn a_name_may_be_the_files() {
        assert_eq!(wish_of("a.patch b").unwrap().names, ["a", "b"]);
    }
}
