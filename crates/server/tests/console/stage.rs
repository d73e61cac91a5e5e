//! Managers, nodes and what is between them, all real; one of the nodes is reached over a proxy
//! that fails on demand.

use std::net::{SocketAddr, TcpListener};

use crate::{
    audience::Audience,
    etcd::EtcdProcess,
    load::{Door, Load},
    proxy::Proxy,
    system::{ControllerProcess, Manager, NodeProcess},
};

/// All of it. The parts that are dropped first are those that need the others.
#[derive(Debug)]
pub struct Stage {
    pub load: Load,
    pub audience: Audience,
    pub managers: Vec<Manager>,
    pub nodes: Vec<NodeProcess>,
    /// Before the last node.
    pub proxy: Proxy,
    pub controller: ControllerProcess,
    pub etcd: EtcdProcess,
}

impl Stage {
    /// So many managers that use so many nodes with people on them, and the load.
    pub async fn start(managers: usize, nodes: usize) -> Self {
        let etcd = EtcdProcess::start().await;
        let controller = ControllerProcess::start(&[]).await;
        let last = free_address();
        let proxy = Proxy::to(last).await;
        let behind = [
            "--grpc-port",
            &last.port().to_string(),
            "--advertise",
            &proxy.address().to_string(),
        ];
        let endpoint = etcd.endpoint();
        let starting = (1..=nodes).map(|number| {
            let (id, endpoint, controller) = (node_id(number), &endpoint, controller.grpc);
            let args = if number == nodes { &behind[..] } else { &[] };
            async move {
                let args = [&["--etcd-metadata"], args].concat();
                NodeProcess::start(&id, endpoint, controller, &args).await
            }
        });
        let nodes = futures::future::join_all(starting).await;
        let starting = (0..managers).map(|_| manager(&etcd, &controller, "127.0.0.1:0"));
        let managers = futures::future::join_all(starting).await;
        for manager in &managers {
            manager.nodes(nodes.len()).await;
        }
        let audience = Audience::on(&nodes).await;
        let doors = managers.iter().zip('a'..);
        let doors = doors.map(|(manager, letter)| Door::to(manager, &format!("{letter}1")));
        let load = Load::on(doors.collect(), audience.size());
        Self {
            load,
            audience,
            managers,
            nodes,
            proxy,
            controller,
            etcd,
        }
    }

    /// Where the managers' admin APIs are.
    pub fn admins(&self) -> Vec<SocketAddr> {
        self.managers.iter().map(|manager| manager.admin).collect()
    }

    /// Starts a manager that was killed again, with its admin API where it was.
    pub async fn start_again(&mut self, place: usize) {
        let admin = self.managers[place].admin.to_string();
        self.managers[place] = manager(&self.etcd, &self.controller, &admin).await;
    }
}

/// Nodes are counted from 1.
pub fn node_id(number: usize) -> String {
    format!("connect-node-{number:02}")
}

async fn manager(etcd: &EtcdProcess, controller: &ControllerProcess, admin: &str) -> Manager {
    let (endpoint, address) = (etcd.endpoint(), controller.grpc.to_string());
    let env = [
        ("ETCD_ENDPOINTS", endpoint.as_str()),
        ("CONTROLLER_ADDRESS", &address),
        ("ADMIN_ADDRESS", admin),
    ];
    let manager = Manager::start(&[], &env).await;
    manager.ready().await;
    manager
}

/// An address that was free a moment ago.
fn free_address() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap()
}
