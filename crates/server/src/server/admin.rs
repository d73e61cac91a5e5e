//! The admin API's own server: it outlives the push API by a little, so that a
//! console can watch the drain, and never delays the end.

use std::{io::ErrorKind, time::Duration};

use push_manager_config::Config;
use push_manager_proto::{ADMIN_DESCRIPTORS, admin::admin_service_server::SERVICE_NAME};
use tokio::net::TcpListener;
use tokio_util::task::TaskTracker;
use tonic_health::ServingStatus;
use tracing::{debug, warn};

use super::{StartError, Stops};
use crate::{
    admin::{Admin, Door, Facts, Hub, Tokens},
    caller::Callers,
};

const KNOB: &str = "admin.address";
/// Dead consoles free their places within these two.
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(10);
const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a caller may say nothing at all.
const SILENCE: Duration = Duration::from_secs(20);
/// Calls open at once on one console's connection.
const MOST_CALLS: u32 = 64;
/// Consoles have so long to take the goodbye.
const GOODBYE_WITHIN: Duration = Duration::from_millis(500);

/// The listener, where the admin API is wanted. The usual address gives way when
/// it is taken: a second replica on one host need not be told where to go.
pub(super) async fn bind(config: &Config) -> Result<Option<TcpListener>, StartError> {
    if !config.admin.enabled {
        return Ok(None);
    }
    let address = &config.admin.address;
    let source = match TcpListener::bind(address).await {
        Ok(listener) => return Ok(Some(listener)),
        Err(source) => source,
    };
    let usual = *address == Config::default().admin.address;
    if usual && source.kind() == ErrorKind::AddrInUse {
        warn!(
            address,
            "the admin API's usual address is taken: a free port is used ({KNOB})"
        );
        let host = address
            .rsplit_once(':')
            .map_or("127.0.0.1", |(host, _)| host);
        return super::bind(host, 0, KNOB).await.map(Some);
    }
    Err(StartError::Bind {
        address: address.clone(),
        knob: KNOB,
        source,
    })
}

/// Serves until the rest ends.
pub(super) fn serve(
    listener: TcpListener,
    facts: Facts,
    hub: Hub,
    tasks: &TaskTracker,
    stops: &Stops,
) -> Result<(), StartError> {
    let (mut health, health_service) = tonic_health::server::health_reporter();
    let tokens = Tokens::of(&facts.config);
    tasks.spawn(hub.clone().run(stops.rest.clone()));
    let admin = Admin::new(facts, hub, tasks.clone(), stops.rest.clone());
    let router = tonic::transport::Server::builder()
        .max_concurrent_streams(MOST_CALLS)
        .http2_keepalive_interval(Some(KEEPALIVE_INTERVAL))
        .http2_keepalive_timeout(Some(KEEPALIVE_TIMEOUT))
        .add_service(reflection().build_v1()?)
        .add_service(reflection().build_v1alpha()?)
        .add_service(health_service)
        .add_service(Door::new(admin, tokens));
    let callers = Callers::new(listener, SILENCE);
    let incoming = futures::stream::unfold(callers, async |callers| {
        let (caller, _) = callers.next().await;
        Some((Ok::<_, std::io::Error>(caller), callers))
    });
    let stop = stops.rest.clone();
    let serving = router.serve_with_incoming_shutdown(incoming, stop.clone().cancelled_owned());
    tasks.spawn(async move {
        for service in ["", SERVICE_NAME] {
            health
                .set_service_status(service, ServingStatus::Serving)
                .await;
        }
        let ended = async {
            stop.cancelled().await;
            // Ends the streams of those who watch the health.
            for service in ["", SERVICE_NAME] {
                health.clear_service_status(service).await;
            }
            tokio::time::sleep(GOODBYE_WITHIN).await;
        };
        tokio::select! {
            served = serving => if let Err(error) = served {
                warn!(%error, "the admin API ended");
            },
            () = ended => debug!("a console did not take its goodbye in time"),
        }
    });
    Ok(())
}

fn reflection() -> tonic_reflection::server::Builder<'static> {
    tonic_reflection::server::Builder::configure()
        .register_encoded_file_descriptor_set(ADMIN_DESCRIPTORS)
        .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
        .with_service_name(SERVICE_NAME)
        .with_service_name("grpc.health.v1.Health")
        .with_service_name("grpc.reflection.v1.ServerReflection")
        .with_service_name("grpc.reflection.v1alpha.ServerReflection")
}
