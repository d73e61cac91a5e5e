//! A real etcd on loopback, to be killed, stopped and emptied by tests.
//!
//! The programs are named by the variables ETCD and ETCDCTL. Without them tests fail: skipping
//! would look like passing.

#![allow(dead_code, reason = "each test file uses a part of it")]
#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking, its helpers included"
)]

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use etcd_client::{Client, CompactionOptions, ConnectOptions, DeleteOptions, GetOptions};
use tokio::time::{Instant, sleep, timeout};

/// How long an etcd may take until it answers.
const START_DEADLINE: Duration = Duration::from_secs(15);

static STARTED: AtomicU32 = AtomicU32::new(0);

/// One etcd member; it is killed, and its data removed, when dropped.
#[derive(Debug)]
pub(crate) struct EtcdProcess {
    name: String,
    client_port: u16,
    peer_port: u16,
    cluster: String,
    data: PathBuf,
    child: Option<Child>,
}

impl EtcdProcess {
    /// Starts a member that is a cluster by itself, and waits until it answers.
    pub(crate) async fn start() -> Self {
        let mut etcd = Self::reserve();
        etcd.restart().await;
        etcd
    }

    /// Chooses ports and a directory for a member that `restart` will start.
    pub(crate) fn reserve() -> Self {
        let number = STARTED.fetch_add(1, Ordering::Relaxed);
        let name = format!("push-manager-etcd-{}-{number}", std::process::id());
        let (client_port, peer_port) = free_ports();
        Self {
            cluster: format!("{name}=http://127.0.0.1:{peer_port}"),
            data: std::env::temp_dir().join(&name),
            name,
            client_port,
            peer_port,
            child: None,
        }
    }

    /// Starts two members of one cluster: without the other, neither has a leader.
    pub(crate) async fn start_pair() -> (Self, Self) {
        let (mut one, mut two) = (Self::reserve(), Self::reserve());
        one.cluster = format!("{},{}", one.cluster, two.cluster);
        two.cluster = one.cluster.clone();
        one.spawn();
        two.spawn();
        one.wait_until_serving().await;
        two.wait_until_serving().await;
        (one, two)
    }

    /// `host:port` for clients.
    pub(crate) fn endpoint(&self) -> String {
        format!("127.0.0.1:{}", self.client_port)
    }

    /// Kills it with SIGKILL; the data stays.
    pub(crate) fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().expect("etcd can be killed");
            child.wait().expect("etcd can be waited for");
        }
    }

    /// Starts it, again on the same ports and data, and waits until it answers.
    pub(crate) async fn restart(&mut self) {
        self.kill();
        self.spawn();
        self.wait_until_serving().await;
    }

    /// Removes its data; it must have been killed before.
    pub(crate) fn wipe(&self) {
        assert!(self.child.is_none(), "a running etcd can't be wiped");
        std::fs::remove_dir_all(&self.data).expect("etcd's data can be removed");
    }

    /// Stops it with SIGSTOP: connections stay open, nothing answers.
    pub(crate) fn pause(&self) {
        self.signal("-STOP");
    }

    /// Lets it go on after `pause`.
    pub(crate) fn resume(&self) {
        self.signal("-CONT");
    }

    /// A client of this member alone, without credentials.
    pub(crate) async fn client(&self) -> Client {
        Client::connect([self.endpoint()], Some(options()))
            .await
            .expect("a client is made without a request")
    }

    /// Puts a key.
    pub(crate) async fn put(&self, key: &str, value: impl Into<Vec<u8>>) {
        let mut client = self.client().await;
        client.put(key, value, None).await.expect("put");
    }

    /// A key's value, if it is there, and its lease.
    pub(crate) async fn get(&self, key: &str) -> Option<(String, i64)> {
        let mut client = self.client().await;
        let found = client.get(key, None).await.expect("get");
        let kv = found.kvs().first()?;
        let value = kv.value_str().expect("UTF-8").to_owned();
        Some((value, kv.lease()))
    }

    /// Deletes a key.
    pub(crate) async fn del(&self, key: &str) {
        let mut client = self.client().await;
        client.delete(key, None).await.expect("delete");
    }

    /// Deletes all keys with a prefix.
    pub(crate) async fn del_prefix(&self, prefix: &str) {
        let options = DeleteOptions::new().with_prefix();
        let mut client = self.client().await;
        client.delete(prefix, Some(options)).await.expect("delete");
    }

    /// The store's revision.
    pub(crate) async fn revision(&self) -> i64 {
        let options = GetOptions::new().with_count_only();
        let mut client = self.client().await;
        let found = client.get("none", Some(options)).await.expect("get");
        found.header().expect("a header").revision()
    }

    /// Compacts all history.
    pub(crate) async fn compact(&self) {
        let revision = self.revision().await;
        let options = CompactionOptions::new().with_physical();
        let mut client = self.client().await;
        client
            .compact(revision, Some(options))
            .await
            .expect("compact");
    }

    /// Runs etcdctl against this member and returns what it printed.
    pub(crate) async fn ctl(&self, args: &[&str]) -> String {
        let mut command = tokio::process::Command::new(program("ETCDCTL"));
        command.arg("--endpoints").arg(self.endpoint()).args(args);
        let output = timeout(START_DEADLINE, command.output());
        let output = output.await.expect("etcdctl ends").expect("etcdctl runs");
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "etcdctl {args:?}: {errors}");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    fn spawn(&mut self) {
        let client_url = format!("http://127.0.0.1:{}", self.client_port);
        let peer_url = format!("http://127.0.0.1:{}", self.peer_port);
        let child = Command::new(program("ETCD"))
            .args(["--name", &self.name])
            .args(["--data-dir", path_text(&self.data)])
            .args(["--listen-client-urls", &client_url])
            .args(["--advertise-client-urls", &client_url])
            .args(["--listen-peer-urls", &peer_url])
            .args(["--initial-advertise-peer-urls", &peer_url])
            .args(["--initial-cluster", &self.cluster])
            .args(["--log-level", "error"])
            .arg("--unsafe-no-fsync")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("etcd starts");
        self.child = Some(child);
    }

    async fn wait_until_serving(&mut self) {
        let deadline = Instant::now() + START_DEADLINE;
        loop {
            let mut client = self.client().await;
            let probe = client.get("none", None);
            match timeout(Duration::from_secs(1), probe).await {
                Ok(Ok(_)) => return,
                // With authentication on it answers so, which is an answer.
                Ok(Err(error)) if error.to_string().contains("user name is empty") => return,
                Ok(Err(_)) | Err(_) => {}
            }
            let child = self.child.as_mut().expect("etcd was started");
            if let Some(status) = child.try_wait().expect("etcd can be asked") {
                panic!("etcd on port {} ended: {status}", self.client_port);
            }
            assert!(Instant::now() < deadline, "etcd doesn't answer");
            sleep(Duration::from_millis(50)).await;
        }
    }

    fn signal(&self, signal: &str) {
        let pid = self.child.as_ref().expect("etcd runs").id().to_string();
        let sent = Command::new("kill").args([signal, &pid]).status();
        assert!(sent.expect("kill runs").success(), "kill {signal} {pid}");
    }
}

impl Drop for EtcdProcess {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            // Nothing is left to do if it is gone already.
            drop(child.kill());
            drop(child.wait());
        }
        drop(std::fs::remove_dir_all(&self.data));
    }
}

fn options() -> ConnectOptions {
    let limit = Duration::from_secs(10);
    ConnectOptions::new()
        .with_timeout(limit)
        .with_connect_timeout(limit)
}

fn program(variable: &str) -> PathBuf {
    match std::env::var_os(variable) {
        Some(path) => path.into(),
        None => panic!("{variable} must name the program; `cargo xtask test` sets it"),
    }
}

fn path_text(path: &Path) -> &str {
    path.to_str().expect("the temporary directory is UTF-8")
}

/// Two ports that were free a moment ago.
fn free_ports() -> (u16, u16) {
    let bind = || TcpListener::bind("127.0.0.1:0").expect("a loopback port");
    let (one, two) = (bind(), bind());
    let port = |listener: &TcpListener| listener.local_addr().expect("an address").port();
    (port(&one), port(&two))
}
