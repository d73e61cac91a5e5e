//! A whole small system in one process, on free loopback ports: the server, a
//! Controller and Connect-Nodes with real WebSocket clients.

use std::{collections::BTreeMap, net::SocketAddr, time::Duration};

use push_manager::{discovery::memory::MemoryNodes, ids::NodeId, server::Server};
use push_manager_config::Config;
use push_manager_proto::pubsub::{
    BroadcastMessageRequest, BroadcastMessageResponse, MessageContent, Outcome, PushToRoomRequest,
    PushToRoomResponse, PushToUserRequest, PushToUserResponse, Receipt,
    push_manager_service_client::PushManagerServiceClient,
};
use push_manager_reference::{
    controller::{Controller, ControllerConfig},
    node::{Node, NodeConfig},
};
use tonic::{Status, transport::Channel};

use crate::ws::Ws;

pub fn loopback() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 0))
}

/// A configuration for tests: free ports, short deadlines, no notice.
pub fn config() -> Config {
    let mut config = Config::default();
    config.grpc.host = "127.0.0.1".into();
    config.grpc.port = 0;
    config.metrics.host = "127.0.0.1".into();
    config.metrics.port = 0;
    config.admin.address = "127.0.0.1:0".into();
    config.advertise.address = "127.0.0.1".into();
    config.fanout.deadline = Duration::from_secs(2);
    config.pool.connect_timeout = Duration::from_secs(1);
    config.controller.timeout = Duration::from_secs(1);
    config.drain.notice = Duration::ZERO;
    config
}

pub struct Bed {
    pub server: Server,
    pub controller: Option<Controller>,
    pub nodes: Vec<Node>,
    pub memory: MemoryNodes,
    client: PushManagerServiceClient<Channel>,
}

impl Bed {
    /// A Controller and `nodes` Connect-Nodes, called connect-node-1 and so on.
    pub async fn start(nodes: usize) -> Self {
        Self::with(nodes, |_| {}).await
    }

    /// The same, with changes to the configuration.
    pub async fn with(nodes: usize, change: impl FnOnce(&mut Config)) -> Self {
        let listen = loopback();
        let settings = ControllerConfig {
            listen,
            ..ControllerConfig::default()
        };
        let controller = Controller::start(settings).await.unwrap();
        let mut config = config();
        config.controller.address = controller.address().to_string();
        let memory = MemoryNodes::default();
        let mut started = Vec::new();
        for number in 1..=nodes {
            let node = start_node(&format!("connect-node-{number}"), controller.address()).await;
            memory.put(
                NodeId::new(node.id()),
                node.grpc_address().parse().unwrap(),
                None,
            );
            started.push(node);
        }
        change(&mut config);
        let mut bed = Self::around(config, memory).await;
        bed.controller = Some(controller);
        bed.nodes = started;
        bed
    }

    /// Only the server, over nodes that the test puts into `memory`.
    pub async fn around(config: Config, memory: MemoryNodes) -> Self {
        let server = Server::start(&config, Some(memory.clone())).await.unwrap();
        let client = client_of(server.grpc_addr());
        eventually("the server is ready", || {
            server.readiness().state().why_not().is_none()
        })
        .await;
        Self {
            server,
            controller: None,
            nodes: Vec::new(),
            memory,
            client,
        }
    }

    pub fn client(&self) -> PushManagerServiceClient<Channel> {
        self.client.clone()
    }

    /// A WebSocket client of `user` in `room` on a node (from 0), after its
    /// join was confirmed.
    pub async fn join(&self, node: usize, user: &str, room: &str) -> Ws {
        Ws::join(self.nodes[node].http_addr(), user, room).await
    }

    pub async fn push_room(&self, room: &str, data: &str) -> Result<PushToRoomResponse, Status> {
        self.push_room_without(room, data, &[]).await
    }

    pub async fn push_room_without(
        &self,
        room: &str,
        data: &str,
        exclude: &[&str],
    ) -> Result<PushToRoomResponse, Status> {
        let request = PushToRoomRequest {
            room_id: room.into(),
            content: Some(text(data)),
            exclude_user_ids: exclude.iter().map(ToString::to_string).collect(),
            options: None,
        };
        self.client()
            .push_to_room(request)
            .await
            .map(tonic::Response::into_inner)
    }

    pub async fn push_user(&self, user: &str, data: &str) -> Result<PushToUserResponse, Status> {
        let request = PushToUserRequest {
            user_id: user.into(),
            content: Some(text(data)),
            options: None,
        };
        self.client()
            .push_to_user(request)
            .await
            .map(tonic::Response::into_inner)
    }

    pub async fn broadcast(&self, data: &str) -> Result<BroadcastMessageResponse, Status> {
        let request = BroadcastMessageRequest {
            content: Some(text(data)),
            options: None,
        };
        self.client()
            .broadcast_message(request)
            .await
            .map(tonic::Response::into_inner)
    }

    /// The sum of all series of a metric whose labels contain `labels`.
    pub fn metric(&self, name: &str, labels: &str) -> f64 {
        sum(&self.server.metrics().render().unwrap(), name, labels)
    }
}

pub async fn start_node(id: &str, controller: SocketAddr) -> Node {
    let settings = NodeConfig {
        id: id.into(),
        grpc: loopback(),
        http: loopback(),
        controller: Some(controller.to_string()),
        ..NodeConfig::default()
    };
    Node::start(settings).await.unwrap()
}

pub fn client_of(server: SocketAddr) -> PushManagerServiceClient<Channel> {
    let endpoint = tonic::transport::Endpoint::from_shared(format!("http://{server}")).unwrap();
    PushManagerServiceClient::new(endpoint.connect_lazy())
}

pub fn text(data: &str) -> MessageContent {
    MessageContent {
        r#type: "TEXT".into(),
        data: data.into(),
        ..MessageContent::default()
    }
}

/// A receipt's counts by outcome, after checking that they sum to its targets.
pub fn outcomes(receipt: Option<&Receipt>) -> BTreeMap<Outcome, i64> {
    let receipt = receipt.expect("a receipt");
    let counts: BTreeMap<Outcome, i64> = receipt
        .outcomes
        .iter()
        .map(|entry| (entry.outcome(), entry.count))
        .collect();
    assert_eq!(
        counts.values().sum::<i64>(),
        receipt.targets,
        "outcomes sum to the targets"
    );
    counts
}

/// The sum of a metric's series in a text exposition.
pub fn sum(exposition: &str, name: &str, labels: &str) -> f64 {
    exposition
        .lines()
        .filter(|line| {
            let rest = line.strip_prefix(name).unwrap_or("");
            (rest.starts_with('{') || rest.starts_with(' ')) && rest.contains(labels)
        })
        .map(|line| line.rsplit(' ').next().unwrap().parse::<f64>().unwrap())
        .sum()
}

/// Waits up to 10 s for a condition.
pub async fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    for _ in 0..1000 {
        if holds() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("never: {what}");
}
