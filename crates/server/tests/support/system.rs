//! A whole system of processes: etcd, a Controller, Connect-Nodes and the
//! server, each on free loopback ports that it tells in its log.

use std::{net::SocketAddr, time::Duration};

use push_manager_proto::pubsub::push_manager_service_client::PushManagerServiceClient;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::{Instant, sleep, timeout},
};
use tonic::transport::{Channel, Endpoint};

use crate::{
    etcd::EtcdProcess,
    process::{Process, controller_program, node_program, push_manager},
    ws::Ws,
};

/// How long a state that must come may take.
const SOON: Duration = Duration::from_secs(20);

/// The server as a process.
#[derive(Debug)]
pub struct Manager {
    pub process: Process,
    pub grpc: SocketAddr,
    pub metrics: SocketAddr,
    pub admin: SocketAddr,
}

impl Manager {
    /// Starts `serve` and waits until it listens, not until it is ready. Flags
    /// win over the loopback addresses and free ports that it gets otherwise.
    pub async fn start(args: &[&str], env: &[(&str, &str)]) -> Self {
        let mut variables = vec![
            ("PM_GRPC_HOST", "127.0.0.1"),
            ("GRPC_PORT", "0"),
            ("PM_METRICS_HOST", "127.0.0.1"),
            ("METRICS_PORT", "0"),
            ("ADMIN_ADDRESS", "127.0.0.1:0"),
            ("ADVERTISE_ADDRESS", "127.0.0.1"),
        ];
        variables.retain(|(name, _)| env.iter().all(|(given, _)| given != name));
        variables.extend(env);
        let args: Vec<&str> = std::iter::once("serve")
            .chain(args.iter().copied())
            .collect();
        let mut process = Process::spawn("push-manager", push_manager(), &args, &variables);
        let line = process.log_line("push-manager started").await;
        Self {
            grpc: field(&line, "grpc"),
            metrics: field(&line, "metrics"),
            admin: field(&line, "admin"),
            process,
        }
    }

    /// Waits until `/readyz` says so.
    pub async fn ready(&self) {
        let ready = async || self.get("/readyz").await.0 == 200;
        until("/readyz is 200", ready).await;
    }

    /// The status and the body of a path on the metrics port.
    pub async fn get(&self, path: &str) -> (u16, String) {
        get(self.metrics, path).await
    }

    /// The sum of a metric's series whose labels contain `labels`.
    pub async fn metric(&self, name: &str, labels: &str) -> f64 {
        crate::bed::sum(&self.get("/metrics").await.1, name, labels)
    }

    /// Waits until so many nodes are in use.
    pub async fn nodes(&self, count: usize) {
        let wanted = count as f64;
        let there = async || self.metric("push_manager_discovery_nodes", "").await == wanted;
        until(&format!("{count} nodes in use"), there).await;
    }

    /// A caller with a connection of its own.
    pub fn client(&self) -> PushManagerServiceClient<Channel> {
        PushManagerServiceClient::new(self.channel())
    }

    /// A connection of its own, made on first use.
    pub fn channel(&self) -> Channel {
        let endpoint = Endpoint::from_shared(format!("http://{}", self.grpc)).unwrap();
        endpoint.connect_lazy()
    }
}

/// A Connect-Node as a process.
#[derive(Debug)]
pub struct NodeProcess {
    pub process: Process,
    pub id: String,
    pub grpc: SocketAddr,
    pub http: SocketAddr,
}

impl NodeProcess {
    /// Starts a node and waits until it listens, not until it is registered.
    pub async fn start(id: &str, etcd: &str, controller: SocketAddr, args: &[&str]) -> Self {
        let controller = controller.to_string();
        let mut all = vec!["--id", id, "--bind", "127.0.0.1", "--http-port", "0"];
        all.extend(["--etcd", etcd, "--controller", &controller]);
        if !args.contains(&"--grpc-port") {
            all.extend(["--grpc-port", "0"]);
        }
        all.extend(args);
        let mut process = Process::spawn(id, &node_program(), &all, &[]);
        let line = process.log_line("connect-node is up").await;
        Self {
            id: id.to_owned(),
            grpc: field(&line, "grpc"),
            http: field(&line, "http"),
            process,
        }
    }

    /// A WebSocket client, after its join was confirmed.
    pub async fn join(&self, user: &str, room: &str) -> Ws {
        Ws::join(self.http, user, room).await
    }
}

/// A Controller as a process.
#[derive(Debug)]
pub struct ControllerProcess {
    pub process: Process,
    pub grpc: SocketAddr,
}

impl ControllerProcess {
    /// Starts one that keeps everything in memory.
    pub async fn start(args: &[&str]) -> Self {
        let mut all = vec!["--bind", "127.0.0.1", "--grpc-port", "0"];
        all.extend(args);
        let mut process = Process::spawn("controller", &controller_program(), &all, &[]);
        let line = process.log_line("controller-manager is up").await;
        let grpc = field(&line, "grpc");
        Self { process, grpc }
    }
}

/// All of it. The parts that are dropped first are those that need the others.
#[derive(Debug)]
pub struct System {
    pub manager: Manager,
    pub nodes: Vec<NodeProcess>,
    pub controller: ControllerProcess,
    pub etcd: EtcdProcess,
}

impl System {
    /// Starts nodes called connect-node-1 and so on, and waits until the server
    /// uses all of them.
    pub async fn start(nodes: usize, args: &[&str]) -> Self {
        Self::with(nodes, args, &[], &[]).await
    }

    /// The same, with variables for the server and flags for the nodes.
    pub async fn with(
        nodes: usize,
        args: &[&str],
        env: &[(&str, &str)],
        node_args: &[&str],
    ) -> Self {
        let etcd = EtcdProcess::start().await;
        let controller = ControllerProcess::start(&[]).await;
        let mut started = Vec::new();
        for number in 1..=nodes {
            let id = format!("connect-node-{number}");
            let args = [&["--etcd-metadata"], node_args].concat();
            let node = NodeProcess::start(&id, &etcd.endpoint(), controller.grpc, &args).await;
            started.push(node);
        }
        let (endpoint, address) = (etcd.endpoint(), controller.grpc.to_string());
        let peers = [
            ("ETCD_ENDPOINTS", endpoint.as_str()),
            ("CONTROLLER_ADDRESS", address.as_str()),
        ];
        let manager = Manager::start(args, &[&peers, env].concat()).await;
        manager.ready().await;
        manager.nodes(nodes).await;
        Self {
            manager,
            nodes: started,
            controller,
            etcd,
        }
    }

    /// One more node.
    pub async fn add_node(&mut self, id: &str, args: &[&str]) {
        let args = [&["--etcd-metadata"], args].concat();
        let endpoint = self.etcd.endpoint();
        let node = NodeProcess::start(id, &endpoint, self.controller.grpc, &args).await;
        self.nodes.push(node);
    }
}

/// The address that a log line gives for a field, in text or in JSON.
pub fn field(line: &str, name: &str) -> SocketAddr {
    let forms = [format!(" {name}="), format!("\"{name}\":\"")];
    let rest = forms.iter().find_map(|form| line.split_once(form.as_str()));
    let (_, rest) = rest.unwrap_or_else(|| panic!("no {name} in {line:?}"));
    let value = rest.split([' ', '"']).next().unwrap();
    value
        .parse()
        .unwrap_or_else(|_| panic!("{name} in {line:?}"))
}

/// The status and the body of a GET; 0 and the reason when nothing answers.
pub async fn get(at: SocketAddr, path: &str) -> (u16, String) {
    let asked = async {
        let mut stream = TcpStream::connect(at).await?;
        let request = format!("GET {path} HTTP/1.1\r\nHost: {at}\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        std::io::Result::Ok(answer)
    };
    let answer = match timeout(SOON, asked).await {
        Ok(Ok(answer)) => answer,
        Ok(Err(error)) => return (0, error.to_string()),
        Err(_) => return (0, "no answer in time".to_owned()),
    };
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    let status = head.split(' ').nth(1).and_then(|code| code.parse().ok());
    (status.unwrap_or(0), body.to_owned())
}

/// Waits for a condition that takes asking, and gives the time that it took.
pub async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) -> Duration {
    let began = Instant::now();
    while !holds().await {
        assert!(began.elapsed() < SOON, "never: {what}");
        sleep(Duration::from_millis(10)).await;
    }
    began.elapsed()
}
