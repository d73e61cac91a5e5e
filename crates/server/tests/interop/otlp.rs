//! A collector that keeps the spans it is sent.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use opentelemetry_proto::tonic::{
    collector::trace::v1::{
        ExportTraceServiceRequest, ExportTraceServiceResponse,
        trace_service_server::{TraceService, TraceServiceServer},
    },
    common::v1::any_value::Value,
    trace::v1::ResourceSpans,
};
use tokio::net::TcpListener;
use tonic::{Request, Response, Status, transport::server::TcpIncoming};

/// One span, as far as tests look at it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    pub service: String,
    pub name: String,
    pub trace: String,
    pub id: String,
    pub parent: String,
}

/// A collector on a free port.
#[derive(Clone, Default)]
pub struct Collector {
    spans: Arc<Mutex<Vec<Seen>>>,
}

impl Collector {
    pub async fn start() -> (Self, SocketAddr) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let collector = Self::default();
        let service = TraceServiceServer::new(collector.clone());
        let server = tonic::transport::Server::builder().add_service(service);
        tokio::spawn(server.serve_with_incoming(TcpIncoming::from(listener)));
        (collector, address)
    }

    /// The spans of one trace, so far.
    pub fn trace(&self, id: &str) -> Vec<Seen> {
        let spans = self.spans.lock().unwrap();
        spans
            .iter()
            .filter(|span| span.trace == id)
            .cloned()
            .collect()
    }
}

#[tonic::async_trait]
impl TraceService for Collector {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        let mut spans = self.spans.lock().unwrap();
        for resource in request.into_inner().resource_spans {
            let service = service_of(&resource);
            for span in resource.scope_spans.into_iter().flat_map(|s| s.spans) {
                spans.push(Seen {
                    service: service.clone(),
                    name: span.name,
                    trace: hex(&span.trace_id),
                    id: hex(&span.span_id),
                    parent: hex(&span.parent_span_id),
                });
            }
        }
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}

fn service_of(spans: &ResourceSpans) -> String {
    let attributes = spans.resource.iter().flat_map(|r| &r.attributes);
    let named = attributes
        .filter(|pair| pair.key == "service.name")
        .find_map(|pair| pair.value.as_ref()?.value.as_ref());
    match named {
        Some(Value::StringValue(name)) => name.clone(),
        _ => String::new(),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
