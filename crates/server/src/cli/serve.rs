//! `serve`: the server until a signal, then the drain.

use std::process::ExitCode;

use tokio::signal::unix::{SignalKind, signal};
use tracing::{info, warn};

use super::{ConfigOptions, Failed, reload, runtime};
use crate::{server::Server, telemetry::Telemetry, tuning::Tuning};

pub(super) fn run(options: &ConfigOptions) -> Result<ExitCode, Failed> {
    let (sources, loaded) = options.load()?;
    runtime()?.block_on(Box::pin(async {
        let config = loaded.config;
        let telemetry = Telemetry::init(&config, &sources.env).map_err(|e| Failed::running(&e))?;
        let file = options.config_file();
        let tuning = Tuning::new(&config, Some(telemetry.level_setter()));
        let server = Server::start_tuned(&config, None, tuning.clone())
            .await
            .map_err(|e| Failed::running(&e))?;
        let events = server.events().clone();
        let watching = reload::watch(file.as_deref(), sources, config, &tuning, &events);
        tokio::select! {
            stop = stop_signal() => stop?,
            () = watching => {}
        }
        server.drain().await;
        telemetry.flush().await;
        Ok(ExitCode::SUCCESS)
    }))
}

/// Waits for SIGTERM or SIGINT; a second one ends the process at once.
pub(super) async fn stop_signal() -> Result<(), Failed> {
    let listen = |kind| signal(kind).map_err(|error| Failed::running(&error));
    let (mut terminate, mut interrupt) = (
        listen(SignalKind::terminate())?,
        listen(SignalKind::interrupt())?,
    );
    tokio::select! {
        _ = terminate.recv() => info!("SIGTERM"),
        _ = interrupt.recv() => info!("SIGINT"),
    }
    let again = async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        warn!("second signal: ending at once");
        std::process::exit(1);
    };
    #[allow(
        clippy::disallowed_methods,
        reason = "it ends the process, or goes with it"
    )]
    drop(tokio::spawn(again));
    Ok(())
}
