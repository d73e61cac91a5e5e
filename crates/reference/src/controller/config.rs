//! The settings of a Controller-Manager and their defaults.

use std::{fmt, net::SocketAddr, time::Duration};

/// How a Controller-Manager is set up.
#[derive(Debug, Clone)]
pub struct ControllerConfig {
    /// Where to listen for gRPC; port 0 picks a free one.
    pub listen: SocketAddr,
    /// Keep everything in etcd too, so that several replicas agree; without it in memory only.
    pub etcd: Option<EtcdStore>,
    /// How long a user stays in a room without being reported again.
    pub presence_ttl: Duration,
    /// Whether GetRoomNodes is offered; older Controllers answer UNIMPLEMENTED.
    pub room_nodes: bool,
    /// The largest answer, in bytes: a room of 100,000 users takes about 10 MiB.
    pub max_message: usize,
    /// How long running calls may take to finish at shutdown.
    pub drain_timeout: Duration,
}

impl Default for ControllerConfig {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            etcd: None,
            presence_ttl: Duration::from_mins(1),
            room_nodes: true,
            max_message: 100 * 1024 * 1024,
            drain_timeout: Duration::from_secs(5),
        }
    }
}

/// The etcd that several Controller-Managers share.
#[derive(Clone)]
pub struct EtcdStore {
    /// `host:port` or URLs; the next one is tried when one fails.
    pub endpoints: Vec<String>,
    /// All keys begin with this.
    pub prefix: String,
    /// The etcd user, when etcd asks for one.
    pub username: Option<String>,
    /// That user's password.
    pub password: Option<String>,
    /// How long questions are still answered from what was known when etcd went away.
    pub max_staleness: Duration,
}

impl Default for EtcdStore {
    fn default() -> Self {
        Self {
            endpoints: vec!["localhost:2379".to_owned()],
            prefix: "controller/".to_owned(),
            username: None,
            password: None,
            max_staleness: Duration::from_mins(1),
        }
    }
}

impl fmt::Debug for EtcdStore {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            endpoints,
            prefix,
            username,
            password,
            max_staleness,
        } = self;
        formatter
            .debug_struct("EtcdStore")
            .field("endpoints", endpoints)
            .field("prefix", prefix)
            .field("username", username)
            .field("password", &password.as_ref().map(|_| "(hidden)"))
            .field("max_staleness", max_staleness)
            .finish()
    }
}
