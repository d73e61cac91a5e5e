//! From what was learnt to the document.

use k8s_openapi::jiff::Timestamp;
use serde_json::Value;

use super::{Condition, Gathered, PodRow, Replicas, Report, SCHEMA, judge, pods};

/// The conditions that a PushManager has, in the order in which they are told.
const ORDER: [&str; 4] = ["Available", "Progressing", "Degraded", "Paused"];

impl Report {
    /// Judges what was learnt.
    pub fn of(gathered: &Gathered) -> Self {
        let object = &gathered.push_manager;
        let status = &object.data["status"];
        let generation = object.metadata.generation;
        let observed_generation = status["observedGeneration"].as_i64();
        let config_hash = status["configHash"].as_str().map(str::to_owned);
        let rows = gathered.pods.iter();
        let rows = rows
            .map(|(pod, said)| pods::row(pod, said.as_ref(), config_hash.as_deref(), gathered.now));
        let rows: Vec<_> = rows.collect();
        // One that is on its way out is being replaced.
        let is_other = |row: &&PodRow| row.config_matches == Some(false) && !row.is_leaving;
        let others = rows.iter().filter(is_other);
        let mut report = Self {
            schema: SCHEMA,
            namespace: gathered.namespace.clone(),
            name: object.metadata.name.clone().unwrap_or_default(),
            generation,
            observed_generation,
            is_behind: is_behind(generation, observed_generation),
            conditions: conditions(status, generation, gathered.now),
            replicas: replicas(gathered),
            endpoints: status["endpoints"].clone(),
            config_hash,
            other_config: others.map(|row| row.name.clone()).collect(),
            pods: rows,
            pods_left_out: gathered.pods_left_out,
            findings: Vec::new(),
        };
        report.findings = judge::findings(&report);
        report
    }

    /// Whether nothing is to be looked at.
    pub fn is_well(&self) -> bool {
        self.findings.is_empty()
    }

    /// A condition by its type.
    pub(super) fn condition(&self, kind: &str) -> Option<&Condition> {
        self.conditions.iter().find(|each| each.kind == kind)
    }
}

/// Seconds between two times; none where the first isn't known. Clocks may differ.
pub(super) fn age(since: Option<Timestamp>, now: Timestamp) -> Option<i64> {
    let seconds = now.as_second() - since?.as_second();
    Some(seconds.max(0))
}

fn is_behind(generation: Option<i64>, observed: Option<i64>) -> bool {
    generation.is_some_and(|wanted| observed.is_none_or(|observed| observed < wanted))
}

fn conditions(status: &Value, generation: Option<i64>, now: Timestamp) -> Vec<Condition> {
    let told = status["conditions"]
        .as_array()
        .map_or(&[][..], Vec::as_slice);
    let mut conditions: Vec<_> = told
        .iter()
        .map(|each| condition(each, generation, now))
        .collect();
    let place = |kind: &str| ORDER.iter().position(|known| *known == kind);
    conditions.sort_by_key(|each| (place(&each.kind).unwrap_or(ORDER.len()), each.kind.clone()));
    conditions
}

fn condition(told: &Value, generation: Option<i64>, now: Timestamp) -> Condition {
    let text = |field: &str| told[field].as_str().unwrap_or_default().to_owned();
    let since = text("lastTransitionTime").parse().ok();
    let observed = told["observedGeneration"].as_i64();
    Condition {
        kind: text("type"),
        status: text("status"),
        reason: text("reason"),
        message: text("message"),
        age_s: age(since, now),
        is_behind: observed.is_some() && is_behind(generation, observed),
    }
}

/// The Deployment knows how many are wanted, also while an autoscaler decides.
fn replicas(gathered: &Gathered) -> Replicas {
    let (spec, status) = (
        &gathered.push_manager.data["spec"],
        &gathered.push_manager.data["status"],
    );
    let deployment = gathered.deployment.as_ref();
    let deployed = deployment.and_then(|deployment| deployment.status.as_ref());
    let scaled = deployment.and_then(|deployment| deployment.spec.as_ref()?.replicas);
    Replicas {
        wanted: scaled.map(i64::from).or(spec["replicas"].as_i64()),
        ready: status["readyReplicas"]
            .as_i64()
            .or(deployed.map(|status| i64::from(status.ready_replicas.unwrap_or(0)))),
        updated: deployed
            .map(|status| i64::from(status.updated_replicas.unwrap_or(0)))
            .or(status["updatedReplicas"].as_i64()),
    }
}
