//! A Controller-Manager: knows which users are in which rooms on which nodes, as the nodes report
//! it, and forgets whoever isn't reported any more.
//!
//! In memory by default; with etcd, several replicas share what they know. It never calls a node.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use push_manager_proto::pubsub::controller_service_server::ControllerServiceServer;

pub use self::config::{ControllerConfig, EtcdStore};
use self::{
    mirror::Mirror,
    service::Service,
    store::{SharedRooms, Store},
};
use crate::{StartError, grpc::GrpcServer, life::Life, listener::Listener};

mod config;
mod layout;
mod mirror;
mod rooms;
mod service;
mod store;

/// gRPC connections at a time.
const CONNECTIONS: usize = 4_096;
/// The largest request taken; all of them are small.
const MAX_REQUEST: usize = 64 * 1024;

type GrpcService = ControllerServiceServer<Service>;

/// A running Controller-Manager; dropping it ends it at once.
#[derive(Debug)]
pub struct Controller {
    address: SocketAddr,
    rooms: Arc<SharedRooms>,
    grpc: GrpcServer,
    drain_timeout: Duration,
    life: Life,
}

/// How much a Controller-Manager knows at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ControllerStats {
    /// Rooms that somebody is in.
    pub rooms: usize,
    /// Distinct users.
    pub users: usize,
}

impl Controller {
    /// Binds and starts; etcd may come later, calls are UNAVAILABLE meanwhile.
    pub async fn start(config: ControllerConfig) -> Result<Self, StartError> {
        let ControllerConfig {
            listen,
            etcd,
            presence_ttl,
            room_nodes,
            max_message,
            drain_timeout,
        } = config;
        let life = Life::new();
        let listener = Listener::bind("grpc", listen, CONNECTIONS, life.kill_switch()).await?;
        let address = listener.address();
        let rooms = Arc::new(SharedRooms::default());
        let mirror = match etcd {
            None => {
                life.spawn(Store::sweep(rooms.clone(), presence_ttl));
                None
            }
            Some(config) => {
                let mirror = Mirror::new(&config, presence_ttl, rooms.clone());
                life.spawn(mirror.clone().run(Mirror::access(&config)?));
                Some(mirror)
            }
        };
        let service = Service {
            store: Arc::new(Store::new(rooms.clone(), mirror)),
            room_nodes,
        };
        let service = GrpcService::new(service)
            .max_decoding_message_size(MAX_REQUEST)
            .max_encoding_message_size(max_message);
        let grpc = GrpcServer::start(listener, service, &life).await?;
        Ok(Self {
            address,
            rooms,
            grpc,
            drain_timeout,
            life,
        })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// How much it knows right now.
    pub fn stats(&self) -> ControllerStats {
        let rooms = self.rooms.read();
        ControllerStats {
            rooms: rooms.room_count(),
            users: rooms.user_count(),
        }
    }

    /// Lets running calls finish within [`ControllerConfig::drain_timeout`] and ends.
    pub async fn shutdown(mut self) {
        self.grpc.drain::<GrpcService>(self.drain_timeout).await;
        self.life.end().await;
    }

    /// Ends at once: connections break, nothing is said.
    pub async fn kill(self) {
        self.life.end().await;
    }
}
