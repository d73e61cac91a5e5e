//! A running operator, as it ships: the program with exactly its shipped role.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::Duration;

use push_manager_envtest::{Cluster, Process, eventually};
use tokio::sync::OnceCell;

/// Where operators run.
pub const SYSTEM: &str = "push-manager-system";
/// The operator's account, field manager and Lease.
pub const OPERATOR: &str = "push-manager-operator";
/// What comes by itself comes within this time.
pub const SOON: Duration = Duration::from_secs(30);

/// The program under test.
pub fn program() -> PathBuf {
    env!("CARGO_BIN_EXE_push-manager-operator").into()
}

/// What the program prints.
pub fn printed(program: &Path, args: &[&str]) -> String {
    let output = std::process::Command::new(program)
        .args(args)
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{args:?}: {errors}");
    String::from_utf8(output.stdout).unwrap()
}

/// Installs the definition and the shipped role, once a cluster.
pub async fn install(cluster: &Cluster, program: &Path, watch: Option<&str>) {
    define(cluster, program).await;
    let namespace = format!("apiVersion: v1\nkind: Namespace\nmetadata: {{name: {SYSTEM}}}\n");
    apply(cluster, &namespace).await;
    let mut rbac = vec!["rbac", "--namespace", SYSTEM];
    rbac.extend(watch.iter().flat_map(|watch| ["--watch", watch]));
    apply(cluster, &printed(program, &rbac)).await;
}

/// Installs the definition and waits until the API server knows it.
pub async fn define(cluster: &Cluster, program: &Path) {
    apply(cluster, &printed(program, &["crd"])).await;
    eventually(SOON, "the API server knows PushManagers", async || {
        let listed = cluster.kubectl(&["get", "pushmanagers", "-A"]).await;
        if listed.success {
            Ok(())
        } else {
            Err(listed.stderr)
        }
    })
    .await;
}

/// `kubectl apply` that must succeed.
pub async fn apply(cluster: &Cluster, manifests: &str) {
    let args = ["apply", "--server-side", "--force-conflicts", "-f", "-"];
    let applied = cluster.kubectl_with(&args, manifests).await;
    assert!(applied.success, "{}", applied.stderr);
}

/// An operator's process; it ends when dropped.
#[derive(Debug)]
pub struct Operator {
    pub process: Process,
    log: PathBuf,
}

impl Operator {
    /// Starts one with the account's own credentials.
    pub async fn start(cluster: &Cluster, name: &'static str, args: &[&str]) -> Self {
        Self::start_program(cluster, &program(), name, args).await
    }

    pub async fn start_program(
        cluster: &Cluster,
        program: &Path,
        name: &'static str,
        args: &[&str],
    ) -> Self {
        Self::start_so(cluster, program, name, args, &[]).await
    }

    /// Starts one with variables of its own.
    pub async fn start_with(
        cluster: &Cluster,
        name: &'static str,
        args: &[&str],
        env: &[(&'static str, String)],
    ) -> Self {
        Self::start_so(cluster, &program(), name, args, env).await
    }

    async fn start_so(
        cluster: &Cluster,
        program: &Path,
        name: &'static str,
        args: &[&str],
        more: &[(&'static str, String)],
    ) -> Self {
        let kubeconfig = cluster.kubeconfig_for(SYSTEM, OPERATOR).await;
        let usual = ["run", "--http-address", "127.0.0.1:0", "--identity", name];
        let args: Vec<String> = usual.iter().chain(args).map(ToString::to_string).collect();
        let log = cluster.folder().join(format!("{name}.log"));
        let mut env = vec![
            ("KUBECONFIG", kubeconfig.display().to_string()),
            ("LOG_LEVEL", "info,push_manager_operator=debug".to_owned()),
        ];
        env.extend_from_slice(more);
        let process = Process::start_with(name, program, &args, &env, &log);
        Self { process, log }
    }

    /// All that it logged.
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Waits until it logged these words.
    pub async fn says(&self, words: &str) {
        eventually(SOON, &format!("the operator says {words:?}"), async || {
            let log = self.log();
            if log.contains(words) {
                Ok(())
            } else {
                Err(log)
            }
        })
        .await;
    }

    /// Where its metrics are.
    pub async fn address(&self) -> String {
        eventually(SOON, "the operator tells its address", async || {
            let log = self.log();
            let line = log.lines().find(|line| line.contains("metrics and health"));
            let address = line.and_then(|line| line.split_once("address="));
            address.map_or(Err(log.clone()), |(_, address)| {
                Ok(address.trim().to_owned())
            })
        })
        .await
    }

    /// Its metrics page.
    pub async fn metrics(&self) -> String {
        let address = self.address().await;
        get(&address, "/metrics").await
    }

    /// Asks it to stop, and waits for its end.
    pub async fn stop(mut self) -> std::process::ExitStatus {
        self.process.signal("TERM");
        self.end().await
    }

    /// Waits for its end.
    pub async fn end(&mut self) -> std::process::ExitStatus {
        for _ in 0..600 {
            if let Some(status) = self.process.ended() {
                return status;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("the operator did not end:\n{}", self.log());
    }
}

/// A page over plain HTTP.
pub async fn get(address: &str, path: &str) -> String {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

/// The cluster and the operator that most tests share: they keep to namespaces of their own.
pub async fn shared() -> &'static Cluster {
    static INSTALLED: OnceCell<()> = OnceCell::const_new();
    static RUNNING: OnceLock<Operator> = OnceLock::new();
    let cluster = Cluster::shared().await;
    INSTALLED
        .get_or_init(|| async {
            install(cluster, &program(), None).await;
            let operator =
                Operator::start(cluster, "shared", &["--leader-election", "false"]).await;
            operator.says("reconciling").await;
            drop(RUNNING.set(operator));
        })
        .await;
    cluster
}
