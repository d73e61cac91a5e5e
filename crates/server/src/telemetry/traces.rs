//! Traces over OTLP/gRPC. OTEL_* variables keep their standard meaning and win
//! over the configuration.

use std::{collections::BTreeMap, time::Duration};

use opentelemetry::{global, trace::TracerProvider};
use opentelemetry_otlp::{ExporterBuildError, SpanExporter, WithExportConfig};
use opentelemetry_sdk::{
    Resource,
    propagation::TraceContextPropagator,
    trace::{Sampler, SdkTracerProvider},
};
use push_manager_config::Config;
use tracing::{Subscriber, level_filters::LevelFilter, warn};
use tracing_subscriber::{Layer, filter::Targets, registry::LookupSpan};

/// Longest wait for the collector at the end.
const FLUSH_WITHIN: Duration = Duration::from_secs(3);

/// Why no exporter can be made.
#[derive(Debug, thiserror::Error)]
#[error("the OTLP exporter can't be made")]
pub struct TracesError(#[from] ExporterBuildError);

/// The exporter's pipeline.
pub(super) struct Traces(SdkTracerProvider);

impl Traces {
    /// Starts it where an endpoint is configured or in the environment.
    pub(super) fn start(
        config: &Config,
        env: &BTreeMap<String, String>,
    ) -> Result<Option<Self>, TracesError> {
        global::set_text_map_propagator(TraceContextPropagator::new());
        let given = |name: &str| env.get(name).is_some_and(|value| !value.is_empty());
        let disabled = env
            .get("OTEL_SDK_DISABLED")
            .is_some_and(|value| value == "true");
        let endpoint_given =
            given("OTEL_EXPORTER_OTLP_ENDPOINT") || given("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT");
        if disabled || (config.tracing.endpoint.is_empty() && !endpoint_given) {
            return Ok(None);
        }
        let exporter = SpanExporter::builder().with_tonic();
        let exporter = if endpoint_given {
            exporter.build()?
        } else {
            exporter
                .with_endpoint(config.tracing.endpoint.as_str())
                .build()?
        };
        let resource = Resource::builder();
        let resource = if given("OTEL_SERVICE_NAME") {
            resource
        } else {
            resource.with_service_name(config.tracing.service_name.clone())
        };
        let provider = SdkTracerProvider::builder()
            .with_batch_exporter(exporter)
            .with_resource(resource.build());
        let provider = if given("OTEL_TRACES_SAMPLER") {
            provider
        } else {
            let ratio = Sampler::TraceIdRatioBased(config.tracing.sample_ratio);
            provider.with_sampler(Sampler::ParentBased(Box::new(ratio)))
        };
        Ok(Some(Self(provider.build())))
    }

    /// Turns this product's spans, and no library's, into the exporter's.
    pub(super) fn layer<S>(&self) -> impl Layer<S> + use<S>
    where
        S: Subscriber + for<'span> LookupSpan<'span>,
    {
        let ours = Targets::new().with_target("push_manager", LevelFilter::INFO);
        let tracer = self.0.tracer("push-manager");
        tracing_opentelemetry::layer()
            .with_tracer(tracer)
            .with_location(false)
            .with_threads(false)
            .with_filter(ours)
    }

    pub(super) async fn shut_down(self) {
        // The exporter blocks its caller, and needs the runtime to run meanwhile.
        let flushed =
            tokio::task::spawn_blocking(move || self.0.shutdown_with_timeout(FLUSH_WITHIN));
        match flushed.await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => warn!(error = %error, "the last traces may be lost"),
            Err(error) => warn!(error = %error, "the last traces may be lost"),
        }
    }
}
