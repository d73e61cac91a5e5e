//! Everything embedded in one process: Controller, Connect-Nodes and the
//! server, to try it out and to test with.

mod demo;
mod story;

use std::{
    fmt,
    net::{IpAddr, SocketAddr},
};

use push_manager_config::{Config, DiscoveryKind};
use push_manager_reference::{
    StartError as PeerError,
    controller::{Controller, ControllerConfig},
    node::{EtcdRegistration, Node, NodeConfig},
};

use self::demo::Demo;
use crate::{
    discovery::{AddressError, memory::MemoryNodes},
    ids::NodeId,
    server::{Server, StartError},
    tuning::Tuning,
};

/// How much to start, and where.
#[derive(Clone, Copy, Debug)]
pub struct DevPlan {
    /// Connect-Nodes.
    pub nodes: u16,
    /// Where everything listens.
    pub host: IpAddr,
    /// The first node's HTTP port; 0 takes free ones.
    pub first_page: u16,
    /// Whether to make it worth looking at: people, load, and nodes that misbehave. In memory only.
    pub demo: bool,
}

/// Why it could not start.
#[derive(Debug, thiserror::Error)]
pub enum DevError {
    /// The server.
    #[error("the server can't start")]
    Server(#[from] StartError),
    /// A Connect-Node or the Controller.
    #[error("{what} can't start (page ports: --page-port)")]
    Peer {
        /// Which.
        what: String,
        /// Why.
        source: PeerError,
    },
    /// A node advertises something that is no address.
    #[error("a node's address")]
    Address(#[from] AddressError),
}

/// All parts, running.
pub struct Dev {
    server: Server,
    controller: Controller,
    nodes: Vec<Node>,
    demo: Option<Demo>,
}

impl Dev {
    /// Starts the Controller, the nodes and the server.
    pub async fn start(config: Config, plan: DevPlan) -> Result<Self, DevError> {
        let tuning = Tuning::new(&config, None);
        Self::start_tuned(config, plan, tuning).await
    }

    /// The same, with the settings that change while running in `tuning`.
    pub async fn start_tuned(
        mut config: Config,
        plan: DevPlan,
        tuning: Tuning,
    ) -> Result<Self, DevError> {
        let listen = SocketAddr::new(plan.host, 0);
        let controller = Controller::start(ControllerConfig {
            listen,
            ..ControllerConfig::default()
        });
        let controller = controller
            .await
            .map_err(|source| peer("the Controller", source))?;
        config.controller.address =
            SocketAddr::new(loopback(plan.host), controller.address().port()).to_string();

        let memory = MemoryNodes::default();
        let starting = NodePlan {
            config: config.clone(),
            host: plan.host,
        };
        let mut nodes = Vec::new();
        for number in 1..=plan.nodes {
            let page = page_port(plan.first_page, number);
            let id = standing_name(number.into());
            let node = starting.start(&id, page).await?;
            if config.discovery.kind == DiscoveryKind::Memory {
                memory.put(NodeId::new(node.id()), node.grpc_address().parse()?, None);
            }
            nodes.push(node);
        }
        let in_memory = config.discovery.kind == DiscoveryKind::Memory;
        let nodes_known = in_memory.then(|| memory.clone());
        let server = Server::start_tuned(&config, nodes_known, tuning).await?;
        let demo = if plan.demo && in_memory {
            let push = SocketAddr::new(loopback(plan.host), server.grpc_addr().port());
            Some(Demo::start(&nodes, starting, memory, push).await?)
        } else {
            None
        };
        Ok(Self {
            server,
            controller,
            nodes,
            demo,
        })
    }

    /// The server.
    pub fn server(&self) -> &Server {
        &self.server
    }

    /// The nodes.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// The first node's page, as host:port.
    pub fn page(&self) -> String {
        self.pages()
            .into_iter()
            .next()
            .map(|at| at.to_string())
            .unwrap_or_default()
    }

    /// Every node's page.
    pub fn pages(&self) -> Vec<SocketAddr> {
        self.nodes.iter().map(Node::http_addr).collect()
    }

    /// Ends all parts in order: who sends first, who receives last.
    pub async fn stop(self) {
        let Self {
            server,
            controller,
            nodes,
            demo,
        } = self;
        if let Some(demo) = demo {
            demo.stop().await;
        }
        server.quit().await;
        for node in nodes {
            node.shutdown().await;
        }
        controller.shutdown().await;
    }
}

impl fmt::Debug for Dev {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dev")
            .field("server", &self.server)
            .field("pages", &self.pages())
            .finish_non_exhaustive()
    }
}

/// How nodes are started.
#[derive(Debug)]
struct NodePlan {
    config: Config,
    host: IpAddr,
}

impl NodePlan {
    /// Starts a node; page port 0 takes a free one.
    async fn start(&self, id: &str, page: u16) -> Result<Node, DevError> {
        let in_etcd = self.config.discovery.kind == DiscoveryKind::Etcd;
        let registration = in_etcd.then(|| EtcdRegistration {
            endpoints: self.config.etcd.endpoints.clone(),
            metadata: true,
            ..EtcdRegistration::default()
        });
        let settings = NodeConfig {
            id: id.to_owned(),
            grpc: SocketAddr::new(self.host, 0),
            http: SocketAddr::new(self.host, page),
            advertise: Some(loopback(self.host).to_string()),
            controller: Some(self.config.controller.address.clone()),
            registration,
            ..NodeConfig::default()
        };
        Node::start(settings)
            .await
            .map_err(|source| peer(id, source))
    }
}

/// The id of a node that stands from the beginning, from 1.
fn standing_name(number: usize) -> String {
    format!("connect-node-{number}")
}

fn page_port(first: u16, number: u16) -> u16 {
    match first {
        0 => 0,
        first => first.saturating_add(number - 1),
    }
}

fn http(address: SocketAddr) -> http::Uri {
    let uri = http::Uri::builder()
        .scheme("http")
        .authority(address.to_string())
        .path_and_query("/");
    uri.build().unwrap_or_default()
}

/// Where this process reaches itself when it listens everywhere.
fn loopback(host: IpAddr) -> IpAddr {
    if host.is_unspecified() {
        IpAddr::from([127, 0, 0, 1])
    } else {
        host
    }
}

fn peer(what: &str, source: PeerError) -> DevError {
    DevError::Peer {
        what: what.to_owned(),
        source,
    }
}
