//! Traces over OTLP/gRPC, where the environment names a collector.

use std::time::Duration;

use opentelemetry::trace::TracerProvider;
use opentelemetry_otlp::{ExporterBuildError, SpanExporter};
use opentelemetry_sdk::{Resource, trace::SdkTracerProvider};
use tracing::{Subscriber, level_filters::LevelFilter};
use tracing_subscriber::{Layer, filter::Targets, registry::LookupSpan};

use crate::names::OPERATOR;

/// Longest wait for the collector at the end.
const FLUSH_WITHIN: Duration = Duration::from_secs(3);

pub(super) struct Traces(SdkTracerProvider);

impl Traces {
    /// The OTEL_* variables have their standard meaning.
    pub(super) fn start() -> Result<Option<Self>, ExporterBuildError> {
        let given = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let somewhere =
            given("OTEL_EXPORTER_OTLP_ENDPOINT") || given("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT");
        if !somewhere || std::env::var("OTEL_SDK_DISABLED").is_ok_and(|value| value == "true") {
            return Ok(None);
        }
        let exporter = SpanExporter::builder().with_tonic().build()?;
        let resource = Resource::builder();
        let resource = if given("OTEL_SERVICE_NAME") {
            resource
        } else {
            resource.with_service_name(OPERATOR)
        };
        let provider = SdkTracerProvider::builder()
            .with_batch_exporter(exporter)
            .with_resource(resource.build());
        Ok(Some(Self(provider.build())))
    }

    /// Turns our spans, and no library's, into the exporter's.
    pub(super) fn layer<S>(&self) -> impl Layer<S> + use<S>
    where
        S: Subscriber + for<'span> LookupSpan<'span>,
    {
        let ours = Targets::new().with_target("push_manager_operator", LevelFilter::INFO);
        tracing_opentelemetry::layer()
            .with_tracer(self.0.tracer(OPERATOR))
            .with_filter(ours)
    }

    pub(super) async fn shut_down(self) {
        let provider = self.0;
        let flushed = tokio::task::spawn_blocking(move || provider.shutdown());
        if tokio::time::timeout(FLUSH_WITHIN, flushed).await.is_err() {
            tracing::warn!("the last traces were not sent in time");
        }
    }
}
