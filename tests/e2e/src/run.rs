//! Other programs, to their end or beside the test.

use std::{path::Path, process::Stdio, time::Duration};

use push_manager_envtest::Seen;
use tokio::{io::AsyncWriteExt, process::Command, time::timeout};

/// How a program ended.
#[derive(Debug, Clone)]
pub struct Run {
    /// What it was.
    pub typed: String,
    /// Whether it exited with zero.
    pub success: bool,
    /// What it wrote to standard output.
    pub out: String,
    /// What it wrote to standard error.
    pub err: String,
}

impl Run {
    /// What it wrote to standard output, if it succeeded.
    pub fn ok(self) -> Seen<String> {
        if self.success {
            return Ok(self.out);
        }
        let Self {
            typed, out, err, ..
        } = self;
        Err(format!("`{typed}` failed: {} {}", err.trim(), out.trim()).into())
    }
}

/// Runs a command to its end, which must come in time, with `input` to read.
pub async fn run(mut command: Command, input: &str, within: Duration) -> Seen<Run> {
    let words = std::iter::once(command.as_std().get_program()).chain(command.as_std().get_args());
    let words: Vec<String> = words
        .map(|word| word.to_string_lossy().into_owned())
        .collect();
    let typed = words.join(" ");
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| format!("{typed}: {error}"))?;
    let stdin = child.stdin.take();
    let ended = timeout(within, async {
        if let Some(mut stdin) = stdin {
            // A program that reads nothing may have ended before.
            drop(stdin.write_all(input.as_bytes()).await);
        }
        child.wait_with_output().await
    });
    let ended = ended
        .await
        .map_err(|_| format!("`{typed}` does not end within {within:?}"))??;
    Ok(Run {
        typed,
        success: ended.status.success(),
        out: String::from_utf8_lossy(&ended.stdout).into_owned(),
        err: String::from_utf8_lossy(&ended.stderr).into_owned(),
    })
}

/// A command that reads the cluster's address and rights from a file.
pub fn command(program: &Path, kubeconfig: &Path, words: &[&str]) -> Command {
    let mut command = Command::new(program);
    command.args(words).env("KUBECONFIG", kubeconfig);
    command
}
