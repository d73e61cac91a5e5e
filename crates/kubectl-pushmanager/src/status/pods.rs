//! A pod's row, with what its admin API told.

use k8s_openapi::jiff::Timestamp;
use push_manager_proto::admin::{Hold, Readiness, ReplicaRow};
use pushtop::fleet::{Fleet, NodeWord, Problem as Found, Severity};

use super::{MOST_UNREACHABLE, PodRow, Problem, Told, build::age};
use crate::{admin::Said, pod::PodFacts};

/// Most problems told of a pod.
const MOST_PROBLEMS: usize = 20;

/// The row of a pod.
pub(super) fn row(
    pod: &PodFacts,
    said: Result<&Said, &String>,
    config_hash: Option<&str>,
    now: Timestamp,
) -> PodRow {
    let own = pod.config_hash.as_deref();
    PodRow {
        name: pod.name.clone(),
        phase: pod.phase.clone(),
        is_ready: pod.is_ready,
        is_leaving: pod.is_leaving,
        restarts: pod.restarts,
        age_s: age(pod.created, now),
        config_hash: pod.config_hash.clone(),
        // A pod without the annotation was not made from this configuration either.
        config_matches: config_hash.map(|wanted| own == Some(wanted)),
        why: said.err().cloned(),
        told: said.ok().map(|said| told(&pod.name, said)),
    }
}

fn told(pod: &str, said: &Said) -> Told {
    let (fleet, _) = said.to_fleet(pod);
    let row = fleet.replicas().first().and_then(|replica| replica.row());
    let failed = fleet
        .nodes()
        .values()
        .filter(|node| node.word == NodeWord::Failed);
    let failed: Vec<_> = failed.map(|node| node.name.to_string()).collect();
    Told {
        version: said.info.version.clone(),
        readiness: readiness(row),
        waits_for: row.map(|row| row.not_ready.clone()).unwrap_or_default(),
        nodes: fleet.nodes().len(),
        nodes_reachable: fleet.nodes().len() - failed.len(),
        nodes_held: held(&fleet),
        unreachable: failed.into_iter().take(MOST_UNREACHABLE).collect(),
        problems: problems(&fleet),
    }
}

fn readiness(row: Option<&ReplicaRow>) -> &'static str {
    match row.map(ReplicaRow::readiness) {
        Some(Readiness::Ready) => "ready",
        Some(Readiness::Draining) => "draining",
        Some(Readiness::Waiting | Readiness::Unspecified) | None => "waiting",
    }
}

fn held(fleet: &Fleet) -> usize {
    let is_held = |hold: Hold| match hold {
        Hold::Drained | Hold::Ejected => true,
        Hold::Unspecified => false,
    };
    let nodes = fleet.nodes().values();
    nodes
        .filter(|node| node.cells.values().any(|cell| is_held(cell.hold)))
        .count()
}

/// Its problems, without the letter that a console would call it by.
fn problems(fleet: &Fleet) -> Vec<Problem> {
    let problems = fleet.problems().iter().take(MOST_PROBLEMS);
    problems.map(problem).collect()
}

fn problem(found: &Found) -> Problem {
    let text = found.text.strip_prefix("replica a ").unwrap_or(&found.text);
    Problem {
        kind: found.kind,
        severity: match found.severity {
            Severity::Warning => "warning",
            Severity::Error => "error",
        },
        text: text.to_owned(),
    }
}
