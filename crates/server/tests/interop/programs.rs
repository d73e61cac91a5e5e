//! Programs that run beside the test, and the JSON lines that they print.

use std::{
    path::PathBuf,
    process::{ExitStatus, Stdio},
    time::Duration,
};

use push_manager::server::Server;
use push_manager_config::Config;
use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt, AsyncRead, BufReader},
    process::{Child, Command},
    sync::mpsc,
    time::timeout,
};

use crate::{bed, etcd::EtcdProcess};

/// How long a program may take to say or do what is waited for.
const PATIENCE: Duration = Duration::from_secs(20);

/// The path that a variable names.
pub fn program(variable: &str) -> PathBuf {
    match std::env::var_os(variable) {
        Some(path) => path.into(),
        None => panic!("{variable} must name the program; `cargo xtask test` sets it"),
    }
}

/// A program of this workspace.
pub fn product(name: &str) -> PathBuf {
    let server = PathBuf::from(env!("CARGO_BIN_EXE_push-manager"));
    let path = server.with_file_name(name);
    assert!(
        path.is_file(),
        "{} is missing: cargo build -p push-manager-reference --bins",
        path.display()
    );
    path
}

/// The Go program, about to be started.
pub fn go(args: &[&str]) -> Command {
    let mut command = Command::new(program("INTEROP_GO"));
    command.args(args);
    command
}

/// A program that prints JSON lines; killed when dropped.
pub struct Running {
    name: String,
    child: Child,
    lines: mpsc::UnboundedReceiver<Value>,
}

impl Running {
    /// Starts a program that speaks on standard output.
    pub fn start(command: Command) -> Self {
        Self::spawn(command, false)
    }

    /// Starts a program that logs JSON on standard error.
    pub fn start_logging(command: Command) -> Self {
        Self::spawn(command, true)
    }

    fn spawn(mut command: Command, logging: bool) -> Self {
        let name = format!("{:?}", command.as_std());
        command.stdin(Stdio::null()).kill_on_drop(true);
        if logging {
            command.stdout(Stdio::null()).stderr(Stdio::piped());
        } else {
            command.stdout(Stdio::piped());
        }
        let mut child = command
            .spawn()
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        let (tell, lines) = mpsc::unbounded_channel();
        if logging {
            read(child.stderr.take().unwrap(), tell);
        } else {
            read(child.stdout.take().unwrap(), tell);
        }
        Self { name, child, lines }
    }

    /// The next line.
    pub async fn line(&mut self) -> Value {
        match timeout(PATIENCE, self.lines.recv()).await {
            Ok(Some(line)) => line,
            Ok(None) => panic!("{} printed nothing more", self.name),
            Err(_) => panic!("{} printed nothing for {PATIENCE:?}", self.name),
        }
    }

    /// The next line whose `key` is `value`.
    pub async fn line_with(&mut self, key: &str, value: &str) -> Value {
        loop {
            let line = self.line().await;
            if line[key] == value {
                return line;
            }
        }
    }

    /// The next line, if there is one already.
    pub fn ready_line(&mut self) -> Option<Value> {
        self.lines.try_recv().ok()
    }

    /// Asks it to end with SIGTERM, and returns how it did and what it still said.
    pub async fn terminate(mut self) -> (ExitStatus, Vec<Value>) {
        let pid = self.child.id().expect("it runs").to_string();
        let sent = Command::new("kill").args(["-TERM", &pid]).status().await;
        assert!(sent.unwrap().success());
        let ended = timeout(PATIENCE, self.child.wait()).await;
        let status = ended
            .unwrap_or_else(|_| panic!("{} does not end", self.name))
            .unwrap();
        let mut rest = Vec::new();
        while let Some(line) = self.lines.recv().await {
            rest.push(line);
        }
        (status, rest)
    }
}

/// Passes on the lines that are JSON; others go to the test's own output.
fn read(from: impl AsyncRead + Send + Unpin + 'static, to: mpsc::UnboundedSender<Value>) {
    tokio::spawn(async move {
        let mut lines = BufReader::new(from).lines();
        while let Ok(Some(line)) = lines.next_line().await {
            match serde_json::from_str(&line) {
                Ok(line) => drop(to.send(line)),
                Err(_) => eprintln!("{line}"),
            }
        }
    });
}

/// A configuration whose nodes are those in `etcd`.
pub fn config_with(etcd: &EtcdProcess, controller: &str) -> Config {
    let mut config = bed::config();
    config.etcd.endpoints = vec![etcd.endpoint()];
    config.controller.address = controller.to_owned();
    config
}

/// A server that found `nodes` nodes in etcd.
pub async fn serve(config: &Config, nodes: usize) -> Server {
    let server = Server::start(config, None).await.unwrap();
    bed::eventually("the server found its nodes", || {
        server.readiness().state().why_not().is_none()
            && server.pool().snapshot().nodes().len() == nodes
    })
    .await;
    server
}
