//! `nodes`: the Connect-Nodes that etcd knows.

use std::process::ExitCode;

use clap::Args;
use serde_json::json;

use super::{ConfigOptions, Failed, runtime, with_causes};
use crate::{
    discovery::{Registration, etcd},
    settings,
};

#[derive(Debug, Args)]
pub(super) struct NodesOptions {
    /// Print JSON instead of a table.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(options: &ConfigOptions, nodes: &NodesOptions) -> Result<ExitCode, Failed> {
    let (_, loaded) = options.load()?;
    let settings = settings::etcd(&loaded.config);
    let listing = runtime()?
        .block_on(etcd::list_once(&settings))
        .map_err(|error| unreachable(&settings.access.endpoints, &error))?;
    if nodes.json {
        let found: Vec<_> = listing.registrations.iter().map(as_json).collect();
        let skipped = listing.skipped.iter().map(|skipped| {
            json!({"key": skipped.key, "revision": skipped.revision,
                   "reason": skipped.reason.as_label()})
        });
        let skipped: Vec<_> = skipped.collect();
        say!(
            "{}",
            json!({"revision": listing.revision, "nodes": found, "skipped": skipped})
        );
        return Ok(ExitCode::SUCCESS);
    }
    say!("{:<24} {:<24} KEY", "NODE", "ADDRESS");
    for found in &listing.registrations {
        say!("{:<24} {:<24} {}", name(found), found.address, found.key);
    }
    for skipped in &listing.skipped {
        say!("skipped {}: {}", skipped.key, skipped.reason);
    }
    if listing.registrations.is_empty() {
        let prefixes = settings.prefixes.join(", ");
        say!("no Connect-Node is registered under {prefixes}");
    }
    Ok(ExitCode::SUCCESS)
}

fn unreachable(endpoints: &[String], error: &etcd::EtcdError) -> Failed {
    let text = format!("etcd at {}: {}", endpoints.join(","), with_causes(error));
    Failed { code: 1, text }
}

fn name(found: &Registration) -> &str {
    found
        .node_id
        .as_ref()
        .map_or(&found.segment, |id| id.as_str())
}

fn as_json(found: &Registration) -> serde_json::Value {
    json!({
        "node_id": name(found),
        "address": found.address.to_string(),
        "key": found.key,
        "instance": found.instance,
        "revision": found.revision,
    })
}
