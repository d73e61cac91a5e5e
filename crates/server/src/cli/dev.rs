//! `dev`: arguments and what it prints; the parts are started by [`crate::dev`].

use std::{net::IpAddr, process::ExitCode};

use clap::Args;
use push_manager_config::{Config, DiscoveryKind};

use super::{ConfigOptions, Failed, runtime, serve::stop_signal};
use crate::{
    dev::{Dev, DevPlan},
    telemetry::Telemetry,
    tuning::Tuning,
};

#[derive(Debug, Args)]
pub(super) struct DevOptions {
    /// How many Connect-Nodes.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..=50))]
    nodes: u16,
    /// The first node's page; the others follow on the next ports. 0 takes free ones.
    #[arg(long, default_value_t = 8080, value_name = "PORT")]
    page_port: u16,
    /// Where to listen; 0.0.0.0 lets a phone in.
    #[arg(long, default_value = "127.0.0.1", value_name = "ADDRESS")]
    host: IpAddr,
    /// Discover through a real etcd (at ENDPOINTS, comma-separated) instead of in memory.
    #[arg(long, value_name = "ENDPOINTS", num_args = 0..=1, default_missing_value = "localhost:2379")]
    etcd: Option<String>,
    /// Make it worth looking at with `pushtop`: people, a load that varies, and nodes that are
    /// slow, fall silent, die and come back.
    #[arg(long, conflicts_with = "etcd")]
    demo: bool,
}

pub(super) fn run(options: &ConfigOptions, dev: &DevOptions) -> Result<ExitCode, Failed> {
    let (sources, loaded) = options.load()?;
    let mut config: Config = loaded.config;
    config.grpc.host = dev.host.to_string();
    config.metrics.host = dev.host.to_string();
    config.discovery.kind = DiscoveryKind::Memory;
    if let Some(endpoints) = &dev.etcd {
        config.discovery.kind = DiscoveryKind::Etcd;
        config.etcd.endpoints = endpoints.split(',').map(str::to_owned).collect();
        if config.advertise.address.is_empty() && !dev.host.is_unspecified() {
            config.advertise.address = dev.host.to_string();
        }
    }
    let plan = DevPlan {
        nodes: dev.nodes,
        host: dev.host,
        first_page: dev.page_port,
        demo: dev.demo,
    };
    runtime()?.block_on(Box::pin(async {
        let telemetry = Telemetry::init(&config, &sources.env).map_err(|e| Failed::running(&e))?;
        let tuning = Tuning::new(&config, Some(telemetry.level_setter()));
        let dev = Dev::start_tuned(config, plan, tuning)
            .await
            .map_err(|e| Failed::running(&e))?;
        println!("{}", welcome(&dev));
        stop_signal().await?;
        dev.stop().await;
        telemetry.flush().await;
        Ok(ExitCode::SUCCESS)
    }))
}

fn welcome(dev: &Dev) -> String {
    let page = dev.page();
    let grpc = dev.server().grpc_addr().port();
    let metrics = dev.server().metrics_addr();
    let room = r#"{"room_id":"room-001","content":{"type":"TEXT","data":"Hello Room!","timestamp":1234567890,"metadata":{}}}"#;
    let user = r#"{"user_id":"user-001","content":{"type":"TEXT","data":"Hello User!","timestamp":1234567890,"metadata":{}}}"#;
    let all = r#"{"content":{"type":"SYSTEM","data":"System Announcement","timestamp":1234567890,"metadata":{}}}"#;
    format!(
        "
Push-Manager is running with {nodes} Connect-Nodes.

1. Open this page; it joins room-001 as user-001 and shows pushes as they arrive:

     http://{page}/?user_id=user-001&room_id=room-001

2. Push to it from another terminal:

     grpcurl -plaintext -d '{room}' localhost:{grpc} pubsub.PushManagerService/PushToRoom
     grpcurl -plaintext -d '{user}' localhost:{grpc} pubsub.PushManagerService/PushToUser
     grpcurl -plaintext -d '{all}' localhost:{grpc} pubsub.PushManagerService/BroadcastMessage

   or without grpcurl:

     {program} push room room-001 --data 'Hello Room!' --to localhost:{grpc}

Other nodes' pages: {others}
Metrics: http://{metrics}/metrics   Ready: http://{metrics}/readyz
Admin: {admin} (see it with `pushtop`, or: grpcurl -plaintext {admin} pushmanager.admin.v1.AdminService/GetInfo)
Ctrl-C stops it.
",
        program = program(),
        admin = dev.server().admin_addr().map_or_else(|| "off".to_owned(), |at| at.to_string()),
        nodes = dev.pages().len(),
        others = dev
            .pages()
            .iter()
            .skip(1)
            .map(|at| format!("http://{at}/"))
            .collect::<Vec<_>>()
            .join(" "),
    )
}

/// How to call this program again from the folder it was started in.
fn program() -> String {
    let here = std::env::current_dir().unwrap_or_default();
    match std::env::current_exe() {
        Ok(path) => match path.strip_prefix(here) {
            Ok(within) => format!("./{}", within.display()),
            Err(_) => path.display().to_string(),
        },
        Err(_) => "push-manager".to_owned(),
    }
}
