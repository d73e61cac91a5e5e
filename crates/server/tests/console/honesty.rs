//! What must hold in every line that the console ever prints.

use serde_json::Value;

use crate::{
    INTERVAL, SLACK,
    figures::Figures,
    lines::{Line, Lines, counted, named},
};

/// What really comes is far below; a counter taken for a difference is far above.
const MOST_A_SECOND: f64 = 500.0;

/// Asserts it, of all lines so far.
pub fn no_line_ever_lied(lines: &Lines) {
    let all = lines.all();
    for pair in all.windows(2) {
        let apart = pair[1].at - pair[0].at;
        assert!(apart <= INTERVAL + SLACK, "{apart:?} between two lines");
        let [before, after] = [0, 1].map(|at| &*pair[at].document);
        if sources(before) == sources(after) {
            let [before, after] = [before, after].map(Figures::of_totals);
            assert!(before.pushes <= after.pushes, "{before:?} {after:?}");
            assert!(before.delivered <= after.delivered, "{before:?} {after:?}");
        }
    }
    for (number, line) in all.iter().enumerate() {
        let document = &line.document;
        for_each_number(document, "", &mut |name, value| {
            let is_rate = name.ends_with("per_s");
            let is_true = value >= 0.0 && (!is_rate || value <= MOST_A_SECOND);
            assert!(is_true, "{name} is {value} in line {number}: {document:#}");
        });
        live_replicas_are_counted(document);
    }
}

/// The epochs that the totals are made of.
fn sources(document: &Value) -> Vec<&Value> {
    let replicas = document["replicas"].as_array().unwrap().iter();
    let live = replicas.filter(|replica| replica["freshness"] == "live");
    live.map(|replica| &replica["epoch"]).collect()
}

/// The totals are the sums of the replicas that are live, and of no other.
fn live_replicas_are_counted(document: &Value) {
    let (counted, left_out) = counted(document);
    let (mut pushes, mut delivered) = (0, 0);
    for row in document["replicas"].as_array().unwrap() {
        let letter = row["replica"].as_str().unwrap();
        let is_live = row["freshness"] == "live";
        assert_eq!(counted.contains(letter), is_live, "{row:#}");
        assert_eq!(left_out.contains(letter), !is_live, "{row:#}");
        if is_live {
            pushes += row["pushes"].as_u64().unwrap();
            delivered += row["delivered"].as_u64().unwrap();
        }
    }
    assert_eq!(document["totals"]["pushes"], pushes, "{document:#}");
    assert_eq!(document["totals"]["delivered"], delivered, "{document:#}");
}

/// Asserts that nodes other than this one are in order.
pub fn others_are_well(line: &Line, id: &str) {
    let document = &line.document;
    for node in document["nodes"].as_array().unwrap() {
        if node["id"] != id {
            assert_eq!(node["state"], "ready", "{node:#}");
            assert_eq!(node["warning"], Value::Null, "{node:#}");
        }
    }
    for kind in ["node_silent", "node_failed"] {
        assert!(named(document, kind).iter().all(|node| node == id));
    }
}

fn for_each_number(value: &Value, name: &str, told: &mut impl FnMut(&str, f64)) {
    match value {
        Value::Number(number) => told(name, number.as_f64().unwrap()),
        Value::Array(list) => {
            for value in list {
                for_each_number(value, name, told);
            }
        }
        Value::Object(map) => {
            for (name, value) in map {
                for_each_number(value, name, told);
            }
        }
        Value::Null | Value::Bool(_) | Value::String(_) => {}
    }
}
