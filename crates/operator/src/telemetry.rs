//! Logs and traces of the process: set up once, by `main`. A file may change the log's level
//! while the operator runs.

mod level_file;
mod traces;

use std::io::IsTerminal;

use tracing_subscriber::{
    EnvFilter, Layer, Registry, filter::ParseError, layer::SubscriberExt, reload,
    util::SubscriberInitExt,
};

pub use level_file::follow;
use traces::Traces;

/// Why telemetry could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// The level is no filter.
    #[error("log level {given:?} is no level (off, error, warn, info, debug, trace) or filter")]
    Level {
        /// As given.
        given: String,
        /// What is wrong with it.
        source: ParseError,
    },
    /// The exporter can't be made.
    #[error("traces can't be exported")]
    Traces(#[from] opentelemetry_otlp::ExporterBuildError),
    /// Something else had set it up before.
    #[error("logging is set up already")]
    Twice,
}

/// Keeps the exporter; changes the level.
pub struct Telemetry {
    level: reload::Handle<EnvFilter, Registry>,
    traces: Option<Traces>,
}

impl std::fmt::Debug for Telemetry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Telemetry").finish_non_exhaustive()
    }
}

impl Telemetry {
    /// Logs to standard error, as text or JSON; traces to where OTEL_EXPORTER_OTLP_ENDPOINT says.
    pub fn init(level: &str, json: bool) -> Result<Self, TelemetryError> {
        let traces = Traces::start()?;
        let (filter, handle) = reload::Layer::new(filter(level)?);
        let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
        let lines = if json {
            lines.json().flatten_event(true).boxed()
        } else {
            lines.with_ansi(std::io::stderr().is_terminal()).boxed()
        };
        tracing_subscriber::registry()
            .with(lines.with_filter(filter))
            .with(traces.as_ref().map(Traces::layer))
            .try_init()
            .map_err(|_| TelemetryError::Twice)?;
        Ok(Self {
            level: handle,
            traces,
        })
    }

    /// Changes the log's level.
    pub fn setter(&self) -> impl Fn(&str) -> Result<(), String> + Send + use<> {
        let handle = self.level.clone();
        move |level| {
            let filter = filter(level).map_err(|error| error.to_string())?;
            handle.reload(filter).map_err(|error| error.to_string())
        }
    }

    /// Sends what is left of the traces, in bounded time.
    pub async fn flush(self) {
        if let Some(traces) = self.traces {
            traces.shut_down().await;
        }
    }
}

fn filter(level: &str) -> Result<EnvFilter, TelemetryError> {
    EnvFilter::try_new(level).map_err(|source| TelemetryError::Level {
        given: level.to_owned(),
        source,
    })
}
