//! What is not well. Any of it makes the exit code 3.

use std::collections::BTreeSet;

use super::{PodRow, Report};
use crate::words::number;

/// The findings, the gravest first.
pub(super) fn findings(report: &Report) -> Vec<String> {
    let mut findings = Vec::new();
    findings.extend(of_conditions(report));
    findings.extend(of_replicas(report));
    if !report.other_config.is_empty() {
        let pods = report.other_config.join(", ");
        findings.push(format!("not with the configuration of the status: {pods}"));
    }
    let staying = report.pods.iter().filter(|pod| !pod.is_leaving);
    findings.extend(staying.clone().flat_map(of_pod));
    findings.extend(versions(staying));
    findings
}

fn of_conditions(report: &Report) -> Vec<String> {
    let mut findings = Vec::new();
    let wrong = [("Degraded", "True"), ("Available", "False")];
    for (kind, status) in wrong {
        if let Some(condition) = report.condition(kind).filter(|each| each.status == status) {
            let name = if kind == "Degraded" {
                "degraded"
            } else {
                "not available"
            };
            findings.push(format!(
                "{name}: {}: {}",
                condition.reason, condition.message
            ));
        }
    }
    if report.conditions.is_empty() {
        findings.push("the operator has said nothing of it yet: does one run?".to_owned());
    } else if report.is_behind {
        findings.push(format!(
            "the operator has not acted on the newest spec: generation {} of {}",
            number(report.observed_generation),
            number(report.generation)
        ));
    }
    findings
}

fn of_replicas(report: &Report) -> Option<String> {
    let (wanted, ready) = (report.replicas.wanted?, report.replicas.ready.unwrap_or(0));
    (ready < wanted).then(|| format!("{ready} of {wanted} pods are ready"))
}

/// A pod on its way out may well be gone while it is asked.
fn of_pod(pod: &PodRow) -> Vec<String> {
    let name = &pod.name;
    let Some(told) = &pod.told else {
        let why = pod.why.as_deref().unwrap_or_default();
        return vec![format!("{name}: {why}")];
    };
    let mut findings = Vec::new();
    let errors = told.problems.iter().filter(|each| each.severity == "error");
    findings.extend(errors.map(|problem| format!("{name}: {}", problem.text)));
    if told.readiness != "ready" && findings.is_empty() {
        findings.push(format!("{name}: is {}: {}", told.readiness, told.waits_for));
    }
    findings
}

fn versions<'a>(pods: impl Iterator<Item = &'a PodRow>) -> Option<String> {
    let told = pods.filter_map(|pod| pod.told.as_ref());
    let versions: BTreeSet<_> = told.map(|told| told.version.as_str()).collect();
    (versions.len() > 1).then(|| {
        let all: Vec<_> = versions.into_iter().collect();
        format!("pods run different versions: {}", all.join(", "))
    })
}
