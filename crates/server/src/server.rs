//! The only wiring: binds, starts every part, and ends them in order.

mod admin;
mod drain;
mod grpc;

use std::{collections::BTreeMap, net::SocketAddr, sync::Arc, time::Duration};

use push_manager_config::{Config, DiscoveryKind};
use serde_json::json;
use tokio::{net::TcpListener, runtime::Handle, sync::mpsc, task::JoinHandle};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::{info, warn};

pub use self::drain::Drained;
use crate::{
    admin::{Facts, Hub},
    advertise,
    api::PushApi,
    caller::Callers,
    clock::Epoch,
    delivery::{Delivery, FailureLog},
    discovery::{
        self, Event,
        memory::{self, MemoryNodes},
        static_list::{self, StaticListError, StaticNodes},
    },
    events::EventLog,
    ids::{InstanceId, PushIds},
    locate::{Controller, Locator},
    metrics::Metrics,
    pipeline::{FailedPushes, Parts, Pipeline},
    pool::Pool,
    probes,
    readiness::{Readiness, State},
    registration::{self, RegistrationSettings},
    settings,
    tuning::Tuning,
};

/// Events of discovery that may wait for the pool.
const DISCOVERY_QUEUE: usize = 1024;

/// Why the server could not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A port is taken or not ours to take.
    #[error("can't listen on {address} ({knob})")]
    Bind {
        /// What was asked for.
        address: String,
        /// The knob to change.
        knob: &'static str,
        /// The system's word.
        source: std::io::Error,
    },
    /// The list of static nodes is malformed.
    #[error("discovery.nodes")]
    Nodes(#[from] StaticListError),
    /// The Controller's address is malformed.
    #[error("controller.address {given:?} is no host:port")]
    Controller {
        /// As configured.
        given: String,
        /// What is wrong with it.
        source: tonic::transport::Error,
    },
    /// The metrics can't be registered.
    #[error("metrics")]
    Metrics(#[from] prometheus::Error),
    /// The reflection service can't be made.
    #[error("reflection")]
    Reflection(#[from] tonic_reflection::server::Error),
}

/// A running instance. Dropping it stops it at once; [`Server::drain`] ends it in order.
#[derive(Debug)]
pub struct Server {
    grpc_addr: SocketAddr,
    metrics_addr: SocketAddr,
    admin_addr: Option<SocketAddr>,
    hub: Hub,
    tuning: Tuning,
    readiness: Readiness,
    pool: Pool,
    metrics: Arc<Metrics>,
    events: EventLog,
    drain_notice: Duration,
    drain_timeout: Duration,
    stops: Stops,
    pushes: TaskTracker,
    tasks: TaskTracker,
    serving: JoinHandle<Result<(), tonic::transport::Error>>,
}

/// What ends which part, in the order of the drain.
#[derive(Clone, Debug, Default)]
struct Stops {
    /// Takes our key out of etcd.
    withdraw: CancellationToken,
    /// Sends the goodbye to callers.
    goodbye: CancellationToken,
    /// Ends what still runs at the drain's deadline.
    cut: CancellationToken,
    /// Ends everything else; the lease is revoked.
    rest: CancellationToken,
}

impl Server {
    /// Binds, then starts. With `memory` its nodes are used instead of the
    /// configured discovery. The log is left to whoever set it up.
    pub async fn start(config: &Config, memory: Option<MemoryNodes>) -> Result<Self, StartError> {
        Self::start_tuned(config, memory, Tuning::new(config, None)).await
    }

    /// The same, with the settings that change while running in `tuning`.
    pub async fn start_tuned(
        config: &Config,
        memory: Option<MemoryNodes>,
        tuning: Tuning,
    ) -> Result<Self, StartError> {
        let source = Source::choose(config, memory)?;
        let grpc = bind(&config.grpc.host, config.grpc.port, "grpc.port").await?;
        let probes = bind(&config.metrics.host, config.metrics.port, "metrics.port").await?;
        let admin = admin::bind(config).await?;
        let (grpc_addr, metrics_addr) = (local(&grpc)?, local(&probes)?);
        let admin_addr = admin.as_ref().map(local).transpose()?;
        let instance = InstanceId::random();
        let metrics = Arc::new(Metrics::new(&Handle::current())?);
        let events = EventLog::new(Epoch::begin());
        let readiness = Readiness::waiting("waiting for discovery: no answer yet");
        let readiness = readiness.telling(events.clone());
        let (stops, pushes, tasks) = (Stops::default(), TaskTracker::new(), TaskTracker::new());

        let controller = settings::controller(config);
        let controller = Controller::new(controller, metrics.clone()).map_err(|source| {
            let given = config.controller.address.clone();
            StartError::Controller { given, source }
        })?;
        let pool = start_pool(
            config, source, &metrics, &readiness, &events, &tasks, &stops,
        );
        let failures = FailureLog::new(metrics.clone(), events.clone());
        tasks.spawn(failures.clone().run(stops.rest.clone()));
        let cache = &config.controller;
        let entries = cache.user_cache_entries as u64;
        let locator = Locator::new(controller, cache.user_cache_ttl, entries, metrics.clone());
        let failed_pushes = FailedPushes::default();
        let parts = Parts {
            pool: pool.clone(),
            locator: Arc::new(locator),
            delivery: Delivery::new(settings::delivery(config), tasks.clone(), stops.cut.clone()),
            failures,
            failed_pushes: failed_pushes.clone(),
            metrics: metrics.clone(),
            readiness: readiness.clone(),
            tracker: pushes.clone(),
        };
        let api = PushApi::new(
            Pipeline::new(settings::pipeline(config), parts),
            PushIds::new(instance),
            tuning.clone(),
            config.limits.request_timeout,
        );
        let serving = grpc::serve(config, grpc, api, &metrics, &readiness, &tasks, &stops)?;
        serve_probes(config, probes, &metrics, &readiness, &tasks, &stops);
        let facts = Facts {
            config: Arc::new(config.clone()),
            instance,
            grpc_address: grpc_addr.to_string(),
            metrics_address: metrics_addr.to_string(),
            pool: pool.clone(),
            metrics: metrics.clone(),
            failed_pushes,
            readiness: readiness.clone(),
            events: events.clone(),
            tuning: tuning.clone(),
        };
        let hub = Hub::new(facts.clone());
        if let Some(listener) = admin {
            admin::serve(listener, facts, hub.clone(), &tasks, &stops)?;
        }
        let ports = (grpc_addr, admin_addr);
        start_registration(config, ports, instance, &readiness, &tasks, &stops);
        let admin = admin_addr.map_or_else(|| "off".to_owned(), |addr| addr.to_string());
        let open_files = rlimit::Resource::NOFILE.get_soft().ok();
        info!(
            manager.id = config.manager.id,
            instance = %instance,
            grpc = %grpc_addr,
            metrics = %metrics_addr,
            admin = %admin,
            open_files,
            "push-manager started"
        );
        Ok(Self {
            grpc_addr,
            metrics_addr,
            admin_addr,
            hub,
            tuning,
            readiness,
            pool,
            metrics,
            events,
            drain_notice: config.drain.notice,
            drain_timeout: config.drain.timeout,
            stops,
            pushes,
            tasks,
            serving,
        })
    }

    /// Where the push API listens.
    pub fn grpc_addr(&self) -> SocketAddr {
        self.grpc_addr
    }

    /// Where `/metrics`, `/healthz` and `/readyz` are.
    pub fn metrics_addr(&self) -> SocketAddr {
        self.metrics_addr
    }

    /// Where the admin API listens, if it does.
    pub fn admin_addr(&self) -> Option<SocketAddr> {
        self.admin_addr
    }

    /// What consoles are shown, and how often it was sampled.
    pub fn hub(&self) -> &Hub {
        &self.hub
    }

    /// The settings that change while running.
    pub fn tuning(&self) -> &Tuning {
        &self.tuning
    }

    /// The readiness latch.
    pub fn readiness(&self) -> &Readiness {
        &self.readiness
    }

    /// The nodes in use.
    pub fn pool(&self) -> &Pool {
        &self.pool
    }

    /// What happened lately.
    pub fn events(&self) -> &EventLog {
        &self.events
    }

    /// The metrics.
    pub fn metrics(&self) -> &Arc<Metrics> {
        &self.metrics
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stops.withdraw.cancel();
        self.stops.goodbye.cancel();
        self.stops.cut.cancel();
        self.stops.rest.cancel();
        self.serving.abort();
    }
}

enum Source {
    Etcd,
    Static(StaticNodes),
    Memory(MemoryNodes),
}

impl Source {
    fn choose(config: &Config, memory: Option<MemoryNodes>) -> Result<Self, StaticListError> {
        Ok(match (memory, config.discovery.kind) {
            (Some(nodes), _) => Source::Memory(nodes),
            (None, DiscoveryKind::Etcd) => Source::Etcd,
            (None, DiscoveryKind::Static) => {
                Source::Static(StaticNodes::parse(&config.discovery.nodes)?)
            }
            (None, DiscoveryKind::Memory) => Source::Memory(MemoryNodes::default()),
        })
    }
}

fn start_pool(
    config: &Config,
    source: Source,
    metrics: &Arc<Metrics>,
    readiness: &Readiness,
    log: &EventLog,
    tasks: &TaskTracker,
    stops: &Stops,
) -> Pool {
    let (events, found) = mpsc::channel::<Event>(DISCOVERY_QUEUE);
    let stop = stops.rest.clone();
    match source {
        Source::Etcd => {
            let endpoints = config.etcd.endpoints.join(",");
            readiness.still_waiting(format!("waiting for etcd at {endpoints}"));
            tasks.spawn(discovery::etcd::run(
                settings::etcd(config),
                events,
                stop.clone(),
            ));
        }
        Source::Static(nodes) => {
            tasks.spawn(static_list::run(nodes, events, stop.clone()));
        }
        Source::Memory(nodes) => {
            tasks.spawn(memory::run(nodes, events, stop.clone()));
        }
    }
    Pool::start(
        settings::pool(config),
        found,
        metrics.clone(),
        readiness.clone(),
        log.clone(),
        tasks,
        stop,
    )
}

fn start_registration(
    config: &Config,
    (grpc, admin): (SocketAddr, Option<SocketAddr>),
    instance: InstanceId,
    readiness: &Readiness,
    tasks: &TaskTracker,
    stops: &Stops,
) {
    if !config.registration.enabled || config.discovery.kind != DiscoveryKind::Etcd {
        return;
    }
    let address = match advertise::address(&config.advertise.address, grpc.port()) {
        Ok(address) => address,
        Err(error) => {
            warn!(error = %error, "not registered: callers can't find this instance through etcd");
            return;
        }
    };
    let mut metadata = json!({
        "instance_id": instance.to_string(),
        "manager_id": config.manager.id,
    });
    if let Some(admin) = admin.filter(|admin| !admin.ip().to_canonical().is_loopback()) {
        let at = advertise::beside(&address, admin);
        metadata["admin_address"] = at.into();
    }
    let settings = RegistrationSettings {
        access: settings::etcd_access(config),
        prefix: config.registration.prefix.clone(),
        address,
        metadata,
        ttl: config.registration.ttl,
    };
    let (mut states, stops) = (readiness.watch(), stops.clone());
    tasks.spawn(async move {
        // Whoever finds this instance should be served by it.
        let ready = async {
            drop(states.wait_for(|state| *state == State::Ready).await);
        };
        if stops.rest.run_until_cancelled(ready).await.is_some() {
            registration::run(settings, stops.withdraw, stops.rest).await;
        }
    });
}

fn serve_probes(
    config: &Config,
    listener: TcpListener,
    metrics: &Arc<Metrics>,
    readiness: &Readiness,
    tasks: &TaskTracker,
    stops: &Stops,
) {
    let silence = grpc::silence(config);
    let routes = probes::routes(metrics.clone(), readiness.clone());
    let stop = stops.rest.clone();
    tasks.spawn(async move {
        let serving = axum::serve(Callers::new(listener, silence), routes);
        // Probes are short: what is under way is cut at the end.
        if let Some(Err(error)) = stop.run_until_cancelled(serving.into_future()).await {
            warn!(error = %error, "the metrics endpoint ended");
        }
    });
}

async fn bind(host: &str, port: u16, knob: &'static str) -> Result<TcpListener, StartError> {
    TcpListener::bind((host, port))
        .await
        .map_err(|source| StartError::Bind {
            address: format!("{host}:{port}"),
            knob,
            source,
        })
}

fn local(listener: &TcpListener) -> Result<SocketAddr, StartError> {
    listener.local_addr().map_err(|source| StartError::Bind {
        address: "a bound socket".to_owned(),
        knob: "grpc.port",
        source,
    })
}

/// The process's environment, for the configuration and telemetry. Variables
/// that are not text are left out.
pub fn environment() -> BTreeMap<String, String> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect()
}
