//! The schema in the documentation is the schema of the code, in both languages.

use std::{collections::BTreeSet, fs, path::PathBuf};

use serde_json::Value;

use super::*;
use crate::fixture::Scenario;

fn read(path: &str) -> String {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The documentation in each language: everything, and its tables of fields in their order.
fn documentation() -> Vec<(&'static str, String, Vec<String>)> {
    let read = |name| {
        let whole = read(&format!("../../docs/{name}"));
        let tables = whole.split("\n#### ").skip(1).map(str::to_owned).collect();
        (name, whole, tables)
    };
    vec![read("console.md"), read("console.zh.md")]
}

/// Every key of every kind of object, as `kind: keys`, the kinds in the order of the tables.
fn keys(document: &Value, event: &Value) -> Vec<(&'static str, BTreeSet<String>)> {
    let keys = |value: &Value| -> BTreeSet<String> {
        let fields = value.as_object().unwrap_or_else(|| panic!("{value}"));
        fields.keys().cloned().collect()
    };
    let node = &document["nodes"][0];
    vec![
        ("document", keys(document)),
        ("totals", keys(&document["totals"])),
        ("replicas", keys(&document["replicas"][0])),
        ("apis", keys(&document["apis"][0])),
        ("nodes", keys(node)),
        ("cells", keys(&node["replicas"]["a"])),
        ("spread", keys(&node["rtt"])),
        ("problems", keys(&document["problems"][0])),
        ("event", keys(event)),
    ]
}

/// The words between quotes in a source that look like a name with this between its parts.
fn names(source: &str, between: char) -> BTreeSet<String> {
    let code = source.split("#[cfg(test)]").next().unwrap_or(source);
    let lines = code.lines().filter(|line| !line.trim().starts_with("//"));
    let quoted = lines.flat_map(|line| line.split('"').skip(1).step_by(2));
    let is_name = |word: &&str| {
        word.contains(between)
            && word.split(between).all(|part| {
                !part.is_empty() && part.chars().all(|letter| letter.is_ascii_lowercase())
            })
    };
    quoted.filter(is_name).map(str::to_owned).collect()
}

#[test]
fn every_field_is_documented_with_its_object() {
    let fleet = Scenario::story().fleet_after(70);
    let document = Document::of(&fleet, Scenario::looked_at(70), SystemTime::UNIX_EPOCH);
    let event = fleet.events().items().next().map(Event::of);
    let (document, event) = (
        serde_json::to_value(document).unwrap(),
        serde_json::to_value(event).unwrap(),
    );
    for (name, _, tables) in documentation() {
        let all = keys(&document, &event);
        assert_eq!(tables.len(), all.len(), "{name}: a table for each object");
        for ((object, keys), table) in all.iter().zip(&tables) {
            let rows = table.lines().filter_map(|line| line.strip_prefix("| `"));
            let told = rows.filter_map(|row| row.split('`').next().map(str::to_owned));
            // The last table is followed by those of kinds.
            let told: BTreeSet<_> = told.filter(|key| keys.contains(key)).collect();
            assert_eq!(told, *keys, "{name}: {object}");
        }
    }
}

#[test]
fn the_states_that_totals_count_are_documented() {
    let fleet = Scenario::story().fleet_after(2);
    let document = Document::of(&fleet, Scenario::looked_at(2), SystemTime::UNIX_EPOCH);
    for (name, _, tables) in documentation() {
        let row = tables[1].lines().find(|line| line.starts_with("| `nodes`"));
        for state in document.totals.nodes.keys() {
            assert!(
                row.unwrap().contains(&format!("`{state}`")),
                "{name}: {state}"
            );
        }
    }
}

#[test]
fn every_kind_of_problem_and_event_is_documented() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("src/fleet/problems");
    let files = fs::read_dir(folder).unwrap();
    let files = files.map(|file| fs::read_to_string(file.unwrap().path()).unwrap());
    let sources = files.chain([read("src/fleet/problems.rs")]);
    let mut kinds: BTreeSet<String> = sources.flat_map(|source| names(&source, '_')).collect();
    assert!(kinds.len() > 15, "{kinds:?}");
    let events = names(&read("../server/src/events/kind.rs"), '.');
    assert!(events.len() > 15, "{events:?}");
    kinds.extend(events);
    for (name, whole, _) in documentation() {
        let missing: Vec<_> = kinds
            .iter()
            .filter(|kind| !whole.contains(&format!("`{kind}`")))
            .collect();
        assert_eq!(missing, Vec::<&String>::new(), "{name}");
    }
}

#[test]
fn what_no_live_replica_knows_is_null_and_a_dash() {
    let mut scenario = Scenario::story();
    scenario.silent_from = (0..3).map(|replica| (replica, 40)).collect();
    let fleet = scenario.fleet_after(60);
    let document = Document::of(&fleet, Scenario::looked_at(60), SystemTime::UNIX_EPOCH);
    let shown = serde_json::to_value(&document).unwrap();
    let nodes = shown["nodes"].as_array().unwrap();
    assert_eq!(nodes.len(), 14);
    for node in nodes {
        assert_eq!(node["state"], "gone");
        let figures = node.as_object().unwrap().iter();
        let known = figures.filter(|(_, value)| value.is_number());
        assert_eq!(known.count(), 0, "{node}");
    }
    let table = text::of(&document);
    let rows = table.lines().filter(|line| line.contains(" gone "));
    let rows: Vec<_> = rows.collect();
    assert_eq!(rows.len(), 14);
    for row in rows {
        let figures: Vec<_> = row.split_whitespace().skip(2).take(6).collect();
        assert_eq!(figures, ["-"; 6], "{row}");
    }
}
