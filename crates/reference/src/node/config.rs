//! The settings of a Connect-Node and their defaults; reading them from anywhere is left to the
//! program that embeds the node.

use std::{fmt, net::SocketAddr, time::Duration};

/// How a Connect-Node is set up.
#[derive(Debug, Clone)]
pub struct NodeConfig {
    /// The node's id as the Controller and clients see it.
    pub id: String,
    /// Where to listen for gRPC; port 0 picks a free one.
    pub grpc: SocketAddr,
    /// Where to listen for HTTP and WebSockets; port 0 picks a free one.
    pub http: SocketAddr,
    /// The gRPC address that others are told: `host:port`, or a host that gets the bound port.
    /// Without it: the bound address, or the machine's first own address when bound to all.
    pub advertise: Option<String>,
    /// `host:port` of the Controller-Manager; without it nobody is told who is here.
    pub controller: Option<String>,
    /// How to register in etcd; without it the node isn't registered.
    pub registration: Option<EtcdRegistration>,
    /// Bounds of everything that could grow or wait.
    pub limits: NodeLimits,
}

impl Default for NodeConfig {
    fn default() -> Self {
        Self {
            id: "connect-node-1".to_owned(),
            grpc: SocketAddr::from(([127, 0, 0, 1], 0)),
            http: SocketAddr::from(([127, 0, 0, 1], 0)),
            advertise: None,
            controller: None,
            registration: None,
            limits: NodeLimits::default(),
        }
    }
}

/// The bounds of a Connect-Node.
#[derive(Debug, Clone)]
pub struct NodeLimits {
    /// Frames that may wait for one client; one more and the client is cut.
    pub queue_items: usize,
    /// Bytes that may wait for one client; a single larger frame is taken by an empty queue.
    pub queue_bytes: usize,
    /// Clients at a time; more are turned away with 503.
    pub max_connections: usize,
    /// Rooms that one client may be in.
    pub rooms_per_client: usize,
    /// The largest frame taken from a client, in bytes.
    pub max_inbound_frame: usize,
    /// The largest gRPC message taken, in bytes.
    pub max_message: usize,
    /// How often clients are pinged; one that is silent for two intervals is cut.
    pub ping_interval: Duration,
    /// How long a write to a client may stall before the client is cut.
    pub write_timeout: Duration,
    /// How long a client has to take the goodbye.
    pub close_timeout: Duration,
    /// How long a new client waits for the Controller's word before it is let in without.
    pub join_wait: Duration,
    /// Reports to the Controller at a time.
    pub report_concurrency: usize,
    /// How long one report may take.
    pub report_timeout: Duration,
    /// How often everyone present is reported again.
    pub resync_interval: Duration,
    /// Leaves remembered while the Controller is away; it forgets the others by itself.
    pub pending_leaves: usize,
    /// How long each step of a clean shutdown may take.
    pub drain_timeout: Duration,
}

impl Default for NodeLimits {
    fn default() -> Self {
        Self {
            queue_items: 256,
            queue_bytes: 1024 * 1024,
            max_connections: 100_000,
            rooms_per_client: 64,
            max_inbound_frame: 64 * 1024,
            max_message: 16 * 1024 * 1024,
            ping_interval: Duration::from_secs(20),
            write_timeout: Duration::from_secs(10),
            close_timeout: Duration::from_secs(2),
            join_wait: Duration::from_millis(500),
            report_concurrency: 32,
            report_timeout: Duration::from_secs(2),
            resync_interval: Duration::from_secs(10),
            pending_leaves: 100_000,
            drain_timeout: Duration::from_secs(5),
        }
    }
}

/// How a node registers in etcd, in the layout of Go's `naming/endpoints`.
#[derive(Clone)]
pub struct EtcdRegistration {
    /// `host:port` or URLs; the next one is tried when one fails.
    pub endpoints: Vec<String>,
    /// The key is `<prefix>/<host:port>`.
    pub prefix: String,
    /// The etcd user, when etcd asks for one.
    pub username: Option<String>,
    /// That user's password.
    pub password: Option<String>,
    /// How long the key outlives a node that died; kept alive three times as often.
    pub ttl: Duration,
    /// Whether the value names the node's id: `"Metadata":{"node_id":"…"}` instead of `null`.
    pub metadata: bool,
}

impl Default for EtcdRegistration {
    fn default() -> Self {
        Self {
            endpoints: vec!["localhost:2379".to_owned()],
            prefix: "connect-node".to_owned(),
            username: None,
            password: None,
            ttl: Duration::from_secs(10),
            metadata: false,
        }
    }
}

impl fmt::Debug for EtcdRegistration {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            endpoints,
            prefix,
            username,
            password,
            ttl,
            metadata,
        } = self;
        formatter
            .debug_struct("EtcdRegistration")
            .field("endpoints", endpoints)
            .field("prefix", prefix)
            .field("username", username)
            .field("password", &password.as_ref().map(|_| "(hidden)"))
            .field("ttl", ttl)
            .field("metadata", metadata)
            .finish()
    }
}
