//! Joins a gRPC call to the caller's trace by the W3C `traceparent` in its metadata.
//!
//! Without an exporter (see [`crate::telemetry`]) the spans are plain `tracing` spans.

use opentelemetry::propagation::{Extractor, TextMapPropagator};
use opentelemetry_sdk::propagation::TraceContextPropagator;
use tonic::metadata::{KeyRef, MetadataMap};
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;

/// Opens the span of a call to `method`, as a child of the caller's when it named one.
pub(crate) fn server_span(service: &'static str, method: &'static str, from: &MetadataMap) -> Span {
    let span = tracing::info_span!(
        "grpc",
        otel.name = format_args!("{service}/{method}"),
        otel.kind = "server",
        rpc.system = "grpc",
        rpc.service = service,
        rpc.method = method,
    );
    if !span.is_disabled() && from.contains_key("traceparent") {
        let parent = TraceContextPropagator::new().extract(&Metadata(from));
        // Fails only without an exporter, and then there is no trace to join.
        span.set_parent(parent).ok();
    }
    span
}

struct Metadata<'a>(&'a MetadataMap);

impl Extractor for Metadata<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key)?.to_str().ok()
    }

    fn keys(&self) -> Vec<&str> {
        let plain = self.0.keys().filter_map(|key| match key {
            KeyRef::Ascii(key) => Some(key.as_str()),
            KeyRef::Binary(_) => None,
        });
        plain.collect()
    }
}
