//! `run`: the operator itself.

use std::{net::SocketAddr, path::PathBuf};

use clap::{ArgAction, Args};
use kube::Client;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use super::{Failed, with_causes};
use crate::{
    operator::{self, Run},
    telemetry::{self, Telemetry},
};

/// Reconciles PushManagers until told to stop.
#[derive(Debug, Args)]
pub(super) struct RunOptions {
    /// The namespaces whose PushManagers are reconciled, comma-separated. [default: all]
    #[arg(long, env = "WATCH_NAMESPACES", value_delimiter = ',')]
    namespaces: Vec<String>,
    /// Where images of versions are: `spec.version` is a tag of it.
    #[arg(long, env = "IMAGE_REPOSITORY", default_value = "push-manager")]
    image_repository: String,
    /// PushManagers that are reconciled at a time.
    #[arg(long, env = "CONCURRENCY", default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=256))]
    concurrency: u16,
    /// Where /metrics, /healthz and /readyz are served.
    #[arg(long, env = "HTTP_ADDRESS", default_value = "0.0.0.0:8080")]
    http_address: SocketAddr,
    /// Whether several operators choose one among them, by a Lease.
    #[arg(long, env = "LEADER_ELECTION", default_value_t = true, action = ArgAction::Set)]
    leader_election: bool,
    /// The Lease's namespace. [default: the pod's, or the kubeconfig's]
    #[arg(long, env = "POD_NAMESPACE")]
    lease_namespace: Option<String>,
    /// This instance's name in the Lease, to which a random part is added.
    #[arg(long, env = "POD_NAME", default_value = "operator")]
    identity: String,
    /// Which lines are logged: off, error, warn, info, debug, trace, or a filter.
    #[arg(long, env = "LOG_LEVEL", default_value = "info")]
    log_level: String,
    /// A file whose content is the log level, read every 5 s: it may change while running.
    #[arg(long, env = "LOG_LEVEL_FILE")]
    log_level_file: Option<PathBuf>,
    /// Whether log lines are JSON.
    #[arg(long, env = "LOG_JSON", default_value_t = false, action = ArgAction::Set)]
    log_json: bool,
}

pub(super) fn run(options: RunOptions) -> Result<(), Failed> {
    // One provider for all of TLS.
    drop(rustls::crypto::ring::default_provider().install_default());
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| running(&error))?;
    runtime.block_on(Box::pin(start(options)))
}

async fn start(options: RunOptions) -> Result<(), Failed> {
    let telemetry =
        Telemetry::init(&options.log_level, options.log_json).map_err(|error| Failed {
            code: 2,
            text: with_causes(&error),
        })?;
    let mut config = kube::Config::infer()
        .await
        .map_err(|error| running(&error))?;
    // Each PushManager has its own backoff; a client that repeats by itself would hold its place.
    config.default_retry = false;
    let lease_namespace = options.lease_namespace.clone();
    let lease_namespace = lease_namespace.unwrap_or_else(|| config.default_namespace.clone());
    let client = Client::try_from(config).map_err(|error| running(&error))?;
    let run = Run {
        namespaces: options
            .namespaces
            .into_iter()
            .filter(|name| !name.is_empty())
            .collect(),
        image_repository: options.image_repository,
        concurrency: options.concurrency,
        http_address: Some(options.http_address),
        lease_namespace: options.leader_election.then_some(lease_namespace),
        identity: format!("{}-{:08x}", options.identity, rand::random::<u32>()),
    };
    let stop = stopped_by_signals().map_err(|error| running(&error))?;
    let set = telemetry.setter();
    let running_operator = operator::run(client, run, stop);
    let outcome = match &options.log_level_file {
        None => running_operator.await,
        Some(file) => tokio::select! {
            outcome = running_operator => outcome,
            () = telemetry::follow(file, set) => Ok(()),
        },
    };
    telemetry.flush().await;
    outcome.map_err(|error| running(&error))
}

fn stopped_by_signals() -> std::io::Result<CancellationToken> {
    let stop = CancellationToken::new();
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let token = stop.clone();
    #[allow(
        clippy::disallowed_methods,
        reason = "it lives as long as the process and holds nothing"
    )]
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tracing::info!("stopping");
        token.cancel();
    });
    Ok(stop)
}

fn running(error: &dyn std::error::Error) -> Failed {
    Failed {
        code: 1,
        text: with_causes(error),
    }
}
