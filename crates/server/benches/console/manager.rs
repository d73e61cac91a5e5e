//! The release server as a process of its own.

use std::{
    net::TcpListener,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use tonic::transport::Endpoint;

use crate::peers::Peers;

pub struct Manager {
    process: Child,
    grpc: u16,
    admin: u16,
}

impl Manager {
    pub async fn start(peers: &Peers) -> Self {
        let [grpc, metrics, admin] = free_ports();
        let settings = [
            format!("controller.address={}", peers.controller()),
            "discovery.kind=static".to_owned(),
            format!("discovery.nodes={}", peers.nodes()),
            "grpc.host=127.0.0.1".to_owned(),
            format!("grpc.port={grpc}"),
            "metrics.host=127.0.0.1".to_owned(),
            format!("metrics.port={metrics}"),
            format!("admin.address=127.0.0.1:{admin}"),
        ];
        let mut command = Command::new(env!("CARGO_BIN_EXE_push-manager"));
        for setting in settings {
            command.args(["--set", &setting]);
        }
        command.args(["--log-level", "error"]).stdout(Stdio::null());
        let mut manager = Self {
            process: command.spawn().unwrap(),
            grpc,
            admin,
        };
        manager.until_it_serves().await;
        manager
    }

    async fn until_it_serves(&mut self) {
        let began = Instant::now();
        while self.grpc().connect().await.is_err() || self.admin().connect().await.is_err() {
            if let Some(status) = self.process.try_wait().unwrap() {
                panic!("the manager ended before it served: {status}");
            }
            assert!(
                began.elapsed() < Duration::from_secs(60),
                "it does not start"
            );
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    pub fn grpc(&self) -> Endpoint {
        at(self.grpc)
    }

    pub fn admin(&self) -> Endpoint {
        at(self.admin)
    }

    /// The time that all its threads ran, by the scheduler's own account.
    pub fn cpu(&self) -> Duration {
        let threads = format!("/proc/{}/task", self.process.id());
        let spent = std::fs::read_dir(threads)
            .expect("the manager lives")
            .filter_map(|thread| {
                let told = std::fs::read_to_string(thread.ok()?.path().join("schedstat")).ok()?;
                told.split_whitespace().next()?.parse::<u64>().ok()
            });
        Duration::from_nanos(spent.sum())
    }
}

impl Drop for Manager {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

fn at(port: u16) -> Endpoint {
    Endpoint::from_shared(format!("http://127.0.0.1:{port}")).unwrap()
}

fn free_ports<const MANY: usize>() -> [u16; MANY] {
    let held = std::array::from_fn::<_, MANY, _>(|_| TcpListener::bind("127.0.0.1:0").unwrap());
    held.map(|port| port.local_addr().unwrap().port())
}
