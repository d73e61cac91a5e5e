//! The Controller-Manager as a program: settings in, signals out; everything else is the library's.

use std::{error::Error, net::IpAddr, net::SocketAddr, process::ExitCode, time::Duration};

use clap::Parser;
use push_manager_reference::{
    controller::{Controller, ControllerConfig, EtcdStore},
    telemetry::{LogFormat, Telemetry},
};

/// Knows which users are in which rooms on which nodes, as the Connect-Nodes report it.
///
/// Example, one instance, everything in memory (nodes report anew after a restart):
///
///   push-manager-controller --grpc-port 50051
///
/// Example, one of several that share etcd:
///
///   push-manager-controller --etcd etcd-0:2379,etcd-1:2379
///
/// Ends cleanly on SIGTERM or SIGINT. Exit codes: 0 ended as asked, 1 could not start, 2 bad
/// arguments.
#[derive(Debug, Parser)]
#[command(version, verbatim_doc_comment)]
struct Arguments {
    /// The address to listen on; 127.0.0.1 lets in nobody from outside.
    #[arg(long, env = "BIND_ADDRESS", default_value = "0.0.0.0")]
    bind: IpAddr,
    /// The port for gRPC; 0 picks a free one.
    #[arg(long, env = "GRPC_PORT", default_value_t = 50051)]
    grpc_port: u16,
    /// etcd's addresses, separated by commas; without them everything is in memory only.
    #[arg(long = "etcd", env = "ETCD_ENDPOINTS", value_delimiter = ',')]
    etcd: Vec<String>,
    /// All keys in etcd begin with this.
    #[arg(long, env = "ETCD_PREFIX", default_value = "controller/")]
    etcd_prefix: String,
    /// etcd's user, if it asks for one.
    #[arg(long, env = "ETCD_USERNAME")]
    etcd_username: Option<String>,
    /// That user's password; better given in the environment.
    #[arg(long, env = "ETCD_PASSWORD", hide_env_values = true)]
    etcd_password: Option<String>,
    /// Seconds that a user stays known without being reported again; nodes report every 10.
    #[arg(long, env = "PRESENCE_TTL", default_value_t = 60, value_parser = clap::value_parser!(u64).range(3..=86_400))]
    presence_ttl: u64,
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
    let telemetry = match Telemetry::start(&arguments.log_level, format, "controller-manager") {
        Ok(telemetry) => telemetry,
        Err(error) => {
            eprintln!("push-manager-controller: {error}");
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
    let controller = Controller::start(arguments.into_config()).await?;
    tracing::info!(grpc = %controller.address(), "controller-manager is up");
    let signal = stop.as_mut().await;
    tracing::info!(signal, "shutting down");
    controller.shutdown().await;
    Ok(())
}

impl Arguments {
    fn into_config(self) -> ControllerConfig {
        let endpoints: Vec<String> = self
            .etcd
            .into_iter()
            .filter(|one| !one.is_empty())
            .collect();
        let presence_ttl = Duration::from_secs(self.presence_ttl);
        let etcd = (!endpoints.is_empty()).then_some(EtcdStore {
            endpoints,
            prefix: self.etcd_prefix,
            username: self.etcd_username,
            password: self.etcd_password,
            max_staleness: presence_ttl,
        });
        ControllerConfig {
            listen: SocketAddr::new(self.bind, self.grpc_port),
            etcd,
            presence_ttl,
            ..ControllerConfig::default()
        }
    }
}
