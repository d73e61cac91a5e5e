//! The status for people.

use pushtop::{
    once::text::table,
    replica::text::{MOST_MESSAGE, clean},
};
use serde_json::Value;

use super::{Condition, PodRow, Report, Told};
use crate::words::{age, number, or_dash};

/// The whole status.
pub fn text(report: &Report) -> String {
    let mut lines = vec![format!("PushManager {}/{}", report.namespace, report.name)];
    lines.extend(facts(report));
    lines.push(String::new());
    if !report.conditions.is_empty() {
        let heading = ["CONDITION", "STATUS", "AGE", "REASON", "MESSAGE"];
        lines.extend(table(&heading, report.conditions.iter().map(condition)));
    }
    if !report.pods.is_empty() {
        let heading = [
            "POD", "PHASE", "READY", "RESTARTS", "AGE", "CONFIG", "VERSION", "MANAGER", "NODES", "",
        ];
        lines.extend(table(&heading, report.pods.iter().map(pod)));
    }
    if report.pods_left_out > 0 {
        lines.push(format!("{} more pods were not asked", report.pods_left_out));
        lines.push(String::new());
    }
    lines.extend(problems(report));
    lines.extend(findings(report));
    let cleaned = lines.iter().map(|line| clean(line, MOST_MESSAGE));
    cleaned.collect::<Vec<_>>().join("\n")
}

fn facts(report: &Report) -> Vec<String> {
    let replicas = &report.replicas;
    let mut facts = vec![format!(
        "replicas: {} wanted, {} ready, {} up to date",
        number(replicas.wanted),
        number(replicas.ready),
        number(replicas.updated),
    )];
    let endpoints = flat(&report.endpoints);
    if !endpoints.is_empty() {
        facts.push(format!("endpoints: {}", endpoints.join(", ")));
    }
    facts.push(match (&report.config_hash, &report.other_config[..]) {
        (None, _) => "configuration: its hash is not in the status".to_owned(),
        (Some(hash), []) if report.pods.is_empty() => format!("configuration: {hash}"),
        (Some(hash), []) => format!("configuration: {hash}, the same in every pod"),
        (Some(hash), others) => format!("configuration: {hash}, not in {}", others.join(", ")),
    });
    if report.is_behind {
        facts.push(format!(
            "generation: {}, of which the operator has seen {}",
            number(report.generation),
            number(report.observed_generation)
        ));
    }
    facts
}

/// Whatever the operator writes there, one word each.
fn flat(value: &Value) -> Vec<String> {
    match value {
        Value::Null => Vec::new(),
        Value::String(text) => vec![text.clone()],
        Value::Array(items) => items.iter().flat_map(flat).collect(),
        Value::Object(map) => {
            let named = |(name, value): (&String, &Value)| {
                let values = flat(value).into_iter();
                values
                    .map(|value| format!("{name}={value}"))
                    .collect::<Vec<_>>()
            };
            map.iter().flat_map(named).collect()
        }
        Value::Bool(_) | Value::Number(_) => vec![value.to_string()],
    }
}

fn condition(condition: &Condition) -> Vec<String> {
    let behind = if condition.is_behind {
        " (of an older generation)"
    } else {
        ""
    };
    vec![
        condition.kind.clone(),
        condition.status.clone(),
        age(condition.age_s),
        condition.reason.clone(),
        format!("{}{behind}", condition.message),
    ]
}

fn pod(pod: &PodRow) -> Vec<String> {
    let phase = if pod.is_leaving {
        "Leaving"
    } else {
        &pod.phase
    };
    let config = match pod.config_matches {
        None => "-",
        Some(true) => "same",
        Some(false) => "other",
    };
    let told = pod.told.as_ref();
    let of = |text: fn(&Told) -> String| or_dash(told.map(text));
    vec![
        pod.name.clone(),
        phase.to_owned(),
        (if pod.is_ready { "yes" } else { "no" }).to_owned(),
        pod.restarts.to_string(),
        age(pod.age_s),
        config.to_owned(),
        of(|told| told.version.clone()),
        of(|told| told.readiness.to_owned()),
        of(|told| format!("{}/{}", told.nodes_reachable, told.nodes)),
        told.map_or_else(|| pod.why.clone().unwrap_or_default(), remarks),
    ]
}

fn remarks(told: &Told) -> String {
    let mut remarks = Vec::new();
    if !told.waits_for.is_empty() {
        remarks.push(format!("waits for: {}", told.waits_for));
    }
    if told.nodes_held > 0 {
        remarks.push(format!("{} held", told.nodes_held));
    }
    let unreachable = told.nodes - told.nodes_reachable;
    if unreachable > 0 {
        let more = unreachable - told.unreachable.len();
        let more = if more > 0 {
            format!(" and {more} more")
        } else {
            String::new()
        };
        remarks.push(format!("unreachable: {}{more}", told.unreachable.join(" ")));
    }
    remarks.join("; ")
}

fn problems(report: &Report) -> Vec<String> {
    let told = report.pods.iter().flat_map(|pod| {
        let problems = pod.told.iter().flat_map(|told| &told.problems);
        problems.map(|each| format!("{:<8} {}: {}", each.severity, pod.name, each.text))
    });
    let mut lines: Vec<_> = told.collect();
    if !lines.is_empty() {
        lines.push(String::new());
    }
    lines
}

fn findings(report: &Report) -> Vec<String> {
    if report.is_well() {
        return vec!["all is well".to_owned()];
    }
    let findings = report.findings.iter().map(|each| format!("  {each}"));
    std::iter::once("not well:".to_owned())
        .chain(findings)
        .collect()
}
