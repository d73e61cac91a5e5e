//! Logs, traces and signals of the two programs; a program that embeds the peers brings its own.
//!
//! Spans go out over OTLP/gRPC when `OTEL_EXPORTER_OTLP_ENDPOINT` is set; the other `OTEL_*`
//! variables keep their standard meaning.

use std::{fmt, io::IsTerminal};

use opentelemetry::trace::TracerProvider;
use opentelemetry_sdk::{Resource, trace::SdkTracerProvider};
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::{
    EnvFilter, Layer, filter::LevelFilter, layer::SubscriberExt, util::SubscriberInitExt,
};

/// Set by the standard's wording to where spans go.
const ENDPOINT: [&str; 2] = [
    "OTEL_EXPORTER_OTLP_ENDPOINT",
    "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
];
/// The standard's variable for the service's name.
const SERVICE_NAME: &str = "OTEL_SERVICE_NAME";

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// Why logs or traces could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// The level or filter can't be read.
    #[error("log level {given:?} is not usable; expected info, debug or target=level,…")]
    Level {
        /// What was given.
        given: String,
        /// Why not.
        source: tracing_subscriber::filter::ParseError,
    },
    /// The exporter for spans can't be made.
    #[error("cannot export spans")]
    Exporter(#[from] opentelemetry_otlp::ExporterBuildError),
    /// Something else has set up logs already.
    #[error("logs are set up already")]
    Twice(#[from] tracing_subscriber::util::TryInitError),
}

/// Keeps the exporter of spans; [`Telemetry::finish`] sends the last ones.
pub struct Telemetry {
    provider: Option<SdkTracerProvider>,
}

impl fmt::Debug for Telemetry {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let exports = self.provider.is_some();
        formatter
            .debug_struct("Telemetry")
            .field("exports", &exports)
            .finish()
    }
}

impl Telemetry {
    /// Sets up logs to stderr and, when an endpoint is set, traces named after `service`.
    pub fn start(level: &str, format: LogFormat, service: &str) -> Result<Self, TelemetryError> {
        let filter = EnvFilter::try_new(level).map_err(|source| TelemetryError::Level {
            given: level.to_owned(),
            source,
        })?;
        let log = tracing_subscriber::fmt::layer()
            .with_writer(std::io::stderr)
            .with_ansi(std::io::stderr().is_terminal());
        let log = match format {
            LogFormat::Text => log.boxed(),
            LogFormat::Json => log.json().flatten_event(true).boxed(),
        };
        let provider = provider(service)?;
        let traces = provider.as_ref().map(|provider| {
            let tracer = provider.tracer("push-manager-reference");
            // Log levels say nothing about spans, and the exporter's own client must not trace itself.
            let own = tracing_subscriber::filter::Targets::new()
                .with_target("push_manager_reference", LevelFilter::INFO);
            tracing_opentelemetry::layer()
                .with_tracer(tracer)
                .with_filter(own)
        });
        tracing_subscriber::registry()
            .with(log.with_filter(filter))
            .with(traces)
            .try_init()?;
        Ok(Self { provider })
    }

    /// Sends what is left.
    pub async fn finish(self) {
        let Some(provider) = self.provider else {
            return;
        };
        // The exporter's thread needs this runtime to send, so waiting must not block it.
        let done = tokio::task::spawn_blocking(move || provider.shutdown()).await;
        if let Ok(Err(error)) = done {
            tracing::warn!(%error, "the last spans were not sent");
        }
    }
}

/// Listens for SIGTERM and SIGINT from now on; the future says which one came.
pub fn stop_signal() -> std::io::Result<impl Future<Output = &'static str>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => "SIGTERM",
            _ = interrupt.recv() => "SIGINT",
        }
    })
}

fn provider(service: &str) -> Result<Option<SdkTracerProvider>, TelemetryError> {
    let is_set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    if !ENDPOINT.iter().any(|name| is_set(name)) {
        return Ok(None);
    }
    let mut resource = Resource::builder();
    if !is_set(SERVICE_NAME) {
        resource = resource.with_service_name(service.to_owned());
    }
    let exporter = opentelemetry_otlp::SpanExporter::builder()
        .with_tonic()
        .build()?;
    let provider = SdkTracerProvider::builder()
        .with_resource(resource.build())
        .with_batch_exporter(exporter);
    Ok(Some(provider.build()))
}
