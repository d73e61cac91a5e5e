//! The Connect-Node as a program: settings in, signals out; everything else is the library's.

use std::{error::Error, net::IpAddr, net::SocketAddr, process::ExitCode, time::Duration};

use clap::Parser;
use push_manager_reference::{
    node::{EtcdRegistration, Node, NodeConfig},
    telemetry::{LogFormat, Telemetry},
};

/// Holds people's WebSocket connections and delivers what is pushed to them.
///
/// Browsers connect to ws://HOST:HTTP_PORT/ws?user_id=U&user_name=N&room_id=R (several rooms:
/// repeat room_id or list them with commas); the page at http://HOST:HTTP_PORT/ does so by itself.
/// /stats has counters, /healthz answers ok.
///
/// Example:
///
///   push-manager-node --id connect-node-1 --controller localhost:50051 --etcd localhost:2379
///
/// Ends cleanly on SIGTERM or SIGINT: leaves etcd, finishes running pushes, tells clients and the
/// Controller. Exit codes: 0 ended as asked, 1 could not start, 2 bad arguments.
#[derive(Debug, Parser)]
#[command(version, verbatim_doc_comment)]
struct Arguments {
    /// This node's id, as the Controller and push-manager name it; unique among nodes.
    #[arg(long, env = "NODE_ID", default_value = "connect-node-1")]
    id: String,
    /// The address to listen on; 127.0.0.1 lets in nobody from outside.
    #[arg(long, env = "BIND_ADDRESS", default_value = "0.0.0.0")]
    bind: IpAddr,
    /// The port for push-manager's gRPC; 0 picks a free one.
    #[arg(long, env = "GRPC_PORT", default_value_t = 50052)]
    grpc_port: u16,
    /// The port for browsers; 0 picks a free one.
    #[arg(long, env = "HTTP_PORT", default_value_t = 8080)]
    http_port: u16,
    /// host or host:port under which push-manager reaches this node's gRPC [default: the first
    /// own address that isn't loopback].
    #[arg(long, env = "ADVERTISE_ADDRESS")]
    advertise: Option<String>,
    /// host:port of the Controller-Manager; empty = nobody is told who is here.
    #[arg(long, env = "CONTROLLER_ADDRESS", default_value = "localhost:50051")]
    controller: String,
    /// etcd's addresses, separated by commas; empty = the node isn't registered.
    #[arg(
        long = "etcd",
        env = "ETCD_ENDPOINTS",
        value_delimiter = ',',
        default_value = "localhost:2379"
    )]
    etcd: Vec<String>,
    /// The key in etcd is PREFIX/HOST:PORT.
    #[arg(long, env = "ETCD_PREFIX", default_value = "connect-node")]
    etcd_prefix: String,
    /// etcd's user, if it asks for one.
    #[arg(long, env = "ETCD_USERNAME")]
    etcd_username: Option<String>,
    /// That user's password; better given in the environment.
    #[arg(long, env = "ETCD_PASSWORD", hide_env_values = true)]
    etcd_password: Option<String>,
    /// Seconds that the key in etcd outlives a node that died.
    #[arg(long, env = "ETCD_TTL", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=3600))]
    etcd_ttl: u64,
    /// Write the node's id into etcd too: "Metadata":{"node_id":"…"} instead of the null of a
    /// plain Go service. Without it push-manager knows the node by its address only.
    #[arg(
        long,
        env = "ETCD_METADATA",
        default_value_t = true,
        action = clap::ArgAction::Set,
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "true"
    )]
    etcd_metadata: bool,
    /// How much to log: error, warn, info, debug, trace, or target=level,…
    #[arg(long, env = "LOG_LEVEL", default_value = "info")]
    log_level: String,
    /// How log lines look.
    #[arg(long, env = "LOG_FORMAT", value_enum, default_value = "text")]
    log_format: LogFormat,
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    // Where it can't be done, what there is must do.
    drop(rlimit::increase_nofile_limit(u64::MAX));
    let format = arguments.log_format;
    let telemetry = match Telemetry::start(&arguments.log_level, format, "connect-node") {
        Ok(telemetry) => telemetry,
        Err(error) => {
            eprintln!("push-manager-node: {error}");
            return ExitCode::FAILURE;
        }
    };
    let ended = run(arguments).await;
    if let Err(error) = &ended {
        let cause = error.source().map(ToString::to_string);
        tracing::error!(%error, cause, "could not start");
    }
    telemetry.finish().await;
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

async fn run(arguments: Arguments) -> Result<(), Box<dyn Error>> {
    let mut stop = std::pin::pin!(push_manager_reference::telemetry::stop_signal()?);
    let config = arguments.into_config();
    let (told, registered) = (config.controller.is_some(), config.registration.is_some());
    let node = Node::start(config).await?;
    if !told {
        tracing::warn!("no Controller is set: pushes to rooms and users won't find this node");
    }
    if !registered {
        tracing::warn!("no etcd is set: push-manager won't find this node");
    }
    tracing::info!(
        node.id = node.id(),
        grpc = %node.grpc_addr(),
        http = %node.http_addr(),
        advertised = node.grpc_address(),
        "connect-node is up"
    );
    let signal = stop.as_mut().await;
    tracing::info!(signal, "shutting down");
    node.shutdown().await;
    Ok(())
}

impl Arguments {
    fn into_config(self) -> NodeConfig {
        let endpoints: Vec<String> = self
            .etcd
            .into_iter()
            .filter(|one| !one.is_empty())
            .collect();
        let registration = (!endpoints.is_empty()).then_some(EtcdRegistration {
            endpoints,
            prefix: self.etcd_prefix,
            username: self.etcd_username,
            password: self.etcd_password,
            ttl: Duration::from_secs(self.etcd_ttl),
            metadata: self.etcd_metadata,
        });
        NodeConfig {
            id: self.id,
            grpc: SocketAddr::new(self.bind, self.grpc_port),
            http: SocketAddr::new(self.bind, self.http_port),
            advertise: self.advertise,
            controller: Some(self.controller).filter(|address| !address.is_empty()),
            registration,
            ..NodeConfig::default()
        }
    }
}
