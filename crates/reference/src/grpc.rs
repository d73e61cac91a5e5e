//! Serves one gRPC service with health and reflection, and drains it within a bound.

use std::{convert::Infallible, time::Duration};

use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tonic::{body::Body, codegen::Service, server::NamedService, transport::Server};
use tonic_health::server::HealthReporter;

use crate::{StartError, life::Life, listener::Listener};

/// How often an idle caller is asked for a sign of life, and how long it has to give one.
const KEEPALIVE: (Duration, Duration) = (Duration::from_secs(30), Duration::from_secs(10));
/// Calls at a time on one connection.
const MAX_STREAMS: u32 = 1_024;

/// A running gRPC server.
#[derive(Debug)]
pub(crate) struct GrpcServer {
    drain: CancellationToken,
    health: HealthReporter,
    done: JoinHandle<()>,
}

impl GrpcServer {
    /// Starts serving `service` on `listener`.
    pub(crate) async fn start<S>(
        listener: Listener,
        service: S,
        life: &Life,
    ) -> Result<Self, StartError>
    where
        S: Service<http::Request<Body>, Response = http::Response<Body>, Error = Infallible>,
        S: NamedService + Clone + Send + Sync + 'static,
        S::Future: Send + 'static,
    {
        let (health, health_service) = tonic_health::server::health_reporter();
        health.set_serving::<S>().await;
        let router = Server::builder()
            // Pushes whose deadline passed while this process stood still are no attack: h2's
            // default of 20 would close the connection on all others.
            .http2_max_pending_accept_reset_streams(Some(MAX_STREAMS as usize))
            .http2_keepalive_interval(Some(KEEPALIVE.0))
            .http2_keepalive_timeout(Some(KEEPALIVE.1))
            .max_concurrent_streams(MAX_STREAMS)
            .add_service(health_service)
            .add_service(reflection::<S>().build_v1()?)
            .add_service(reflection::<S>().build_v1alpha()?)
            .add_service(service);
        let drain = CancellationToken::new();
        let stop = drain.clone().cancelled_owned();
        let done = life.spawn(async move {
            let incoming = listener.into_stream();
            if let Err(error) = router.serve_with_incoming_shutdown(incoming, stop).await {
                tracing::error!(%error, "gRPC server failed");
            }
        });
        Ok(Self {
            drain,
            health,
            done,
        })
    }

    /// Stops accepting, lets running calls finish for at most `bound`.
    pub(crate) async fn drain<S: NamedService>(&mut self, bound: Duration) {
        self.health.set_not_serving::<S>().await;
        self.drain.cancel();
        if tokio::time::timeout(bound, &mut self.done).await.is_err() {
            tracing::warn!(?bound, "gRPC calls outlived the drain");
        }
    }
}

fn reflection<S: NamedService>() -> tonic_reflection::server::Builder<'static> {
    tonic_reflection::server::Builder::configure()
        .register_encoded_file_descriptor_set(push_manager_proto::DESCRIPTORS)
        .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
        .with_service_name(S::NAME)
        .with_service_name("grpc.health.v1.Health")
}
