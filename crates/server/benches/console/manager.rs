//! The release server, with nodes and a Controller embedded, as a process of its own.

use std::{
    net::TcpListener,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use tonic::transport::{Channel, Endpoint};

pub struct Manager {
    process: Child,
    grpc: u16,
    admin: u16,
}

impl Manager {
    pub async fn start(nodes: usize) -> Self {
        let [grpc, metrics, admin] = free_ports();
        let process = Command::new(env!("CARGO_BIN_EXE_push-manager"))
            .args(["dev", "--page-port", "0", "--nodes", &nodes.to_string()])
            .arg("--set")
            .arg(format!("grpc.port={grpc}"))
            .arg("--set")
            .arg(format!("metrics.port={metrics}"))
            .arg("--set")
            .arg(format!("admin.address=127.0.0.1:{admin}"))
            .args(["--log-level", "error"])
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let manager = Self {
            process,
            grpc,
            admin,
        };
        let began = Instant::now();
        while manager.grpc().connect().await.is_err() || manager.admin().connect().await.is_err() {
            assert!(
                began.elapsed() < Duration::from_secs(60),
                "it does not start"
            );
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        manager
    }

    pub fn grpc(&self) -> Endpoint {
        at(self.grpc)
    }

    pub fn admin(&self) -> Endpoint {
        at(self.admin)
    }

    pub fn lazily(&self) -> Channel {
        self.grpc().connect_lazy()
    }

    /// CPU time over a window, as a share of one core.
    pub async fn share_of_a_core(&self, window: Duration) -> f64 {
        let (began, before) = (Instant::now(), self.cpu());
        tokio::time::sleep(window).await;
        (self.cpu() - before).as_secs_f64() / began.elapsed().as_secs_f64()
    }

    /// Of all its threads.
    fn cpu(&self) -> Duration {
        let threads = format!("/proc/{}/task", self.process.id());
        let spent = std::fs::read_dir(threads).unwrap().filter_map(|thread| {
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
