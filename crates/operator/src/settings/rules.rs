//! What must hold of a spec beyond its knobs. Each problem names the field and what to mend.

use std::collections::BTreeSet;

use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use push_manager_config::{Config, DiscoveryKind, knobs};

use crate::{
    api::{Autoscaling, Knobs, PodTemplate, PushManagerSpec, ServiceType},
    names::RESERVED_LABELS,
    quantity,
};

/// Longest name: the names of children and pods are made from it.
const MAX_NAME: usize = 50;
/// Variables that the operator sets.
pub(crate) const OWN_VARIABLES: [&str; 2] = ["CONFIG_FILE", "POD_IP"];

/// What is wrong with the spec by itself.
pub(super) fn broken(name: &str, spec: &PushManagerSpec) -> Vec<String> {
    let mut problems = Vec::new();
    let mut unless = |holds: bool, problem: &str| {
        if !holds {
            problems.push(problem.to_owned());
        }
    };
    unless(
        is_name(name),
        "metadata.name: must begin with a letter, hold only lower-case letters, digits and dashes, \
         and have at most 50 characters: Services and pods are named after it",
    );
    unless(
        (0..=1000).contains(&spec.replicas),
        "spec.replicas: expected a whole number from 0 to 1000",
    );
    let tag = |c: char| c.is_ascii_alphanumeric() || "_.-".contains(c);
    let starts = |c: char| c.is_ascii_alphanumeric() || c == '_';
    unless(
        spec.version.starts_with(starts)
            && spec.version.len() <= 128
            && spec.version.chars().all(tag),
        "spec.version: expected a tag such as 0.1.0",
    );
    let is_image = |image: &String| !image.is_empty() && !image.contains(char::is_whitespace);
    unless(
        spec.image.as_ref().is_none_or(is_image),
        "spec.image: expected an image by tag or digest such as push-manager:0.1.0",
    );
    unless(
        spec.disruption
            .as_ref()
            .is_none_or(|d| is_share(&d.max_unavailable)),
        "spec.disruption.maxUnavailable: expected a whole number such as 1, or a share such as 25%",
    );
    let both = spec.etcd.as_ref().is_some_and(|etcd| etcd.prefix.is_some())
        && gives(&spec.discovery, "prefixes");
    unless(
        !both,
        "spec.etcd.prefix and spec.discovery.prefixes mean the same: set one of them",
    );
    problems.extend(twice(spec));
    problems.extend(spec.autoscaling.iter().filter_map(scaling));
    problems.extend(spec.pod_template.iter().flat_map(template));
    problems.extend(resources(spec));
    problems
}

/// Entries of lists that Kubernetes tells apart by a key.
fn twice(spec: &PushManagerSpec) -> Vec<String> {
    let spread = spec.topology_spread.iter().flatten();
    let spread = spread.map(|s| format!("{} ({})", s.topology_key, s.when_unsatisfiable.as_str()));
    let secrets = spec.image_pull_secrets.iter().cloned();
    let mut problems = Vec::new();
    for (field, keys) in [
        ("spec.topologySpread", spread.collect::<Vec<_>>()),
        ("spec.imagePullSecrets", secrets.collect()),
    ] {
        let mut seen = BTreeSet::new();
        let again = keys.iter().find(|key| !seen.insert(key.as_str()));
        problems.extend(again.map(|key| format!("{field}: {key} is there twice")));
    }
    problems
}

/// What is wrong with the spec beside the server's configuration.
pub(super) fn broken_with(spec: &PushManagerSpec, config: &Config, least: i64) -> Vec<String> {
    let mut problems = Vec::new();
    let endpoints = |spec: &PushManagerSpec| {
        let etcd = spec.etcd.as_ref();
        etcd.is_some_and(|etcd| gives(&etcd.knobs, "endpoints"))
    };
    match config.discovery.kind {
        DiscoveryKind::Etcd if !endpoints(spec) => problems.push(
            "spec.etcd.endpoints is required, e.g. [\"etcd:2379\"], unless spec.discovery.kind is \
             static"
                .to_owned(),
        ),
        DiscoveryKind::Memory => problems.push(
            "spec.discovery.kind: memory is for development in one process; use etcd or static"
                .to_owned(),
        ),
        DiscoveryKind::Etcd | DiscoveryKind::Static => {}
    }
    if !gives(&spec.controller, "address") {
        problems.push("spec.controller.address is required, e.g. controller:50051".to_owned());
    }
    match spec.termination_grace_period_seconds {
        Some(grace) if grace < least => problems.push(format!(
            "spec.terminationGracePeriodSeconds: {grace} would cut pushes off: drain.notice, \
             drain.timeout and leaving take up to {least} s; give more, or leave it out"
        )),
        _ => {}
    }
    problems
}

/// What works but is probably not meant.
pub(super) fn advice(spec: &PushManagerSpec) -> Vec<String> {
    let mut advice = Vec::new();
    let service = spec.service.clone().unwrap_or_default();
    if service.node_port.is_some() && service.kind == ServiceType::ClusterIp {
        advice.push(
            "spec.service.nodePort is not used: spec.service.type is neither NodePort nor \
             LoadBalancer"
                .to_owned(),
        );
    }
    let by_cpu = spec
        .autoscaling
        .as_ref()
        .is_some_and(|s| s.metrics.is_empty() || s.target_cpu_utilization.is_some());
    let requests = spec
        .resources
        .as_ref()
        .map(|r| r.requests.clone().unwrap_or_default());
    if by_cpu && requests.is_some_and(|requests| !requests.contains_key("cpu")) {
        advice.push(
            "spec.autoscaling goes by CPU, and spec.resources requests none: it can't scale"
                .to_owned(),
        );
    }
    advice
}

/// Whether a value is there: a null is none.
fn gives(knobs: &Knobs, name: &str) -> bool {
    knobs.get(name).is_some_and(|value| !value.is_null())
}

fn is_name(name: &str) -> bool {
    let letter = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    name.len() <= MAX_NAME
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && !name.ends_with('-')
        && name.chars().all(letter)
}

fn is_share(share: &IntOrString) -> bool {
    match share {
        IntOrString::Int(count) => *count >= 0,
        IntOrString::String(text) => {
            let number = text.strip_suffix('%').and_then(|n| n.parse::<u8>().ok());
            number.is_some_and(|percent| percent <= 100)
        }
    }
}

fn scaling(scaling: &Autoscaling) -> Option<String> {
    let Autoscaling {
        min_replicas,
        max_replicas,
        ..
    } = scaling;
    if *min_replicas < 1 {
        return Some("spec.autoscaling.minReplicas: expected 1 or more".to_owned());
    }
    (min_replicas > max_replicas).then(|| {
        format!(
            "spec.autoscaling.minReplicas must not be more than maxReplicas: {min_replicas} is \
             more than {max_replicas}"
        )
    })
}

fn template(template: &PodTemplate) -> Vec<String> {
    let reserved = |key: &&String| RESERVED_LABELS.iter().any(|prefix| key.starts_with(prefix));
    let labels = template.labels.keys().filter(reserved);
    let mut problems: Vec<String> = labels
        .map(|key| format!("spec.podTemplate.labels: {key} is the operator's to set"))
        .collect();
    let annotations = template.annotations.keys();
    let ours = annotations.filter(|key| key.starts_with("pushmanager.io/"));
    problems.extend(
        ours.map(|key| format!("spec.podTemplate.annotations: {key} is the operator's to set")),
    );
    for (index, variable) in template.env.iter().enumerate() {
        let name = variable.name.as_str();
        let earlier = template.env.iter().take(index);
        if sets_a_knob(name) || OWN_VARIABLES.contains(&name) {
            problems.push(format!(
                "spec.podTemplate.env: {name} is the operator's to set; the settings of the server \
                 are fields of spec"
            ));
        } else if earlier.into_iter().any(|other| other.name == name) {
            problems.push(format!("spec.podTemplate.env: {name} is there twice"));
        }
    }
    problems
}

fn sets_a_knob(variable: &str) -> bool {
    let is = |knob: &push_manager_config::Knob| knob.env == Some(variable);
    variable.starts_with("PM_") || knobs().iter().any(is)
}

fn resources(spec: &PushManagerSpec) -> Vec<String> {
    let Some(resources) = &spec.resources else {
        return Vec::new();
    };
    let given = [
        ("requests", &resources.requests),
        ("limits", &resources.limits),
    ];
    let mut problems = Vec::new();
    for (which, amounts) in given {
        for (name, amount) in amounts.iter().flatten() {
            if quantity::parse(&amount.0).is_none() {
                problems.push(format!(
                    "spec.resources.{which}.{name}: got {:?}, expected a quantity such as 500m or \
                     256Mi",
                    amount.0
                ));
            }
        }
    }
    problems
}
