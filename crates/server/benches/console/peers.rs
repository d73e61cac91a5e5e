//! Those whom the manager calls: a Controller, and one Connect-Node that answers at so many
//! loopback addresses that the manager takes it for as many nodes.

use std::net::{Ipv4Addr, SocketAddr};

use push_manager_reference::{
    controller::{Controller, ControllerConfig},
    node::{Guest, Node, NodeConfig, NodeLimits},
};

pub struct Peers {
    controller: Controller,
    nodes: String,
    _node: Node,
    /// Someone to deliver to.
    _guest: Guest,
}

impl Peers {
    pub async fn start(nodes: usize) -> Self {
        let controller = ControllerConfig {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            ..ControllerConfig::default()
        };
        let node = NodeConfig {
            grpc: SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)),
            advertise: Some("127.0.0.1".to_owned()),
            // A broadcast comes once from each of its addresses.
            limits: NodeLimits {
                queue_items: 4 * nodes,
                ..NodeLimits::default()
            },
            ..NodeConfig::default()
        };
        let node = Node::start(node).await.unwrap();
        let guest = node.invite("guest", "room").await.unwrap();
        let address: SocketAddr = node.grpc_address().parse().unwrap();
        let (first, port) = (u32::from(Ipv4Addr::LOCALHOST), address.port());
        let listed = (0..nodes as u32).map(|number| {
            let at = Ipv4Addr::from(first + number);
            format!("push-{number}={at}:{port}")
        });
        Self {
            controller: Controller::start(controller).await.unwrap(),
            nodes: listed.collect::<Vec<_>>().join(","),
            _node: node,
            _guest: guest,
        }
    }

    pub fn controller(&self) -> SocketAddr {
        self.controller.address()
    }

    /// As `discovery.nodes` takes them.
    pub fn nodes(&self) -> &str {
        &self.nodes
    }
}
