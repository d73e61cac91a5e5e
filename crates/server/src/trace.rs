//! W3C trace context: taken from a caller, passed on to nodes and the Controller.
//!
//! With an exporter the current span is the parent that peers see; without one
//! the caller's own headers are passed on as they came.

use opentelemetry::{
    global,
    propagation::{Extractor, Injector},
    trace::TraceContextExt,
};
use tonic::metadata::{Ascii, KeyRef, MetadataKey, MetadataMap, MetadataValue};
use tracing_opentelemetry::OpenTelemetrySpanExt;

const HEADERS: [&str; 2] = ["traceparent", "tracestate"];

/// The caller's `traceparent` and `tracestate`, unread.
#[derive(Clone, Debug, Default)]
pub struct TraceContext([Option<MetadataValue<Ascii>>; 2]);

impl TraceContext {
    /// What the caller sent.
    pub fn of_caller(metadata: &MetadataMap) -> Self {
        Self(HEADERS.map(|name| metadata.get(name).cloned()))
    }

    /// Puts the current span's context, or else the caller's, on an outgoing call.
    pub fn inject(&self, metadata: &mut MetadataMap) {
        let context = tracing::Span::current().context();
        if context.span().span_context().is_valid() {
            global::get_text_map_propagator(|propagator| {
                propagator.inject_context(&context, &mut Outgoing(metadata));
            });
            return;
        }
        for (name, value) in HEADERS.into_iter().zip(&self.0) {
            if let Some(value) = value {
                metadata.insert(name, value.clone());
            }
        }
    }
}

/// Makes the caller's span the parent of `span`, where an exporter is set.
pub fn adopt_caller(span: &tracing::Span, metadata: &MetadataMap) {
    let parent =
        global::get_text_map_propagator(|propagator| propagator.extract(&Incoming(metadata)));
    if parent.span().span_context().is_valid() {
        // Without an exporter there is nothing to attach to, which is fine.
        drop(span.set_parent(parent));
    }
}

struct Incoming<'a>(&'a MetadataMap);

impl Extractor for Incoming<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key)?.to_str().ok()
    }

    fn keys(&self) -> Vec<&str> {
        self.0
            .keys()
            .filter_map(|key| match key {
                KeyRef::Ascii(key) => Some(key.as_str()),
                KeyRef::Binary(_) => None,
            })
            .collect()
    }
}

struct Outgoing<'a>(&'a mut MetadataMap);

impl Injector for Outgoing<'_> {
    fn set(&mut self, key: &str, value: String) {
        if let (Ok(key), Ok(value)) = (key.parse::<MetadataKey<Ascii>>(), value.parse()) {
            self.0.insert(key, value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_an_exporter_the_callers_own_context_is_passed_on() {
        let parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        let mut caller = MetadataMap::new();
        caller.insert("traceparent", parent.parse().unwrap());
        caller.insert("tracestate", "vendor=value".parse().unwrap());
        caller.insert("authorization", "not for others".parse().unwrap());
        let mut outgoing = MetadataMap::new();
        TraceContext::of_caller(&caller).inject(&mut outgoing);
        assert_eq!(outgoing.get("traceparent").unwrap(), parent);
        assert_eq!(outgoing.get("tracestate").unwrap(), "vendor=value");
        assert_eq!(outgoing.len(), 2, "and nothing else");
    }
}
