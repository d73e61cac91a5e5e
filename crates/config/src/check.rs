//! Checks that concern two knobs at once.

use std::collections::BTreeMap;
use std::net::IpAddr;

use crate::choice::DiscoveryKind;
use crate::error::{Fault, Problem, Problems};
use crate::given::quote;
use crate::knobs::Config;
use crate::origin::Origin;

/// What must hold between two knobs.
struct Relation {
    key: &'static str,
    /// Reads as: expected {wanted} {other}, which is …
    wanted: &'static str,
    other: &'static str,
    holds: fn(&Config) -> bool,
}

const RELATIONS: &[Relation] = &[
    Relation {
        key: "etcd.receive_deadline",
        wanted: "more than",
        other: "etcd.progress_interval",
        holds: |c| c.etcd.receive_deadline > c.etcd.progress_interval,
    },
    Relation {
        key: "etcd.password",
        wanted: "a password to go with",
        other: "etcd.username",
        holds: |c| c.etcd.username.is_empty() || !c.etcd.password.is_empty(),
    },
    Relation {
        key: "etcd.username",
        wanted: "a user to go with",
        other: "etcd.password",
        holds: |c| c.etcd.password.is_empty() || !c.etcd.username.is_empty(),
    },
    Relation {
        key: "limits.max_message",
        wanted: "at least",
        other: "limits.max_data",
        holds: |c| c.limits.max_message >= c.limits.max_data,
    },
    Relation {
        key: "fanout.queue_bytes",
        wanted: "at least",
        other: "limits.max_data",
        holds: |c| c.fanout.queue_bytes >= c.limits.max_data,
    },
    Relation {
        key: "limits.request_timeout",
        wanted: "at least",
        other: "fanout.deadline",
        holds: |c| c.limits.request_timeout >= c.fanout.deadline,
    },
    Relation {
        key: "limits.request_timeout",
        wanted: "at least",
        other: "controller.timeout",
        holds: |c| c.limits.request_timeout >= c.controller.timeout,
    },
    Relation {
        key: "metrics.port",
        wanted: "a port other than",
        other: "grpc.port",
        holds: |c| c.metrics.port == 0 || c.metrics.port != c.grpc.port || hosts_apart(c),
    },
    Relation {
        key: "discovery.nodes",
        wanted: "one node or more because of",
        other: "discovery.kind",
        holds: |c| c.discovery.kind != DiscoveryKind::Static || !c.discovery.nodes.is_empty(),
    },
    Relation {
        key: "registration.prefix",
        wanted: "a prefix outside",
        other: "discovery.prefixes",
        holds: |c| !c.registration.enabled || !registers_as_node(c),
    },
    Relation {
        key: "admin.address",
        wanted: "a loopback address, or a token (admin.read_token, admin.operate_token) because of",
        other: "admin.enabled",
        holds: |c| !c.admin.enabled || is_loopback(&c.admin.address) || has_admin_token(c),
    },
    Relation {
        key: "admin.read_token",
        wanted: "another token than",
        other: "admin.operate_token",
        holds: |c| !has_admin_token(c) || c.admin.read_token != c.admin.operate_token,
    },
];

/// Reports each relation that does not hold, unless one of its two knobs is already reported.
pub(crate) fn relations(
    config: &Config,
    origins: &BTreeMap<&'static str, Origin>,
    problems: &mut Problems,
) {
    for relation in RELATIONS {
        let reported = problems.about(relation.key) || problems.about(relation.other);
        if reported || (relation.holds)(config) {
            continue;
        }
        let origin = |key: &str| origins.get(key).cloned().unwrap_or(Origin::Default);
        let text = |key| crate::knob(key).map_or_else(String::new, |knob| knob.text(config));
        let place = match origin(relation.key) {
            Origin::Default => origin(relation.other),
            given => given,
        };
        let Relation { wanted, other, .. } = relation;
        let fault = Fault::BadValue {
            given: quote(&text(relation.key)),
            expected: format!(
                "{wanted} {other}, which is {} ({})",
                quote(&text(other)),
                origin(other)
            ),
            hint: None,
        };
        problems.push(Problem {
            origin: place,
            key: relation.key.to_owned(),
            fault,
        });
    }
}

/// Warns of what works but is probably not meant.
pub(crate) fn advice(config: &Config, warnings: &mut Vec<String>) {
    if config.drain.timeout < config.fanout.deadline {
        warnings.push(
            "drain.timeout is shorter than fanout.deadline: \
             a shutdown may cut calls that still had time"
                .to_owned(),
        );
    }
    if config.discovery.kind != DiscoveryKind::Static && !config.discovery.nodes.is_empty() {
        warnings.push("discovery.nodes is not used: discovery.kind is not static".to_owned());
    }
    if config.admin.enabled && !is_loopback(&config.admin.address) {
        warnings.push(
            "admin.address is not loopback: tokens are sent unencrypted, \
             so keep it within a network that you trust"
                .to_owned(),
        );
    }
}

fn hosts_apart(config: &Config) -> bool {
    let any = |host: &str| host == "0.0.0.0" || host == "::";
    let (grpc, metrics) = (&config.grpc.host, &config.metrics.host);
    grpc != metrics && !any(grpc) && !any(metrics)
}

fn has_admin_token(config: &Config) -> bool {
    !config.admin.read_token.is_empty() || !config.admin.operate_token.is_empty()
}

/// Whether only this machine reaches what listens at host:port.
pub(crate) fn is_loopback(address: &str) -> bool {
    let host = address.rsplit_once(':').map_or(address, |(host, _)| host);
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let ip = host.parse::<IpAddr>();
    host.eq_ignore_ascii_case("localhost") || ip.is_ok_and(|ip| ip.to_canonical().is_loopback())
}

/// Whether this instance's own entry would be taken for a Connect-Node.
fn registers_as_node(config: &Config) -> bool {
    let own = &config.registration.prefix;
    config
        .discovery
        .prefixes
        .iter()
        .any(|prefix| own.starts_with(prefix.as_str()))
}
