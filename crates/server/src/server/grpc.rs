//! The push API's gRPC server: services, limits, health.

use std::{sync::Arc, time::Duration};

use push_manager_config::{Config, Limits};
use push_manager_proto::{
    DESCRIPTORS,
    pubsub::push_manager_service_server::{PushManagerServiceServer, SERVICE_NAME},
};
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_util::task::TaskTracker;
use tonic_health::{ServingStatus, server::HealthReporter};

use super::{StartError, Stops};
use crate::{
    api::{CountAnswers, PushApi},
    caller::Callers,
    metrics::Metrics,
    readiness::{Readiness, State},
};

/// Beyond the answer's own time: how long a request may take to arrive.
const READ_WITHIN: Duration = Duration::from_secs(5);

/// What a caller's sign of life may take beyond keepalive's own times.
const SILENCE_MARGIN: Duration = Duration::from_secs(5);

/// Serves until the goodbye, then until the last connection ends.
pub(super) fn serve(
    config: &Config,
    listener: TcpListener,
    api: PushApi,
    metrics: &Arc<Metrics>,
    readiness: &Readiness,
    tasks: &TaskTracker,
    stops: &Stops,
) -> Result<JoinHandle<Result<(), tonic::transport::Error>>, StartError> {
    let (health, health_service) = tonic_health::server::health_reporter();
    tasks.spawn(tell_health(health, readiness.clone(), stops.clone()));
    let limits = &config.limits;
    let streams = u32::try_from(limits.concurrent_streams).unwrap_or(u32::MAX);
    let push = PushManagerServiceServer::new(api).max_decoding_message_size(limits.max_message);
    let router = aging(limits)
        .timeout(limits.request_timeout + READ_WITHIN)
        .max_concurrent_streams(streams)
        // Callers who give up while this process stands still are no attack: h2's default of 20
        // would close the connection on those who still wait.
        .http2_max_pending_accept_reset_streams(Some(limits.concurrent_streams))
        .http2_keepalive_interval(Some(limits.keepalive_interval))
        .http2_keepalive_timeout(Some(limits.keepalive_timeout))
        .layer(CountAnswers::new(metrics.clone(), limits.max_message))
        .add_service(reflection().build_v1()?)
        .add_service(reflection().build_v1alpha()?)
        .add_service(health_service)
        .add_service(push);
    let callers = Callers::new(listener, silence(config));
    let incoming = futures::stream::unfold(callers, async |callers| {
        let (caller, _) = callers.next().await;
        Some((Ok::<_, std::io::Error>(caller), callers))
    });
    let goodbye = stops.goodbye.clone();
    Ok(tasks.spawn(router.serve_with_incoming_shutdown(incoming, goodbye.cancelled_owned())))
}

/// A server whose connections end when they are old, once what is open on them is answered.
fn aging(limits: &Limits) -> tonic::transport::Server {
    let server = tonic::transport::Server::builder();
    if limits.connection_age.is_zero() {
        return server;
    }
    // No grace besides: with one, tonic says no goodbye and cuts off what is under way at its end.
    server.max_connection_age(limits.connection_age)
}

/// How long a caller may be silent: longer than keepalive lets a live one be.
pub(super) fn silence(config: &Config) -> Duration {
    config.limits.keepalive_interval + config.limits.keepalive_timeout + SILENCE_MARGIN
}

fn reflection() -> tonic_reflection::server::Builder<'static> {
    tonic_reflection::server::Builder::configure()
        .register_encoded_file_descriptor_set(DESCRIPTORS)
        .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
        .register_encoded_file_descriptor_set(tonic_types::pb::FILE_DESCRIPTOR_SET)
        // The descriptors hold peers' services too: only what is served here is named.
        .with_service_name(SERVICE_NAME)
        .with_service_name("grpc.health.v1.Health")
        .with_service_name("grpc.reflection.v1.ServerReflection")
        .with_service_name("grpc.reflection.v1alpha.ServerReflection")
}

/// Keeps the health service in step with the readiness latch.
async fn tell_health(health: HealthReporter, readiness: Readiness, stops: Stops) {
    let mut states = readiness.watch();
    loop {
        let status = match *states.borrow_and_update() {
            State::Ready => ServingStatus::Serving,
            State::Waiting(_) | State::Draining => ServingStatus::NotServing,
        };
        for service in ["", SERVICE_NAME] {
            health.set_service_status(service, status).await;
        }
        if stops
            .goodbye
            .run_until_cancelled(states.changed())
            .await
            .is_none()
        {
            break;
        }
    }
    // Ends the streams of those who watch the health, which would hold their
    // connections open.
    let mut health = health;
    for service in ["", SERVICE_NAME] {
        health.clear_service_status(service).await;
    }
}
