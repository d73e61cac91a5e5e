//! The ranks of the server's modules: each calls only lower ones. The sources
//! are read as text, so that a call is seen wherever it is written; comments
//! and the links in them don't count.

#![allow(
    missing_docs,
    unreachable_pub,
    clippy::pedantic,
    clippy::unwrap_used,
    reason = "tests"
)]

#[path = "ranks/calls.rs"]
mod calls;
#[path = "ranks/table.rs"]
mod table;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use calls::{Call, calls};
use table::{BESIDE, RANKS, Rank, rank_of};

fn crate_folder() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The sources below `src`, by their path in it; main.rs and lib.rs only name the others.
fn sources() -> BTreeMap<PathBuf, String> {
    let source = crate_folder().join("src");
    let (mut folders, mut found) = (vec![source.clone()], BTreeMap::new());
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(&source).unwrap().to_owned();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ext| ext == "rs")
                && !["lib.rs", "main.rs"].contains(&name.to_str().unwrap())
            {
                found.insert(name, fs::read_to_string(path).unwrap());
            }
        }
    }
    found
}

/// What is wrong with one file's calls, each in a line.
fn faults(file: &Path, text: &str) -> Vec<String> {
    let from = calls::module_of(file);
    let Some(own) = rank_of(&from) else {
        let file = file.display();
        return vec![format!(
            "{file}: the module `{from}` has no rank in tests/ranks/table.rs"
        )];
    };
    let fault = |Call { line, to }: Call| {
        let at = format!("crates/server/src/{}:{line}", file.display());
        let Some(rank) = rank_of(&to) else {
            return Some(format!("{at}: `{from}` calls `{to}`, which has no rank"));
        };
        let leaves = own == Rank::Leaf && rank == Rank::Leaf;
        let fine = rank < own || leaves || to == from || BESIDE.contains(&(&from, &to));
        (!fine).then(|| format!("{at}: `{from}` ({own}) calls `{to}` ({rank})"))
    };
    calls(file, text).into_iter().filter_map(fault).collect()
}

/// Modules that call each other in a circle, if any do.
fn circle(graph: &BTreeMap<String, BTreeSet<String>>) -> Option<Vec<String>> {
    fn walk(
        at: &str,
        graph: &BTreeMap<String, BTreeSet<String>>,
        path: &mut Vec<String>,
        done: &mut BTreeSet<String>,
    ) -> Option<Vec<String>> {
        if let Some(start) = path.iter().position(|seen| seen == at) {
            return Some(path[start..].to_vec());
        }
        if !done.insert(at.to_owned()) {
            return None;
        }
        path.push(at.to_owned());
        let next = graph.get(at).into_iter().flatten();
        let found = next.into_iter().find_map(|to| walk(to, graph, path, done));
        path.pop();
        found
    }
    let mut done = BTreeSet::new();
    let mut starts = graph.keys();
    starts.find_map(|start| walk(start, graph, &mut Vec::new(), &mut done))
}

#[test]
fn a_module_calls_only_lower_ranks() {
    let sources = sources();
    assert!(sources.len() > 40, "found only {}", sources.len());
    let faults: Vec<_> = sources
        .iter()
        .flat_map(|(file, text)| faults(file, text))
        .collect();
    assert!(faults.is_empty(), "upward calls:\n{}", faults.join("\n"));
}

#[test]
fn no_modules_call_each_other_in_a_circle() {
    let mut graph: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (file, text) in sources() {
        let from = calls::module_of(&file);
        let called = calls(&file, &text).into_iter().map(|call| call.to);
        let called = called.filter(|to| *to != from);
        graph.entry(from.clone()).or_default().extend(called);
    }
    assert_eq!(circle(&graph), None);
}

#[test]
fn every_module_has_a_rank_and_every_rank_a_module() {
    let declared: BTreeSet<String> = fs::read_to_string(crate_folder().join("src/lib.rs"))
        .unwrap()
        .lines()
        .filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';'))
        .map(str::to_owned)
        .collect();
    let ranked = RANKS.iter().flat_map(|(_, modules)| *modules);
    let ranked: BTreeSet<String> = ranked.map(|name| (*name).to_owned()).collect();
    assert_eq!(declared, ranked);
}

#[test]
fn the_architecture_lists_the_same_ranks() {
    let file = crate_folder().join("../../docs/ARCHITECTURE.md");
    let text = fs::read_to_string(file).unwrap();
    let shown = table::read(&text);
    let ours: BTreeMap<String, BTreeSet<String>> = RANKS
        .iter()
        .map(|(rank, modules)| {
            let modules = modules.iter().map(|name| (*name).to_owned());
            (rank.label(), modules.collect())
        })
        .collect();
    assert_eq!(shown, ours, "docs/ARCHITECTURE.md and tests/ranks/table.rs");
}

#[test]
fn an_upward_call_is_named_with_its_place_and_both_ranks() {
    let text = "//! See [`crate::api`].\nuse crate::{\n    ids::{NodeId, UserId},\n    pipeline::Report,\n};\n";
    let found = faults(Path::new("pool/worker.rs"), text);
    let place = "crates/server/src/pool/worker.rs:4";
    assert_eq!(
        found,
        [format!(
            "{place}: `pool` (rank 0) calls `pipeline` (rank 2)"
        )]
    );
}

#[test]
fn a_call_is_seen_however_it_is_written() {
    let called = |file: &str, text: &str| -> Vec<String> {
        let found = faults(Path::new(file), text);
        let name = |fault: String| fault.split('`').nth(3).unwrap().to_owned();
        found.into_iter().map(name).collect()
    };
    assert_eq!(
        called("ids.rs", "fn f() { crate::server::environment(); }"),
        ["server"]
    );
    assert_eq!(
        called("pool.rs", "use super::delivery::Call;"),
        ["delivery"]
    );
    assert_eq!(called("pool/node.rs", "use super::super::api;"), ["api"]);
    assert_eq!(
        called("pool/node.rs", "use super::delivery;"),
        Vec::<String>::new()
    );
    assert_eq!(
        called("routing.rs", "use crate::delivery::Call;"),
        ["delivery"]
    );
    assert_eq!(
        called("routing.rs", "use crate::stranger::X;"),
        ["stranger"]
    );
    assert_eq!(
        called("dev.rs", "use crate::server::Server;"),
        Vec::<String>::new()
    );
    assert_eq!(
        called("ids.rs", "/* crate::api */ // crate::api\n"),
        Vec::<String>::new()
    );
    assert!(!faults(Path::new("stranger.rs"), "").is_empty());
}

#[test]
fn a_circle_is_found() {
    let graph = |pairs: &[(&str, &str)]| {
        let mut graph: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for (from, to) in pairs {
            graph
                .entry((*from).into())
                .or_default()
                .insert((*to).into());
        }
        graph
    };
    assert_eq!(circle(&graph(&[("a", "b"), ("b", "c"), ("a", "c")])), None);
    let found = circle(&graph(&[("a", "b"), ("b", "c"), ("c", "b")])).unwrap();
    assert_eq!(found, ["b", "c"]);
}
