//! The real kubectl, as the admin.

use std::process::Stdio;
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::process::Command;
use tokio::time::timeout;

use crate::Cluster;
use crate::process::program;

/// How long a command may take.
const WITHIN: Duration = Duration::from_mins(1);

/// How a command ended.
#[derive(Debug, Clone)]
pub struct Output {
    /// What it wrote to standard output.
    pub stdout: String,
    /// What it wrote to standard error.
    pub stderr: String,
    /// Whether it exited with zero.
    pub success: bool,
}

impl Cluster {
    /// Runs kubectl as the admin; its default namespace is `default`.
    pub async fn kubectl(&self, args: &[&str]) -> Output {
        self.kubectl_with(args, "").await
    }

    /// Runs kubectl with something to read from standard input, for `apply -f -`.
    pub async fn kubectl_with(&self, args: &[&str], input: &str) -> Output {
        let mut command = Command::new(program("KUBECTL"));
        command
            .args(args)
            .env("KUBECONFIG", self.kubeconfig())
            .env("KUBECACHEDIR", self.files().kubectl_cache())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        let mut child = command.spawn().expect("kubectl can be started");
        let mut stdin = child.stdin.take().expect("standard input is a pipe");
        let ended = timeout(WITHIN, async {
            // Commands that read nothing may have ended before.
            drop(stdin.write_all(input.as_bytes()).await);
            drop(stdin);
            child.wait_with_output().await
        });
        let ended = ended
            .await
            .unwrap_or_else(|_| panic!("kubectl {args:?} does not end within {WITHIN:?}"))
            .expect("kubectl can be waited for");
        Output {
            stdout: String::from_utf8_lossy(&ended.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&ended.stderr).into_owned(),
            success: ended.status.success(),
        }
    }
}
