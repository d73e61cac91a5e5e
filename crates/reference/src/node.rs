//! A Connect-Node: takes pushes by gRPC and delivers them to people's WebSockets.
//!
//! It tells the Controller who is here and registers in etcd, when configured. It keeps nothing:
//! what a client doesn't take is reported as failed, and whoever pushed decides what to do.

use std::{
    net::SocketAddr,
    sync::{Arc, atomic::AtomicU64, atomic::Ordering},
    time::Duration,
};

use push_manager_proto::pubsub::connect_node_service_server::ConnectNodeServiceServer;
use serde::Serialize;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tonic::transport::{Channel, Endpoint};

use self::{
    client::{Client, ClientId},
    hub::Hub,
    presence::{Identity, Presence, Reporter},
    registration::Registration,
    seat::Seat,
    service::{Pace, Service},
};
pub use self::{
    config::{EtcdRegistration, NodeConfig, NodeLimits},
    guest::Guest,
};
use crate::{StartError, grpc::GrpcServer, life::Life, listener::Listener};

mod address;
mod client;
mod config;
mod frame;
mod guest;
mod http;
mod hub;
mod ledger;
mod presence;
mod registration;
mod seat;
mod service;
mod socket;

/// gRPC connections at a time: push-managers, not people.
const GRPC_CONNECTIONS: usize = 1_024;
/// HTTP connections beyond the WebSocket clients: pages, counters, health checks.
const SPARE_CONNECTIONS: usize = 256;

type GrpcService = ConnectNodeServiceServer<Service>;

/// A running Connect-Node; dropping it ends it at once.
#[derive(Debug)]
pub struct Node {
    id: String,
    grpc_address: String,
    grpc_bound: SocketAddr,
    http_addr: SocketAddr,
    config: NodeLimits,
    hub: Arc<Hub>,
    pace: Pace,
    next_client: Arc<AtomicU64>,
    grpc: GrpcServer,
    going_away: CancellationToken,
    stop_registration: CancellationToken,
    registration: Option<JoinHandle<()>>,
    finish_reports: CancellationToken,
    life: Life,
}

/// A node's counters at one moment; `delivered` and later count since the start.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NodeStats {
    /// The node's id.
    pub node: String,
    /// WebSocket clients.
    pub connections: usize,
    /// Distinct users among them.
    pub users: usize,
    /// Rooms that somebody here is in.
    pub rooms: usize,
    /// Users that pushes were accepted for.
    pub delivered: u64,
    /// Frames that a client's queue refused.
    pub dropped: u64,
    /// Clients that were cut off for being slow or silent.
    pub cut: u64,
}

impl NodeStats {
    fn of(node: &str, hub: &Hub) -> Self {
        let present = hub.present();
        Self {
            node: node.to_owned(),
            connections: present.connections,
            users: present.users,
            rooms: present.rooms,
            delivered: hub.totals.delivered.load(Ordering::Relaxed),
            dropped: hub.totals.dropped.load(Ordering::Relaxed),
            cut: hub.totals.cut.load(Ordering::Relaxed),
        }
    }
}

impl Node {
    /// Binds both ports and starts; the Controller and etcd may come later.
    pub async fn start(config: NodeConfig) -> Result<Self, StartError> {
        let NodeConfig {
            id,
            grpc,
            http,
            advertise,
            controller,
            registration,
            limits,
        } = config;
        check_id(&id)?;
        let life = Life::new();
        let clients = limits.max_connections.saturating_add(SPARE_CONNECTIONS);
        let grpc = Listener::bind("grpc", grpc, GRPC_CONNECTIONS, life.kill_switch()).await?;
        let http = Listener::bind("http", http, clients, life.kill_switch()).await?;
        let (grpc_bound, http_addr) = (grpc.address(), http.address());
        let grpc_address = address::advertised(advertise.as_deref(), grpc_bound)?;

        let finish_reports = CancellationToken::new();
        let presence = match controller {
            None => None,
            Some(controller) => {
                let channel = channel(&controller, &limits)?;
                let presence = Presence::new(limits.pending_leaves);
                let identity = Identity {
                    id: id.clone(),
                    address: grpc_address.clone(),
                };
                let reporter = Reporter::new(presence.clone(), channel, identity, limits.clone());
                life.spawn(reporter.run(finish_reports.clone()));
                Some(presence)
            }
        };
        let hub = Arc::new(Hub::new(presence, limits.max_connections));
        let (pace, next_client) = (Pace::default(), Arc::new(AtomicU64::new(0)));
        let node: Arc<str> = id.as_str().into();
        let service = Service {
            hub: hub.clone(),
            node: node.clone(),
            pace: pace.clone(),
        };
        let service = GrpcService::new(service)
            .max_decoding_message_size(limits.max_message)
            .max_encoding_message_size(limits.max_message);
        let grpc = GrpcServer::start(grpc, service, &life).await?;
        let going_away = CancellationToken::new();
        let shared = http::Shared {
            hub: hub.clone(),
            node,
            limits: limits.clone(),
            tasks: life.tasks(),
            kill: life.kill_switch(),
            going_away: going_away.clone(),
            next_client: next_client.clone(),
        };
        serve_http(http, shared, &life);
        let stop_registration = CancellationToken::new();
        let registration = match registration {
            None => None,
            Some(config) => {
                let registration = Registration::new(&config, &id, &grpc_address)?;
                Some(life.spawn(registration.run(stop_registration.clone())))
            }
        };
        Ok(Self {
            id,
            grpc_address,
            grpc_bound,
            http_addr,
            config: limits,
            hub,
            pace,
            next_client,
            grpc,
            going_away,
            stop_registration,
            registration,
            finish_reports,
            life,
        })
    }

    /// The node's id.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The gRPC address that others are told, `host:port`.
    pub fn grpc_address(&self) -> &str {
        &self.grpc_address
    }

    /// Where gRPC is bound.
    pub fn grpc_addr(&self) -> SocketAddr {
        self.grpc_bound
    }

    /// Where HTTP and WebSockets are bound.
    pub fn http_addr(&self) -> SocketAddr {
        self.http_addr
    }

    /// The counters right now.
    pub fn stats(&self) -> NodeStats {
        NodeStats::of(&self.id, &self.hub)
    }

    /// Takes so long over each answer from now on, calls that wait for one included; zero again
    /// to be quick. Longer than callers wait makes a node that never answers.
    pub fn answer_after(&self, pause: Duration) {
        self.pace.set(pause);
    }

    /// A client within this process, without a socket, in one room; nothing when the node is full.
    pub async fn invite(&self, user: &str, room: &str) -> Option<Guest> {
        let id = ClientId(self.next_client.fetch_add(1, Ordering::Relaxed));
        let (client, waiting) = Client::new(id, user, user.to_owned(), &self.config);
        let node = self.id.as_str().into();
        let mut seat = Seat::take(self.hub.clone(), node, self.config.clone(), client)?;
        seat.settle(vec![room.to_owned()]).await;
        let leave = self.going_away.child_token();
        Some(Guest::listen(seat, waiting, leave, &self.life))
    }

    /// Leaves cleanly: out of etcd, running pushes finished, clients told, the Controller told.
    /// Each step has at most [`NodeLimits::drain_timeout`].
    pub async fn shutdown(mut self) {
        let bound = self.config.drain_timeout;
        self.stop_registration.cancel();
        if let Some(registration) = self.registration.take()
            && tokio::time::timeout(bound, registration).await.is_err()
        {
            tracing::warn!("etcd did not take the registration back in time; it will expire");
        }
        self.grpc.drain::<GrpcService>(bound).await;
        self.going_away.cancel();
        self.everyone_gone().await;
        self.finish_reports.cancel();
        self.life.finish(bound).await;
    }

    /// Ends at once: sockets fail, nobody is told, the key in etcd stays until its lease is over.
    pub async fn kill(self) {
        self.life.end().await;
    }

    /// Waits until the clients have been said goodbye to, so that their leaves are noted.
    async fn everyone_gone(&self) {
        let deadline = tokio::time::Instant::now() + self.config.drain_timeout;
        while self.hub.present().connections > 0 && tokio::time::Instant::now() < deadline {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

fn serve_http(listener: Listener, shared: http::Shared, life: &Life) {
    let stop = shared.going_away.clone().cancelled_owned();
    let router = http::router(shared);
    life.spawn(async move {
        let serve = axum::serve(listener, router).with_graceful_shutdown(stop);
        if let Err(error) = serve.await {
            tracing::error!(%error, "HTTP server failed");
        }
    });
}

fn check_id(id: &str) -> Result<(), StartError> {
    crate::id::check("node id", id).map_err(|_| StartError::Setting {
        setting: "node id",
        given: id.to_owned(),
        expected: "1 to 256 bytes without control characters",
    })
}

/// A channel that connects when needed and again when lost.
fn channel(address: &str, limits: &NodeLimits) -> Result<Channel, StartError> {
    let url = if address.contains("://") {
        address.to_owned()
    } else {
        format!("http://{address}")
    };
    let endpoint = Endpoint::from_shared(url).map_err(|_| StartError::Setting {
        setting: "controller",
        given: address.to_owned(),
        expected: "host:port",
    })?;
    let endpoint = endpoint
        .connect_timeout(limits.report_timeout)
        .http2_keep_alive_interval(limits.resync_interval)
        .keep_alive_timeout(limits.report_timeout)
        .tcp_nodelay(true);
    Ok(endpoint.connect_lazy())
}
