//! `kubectl port-forward`, for as long as it is held.

use std::{process::Stdio, time::Duration};

use push_manager_envtest::Seen;
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
    time::timeout,
};

use crate::space::Space;

/// A running port-forward.
#[derive(Debug)]
pub struct Forward {
    /// The port on this machine.
    pub port: u16,
    _kubectl: Child,
}

impl Forward {
    /// Begins one to a port of `object`, such as `service/push`; `local` 0 takes a free port.
    pub async fn to(space: &Space, object: &str, local: u16, port: u16) -> Seen<Self> {
        let mut kubectl = Command::new(space.lab.kubectl_path());
        kubectl.env("KUBECONFIG", &space.lab.settings.kubeconfig);
        kubectl.args(["--namespace", &space.name, "port-forward", object]);
        kubectl.arg(format!("{local}:{port}"));
        kubectl
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .kill_on_drop(true);
        let mut child = kubectl.spawn()?;
        let out = child.stdout.take().ok_or("kubectl has no output")?;
        let mut lines = BufReader::new(out).lines();
        let line = timeout(Duration::from_secs(20), lines.next_line()).await??;
        let line = line.ok_or_else(|| format!("the port-forward to {object} ended"))?;
        // Forwarding from 127.0.0.1:PORT -> …
        let said = line
            .split("127.0.0.1:")
            .nth(1)
            .and_then(|rest| rest.split(' ').next());
        let port = said.and_then(|port| port.parse().ok()).ok_or(line)?;
        // Each connection is a line, which nobody reads.
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        Ok(Self {
            port,
            _kubectl: child,
        })
    }
}
