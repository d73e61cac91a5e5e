//! `dev`: all of it in one process, told to a newcomer.

use std::{net::TcpListener, time::Duration};

use crate::{
    etcd::EtcdProcess,
    process::{Process, Run, push_manager, run},
    system::{field, get, until},
    ws::Ws,
};

/// Free ports for all that `dev` opens.
const FREE: [&str; 7] = [
    "dev",
    "--page-port",
    "0",
    "--grpc-port",
    "0",
    "--metrics-port",
    "0",
];

/// Checks the words of welcome and gives the first page's host:port.
async fn welcomed(dev: &mut Process) -> String {
    let started = dev.log_line("push-manager started").await;
    let grpc = field(&started, "grpc").port();
    dev.out_line("Ctrl-C stops it.").await;
    let out = dev.out();
    for call in ["PushToRoom", "PushToUser", "BroadcastMessage"] {
        let end = format!("localhost:{grpc} pubsub.PushManagerService/{call}");
        let command = out.lines().find(|line| line.ends_with(&end));
        let command = command.unwrap_or_else(|| panic!("no command ends in {end}:\n{out}"));
        assert!(
            command.trim().starts_with("grpcurl -plaintext -d '{"),
            "{command}"
        );
    }
    let page = out
        .lines()
        .find_map(|line| line.trim().strip_prefix("http://"));
    let (host, _) = page.expect("the page's address").split_once('/').unwrap();
    host.to_owned()
}

async fn ends_cleanly(dev: &mut Process) {
    dev.signal("INT");
    assert_eq!(dev.exit(Duration::from_secs(15)).await.code(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn dev_prints_the_page_and_the_commands_and_a_push_arrives() {
    let mut dev = Process::spawn("dev", push_manager(), &FREE, &[]);
    let page = welcomed(&mut dev).await;
    let (status, html) = get(page.parse().unwrap(), "/").await;
    assert_eq!(status, 200);
    assert!(html.contains("<html"), "{html}");
    let mut client = Ws::join(page.parse().unwrap(), "user-001", "room-001").await;
    let line = dev.log_line("push-manager started").await;
    let to = format!("localhost:{}", field(&line, "grpc").port());
    let push = [
        "push",
        "room",
        "room-001",
        "--data",
        "Hello Room!",
        "--to",
        &to,
    ];
    let Run { code, out, err } = run(push_manager(), &push, &[]).await;
    assert_eq!(code, 0, "{err}");
    assert!(out.contains("1 delivered"), "{out}");
    assert_eq!(client.data().await, "Hello Room!");
    ends_cleanly(&mut dev).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn dev_with_etcd_registers_its_nodes_there_and_takes_them_back() {
    let etcd = EtcdProcess::start().await;
    let endpoint = etcd.endpoint();
    let args = [&FREE[..], &["--nodes", "2", "--etcd", &endpoint]].concat();
    let mut dev = Process::spawn("dev", push_manager(), &args, &[]);
    welcomed(&mut dev).await;
    let keys = async |prefix: &str| {
        let keys = etcd.ctl(&["get", prefix, "--prefix", "--keys-only"]).await;
        keys.lines().filter(|line| !line.is_empty()).count()
    };
    let there = async || keys("connect-node/").await == 2 && keys("push-manager/").await == 1;
    until("nodes and server are in etcd", there).await;
    ends_cleanly(&mut dev).await;
    assert_eq!(keys("").await, 0, "nothing is left behind");
}

#[tokio::test(flavor = "multi_thread")]
async fn dev_on_a_taken_page_port_names_it() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let args = [
        "dev",
        "--page-port",
        &port,
        "--grpc-port",
        "0",
        "--metrics-port",
        "0",
    ];
    let Run { code, out, err } = run(push_manager(), &args, &[]).await;
    assert_eq!(code, 1, "{err}");
    let last = err.lines().last().unwrap();
    assert!(last.contains(&format!("127.0.0.1:{port}")), "{last}");
    assert!(last.contains("--page-port"), "{last}");
    assert!(out.is_empty(), "no welcome: {out}");
}

#[tokio::test(flavor = "multi_thread")]
async fn dev_on_a_taken_grpc_port_names_it() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let args = [
        "dev",
        "--page-port",
        "0",
        "--grpc-port",
        &port,
        "--metrics-port",
        "0",
    ];
    let Run { code, err, .. } = run(push_manager(), &args, &[]).await;
    assert_eq!(code, 1, "{err}");
    let last = err.lines().last().unwrap();
    assert!(last.contains(&port) && last.contains("grpc.port"), "{last}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_demo_has_people_load_and_more_nodes_and_ends_cleanly() {
    let mut dev = Process::spawn(
        "dev",
        push_manager(),
        &[&FREE[..], &["--demo"]].concat(),
        &[],
    );
    let line = dev.log_line("push-manager started").await;
    let metrics = field(&line, "metrics");
    let figure = async |name| crate::bed::sum(&get(metrics, "/metrics").await.1, name, "");
    let nodes = async || figure("push_manager_discovery_nodes").await >= 10.0;
    until("the troupe is discovered", nodes).await;
    let delivered = async || figure("push_manager_push_success_total").await > 100.0;
    until("people get pushes", delivered).await;
    ends_cleanly(&mut dev).await;
}
