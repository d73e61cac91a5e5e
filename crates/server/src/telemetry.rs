//! Logs and traces of the process: set up once, by `main`.

mod traces;

use std::{collections::BTreeMap, io::IsTerminal, sync::Arc};

use push_manager_config::{Config, LogFormat};
use tracing_subscriber::{
    EnvFilter, Layer, Registry, filter::ParseError, layer::SubscriberExt, reload,
    util::SubscriberInitExt,
};

use self::traces::Traces;
pub use self::traces::TracesError;

/// Changes the level of the process's log; gives what is wrong with a level.
pub type SetLevel = Arc<dyn Fn(&str) -> Result<(), String> + Send + Sync>;

/// Why telemetry could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// The level is no filter.
    #[error("log.level {given:?} is not a level or filter")]
    Level {
        /// As configured.
        given: String,
        /// What is wrong with it.
        source: ParseError,
    },
    /// The exporter can't be made.
    #[error("traces can't be exported")]
    Traces(#[from] TracesError),
    /// Something else had set it up before.
    #[error("logging is set up already")]
    Twice,
    /// The level can't be changed any more.
    #[error("the log level can't be changed")]
    Gone(#[from] reload::Error),
}

/// Keeps the exporter; tells it and the log what changes.
pub struct Telemetry {
    level: reload::Handle<EnvFilter, Registry>,
    traces: Option<Traces>,
}

impl Telemetry {
    /// Sets logs up on standard error, and traces where an endpoint is known.
    /// Needs a tokio runtime.
    pub fn init(config: &Config, env: &BTreeMap<String, String>) -> Result<Self, TelemetryError> {
        let traces = Traces::start(config, env)?;
        let (filter, level) = reload::Layer::new(filter(&config.log.level)?);
        let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
        let lines = match config.log.format {
            LogFormat::Text => lines.with_ansi(std::io::stderr().is_terminal()).boxed(),
            LogFormat::Json => lines
                .json()
                .flatten_event(true)
                .with_span_list(false)
                .boxed(),
        };
        tracing_subscriber::registry()
            .with(lines.with_filter(filter))
            .with(traces.as_ref().map(Traces::layer))
            .try_init()
            .map_err(|_| TelemetryError::Twice)?;
        Ok(Self { level, traces })
    }

    /// Changes the log's level while running.
    pub fn level_setter(&self) -> SetLevel {
        let handle = self.level.clone();
        Arc::new(move |level| {
            let set = filter(level).and_then(|filter| Ok(handle.reload(filter)?));
            set.map_err(|error| with_cause(&error))
        })
    }

    /// Sends what is left of the traces. Waits for the collector, within its bound.
    pub async fn flush(self) {
        if let Some(traces) = self.traces {
            traces.shut_down().await;
        }
    }
}

impl std::fmt::Debug for Telemetry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Telemetry")
            .field("traces", &self.traces.is_some())
            .finish_non_exhaustive()
    }
}

/// Whether a level is one; gives what is wrong with it.
pub fn check_level(level: &str) -> Result<(), String> {
    filter(level).map(drop).map_err(|error| with_cause(&error))
}

fn with_cause(error: &dyn std::error::Error) -> String {
    match error.source() {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    }
}

fn filter(level: &str) -> Result<EnvFilter, TelemetryError> {
    EnvFilter::try_new(level).map_err(|source| TelemetryError::Level {
        given: level.to_owned(),
        source,
    })
}
