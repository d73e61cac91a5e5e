//! The programs that are used, and what is asked over HTTP.

use std::future::Future;
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::time::Duration;

use push_manager_e2e::{
    run::{Run, run},
    settings::variable,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::process::Command;
use tokio::time::{Instant, sleep, timeout};

const RUNS_WITHIN: Duration = Duration::from_mins(3);
/// What a started system may take until it serves: every program waits for its peers.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);

pub(crate) async fn ready(port: u16) {
    let what = format!("readiness at port {port}");
    eventually(&what, async || {
        let (status, _) = get(port, "/readyz").await?;
        (status == 200).then_some(())
    })
    .await;
}

/// HTTP/1.0, whose body ends with the connection.
pub(crate) async fn get(port: u16, path: &str) -> Option<(u16, String)> {
    let exchange = async {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await?;
        let request = format!("GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n");
        stream.write_all(request.as_bytes()).await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        std::io::Result::Ok(answer)
    };
    let answer = timeout(Duration::from_secs(5), exchange).await.ok()?.ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    let status = head.split_whitespace().nth(1)?.parse().ok()?;
    Some((status, body.to_owned()))
}

pub(crate) async fn eventually<T, Look, Seen>(what: &str, mut look: Look) -> T
where
    Look: FnMut() -> Seen,
    Seen: Future<Output = Option<T>>,
{
    let end = Instant::now() + PATIENCE;
    loop {
        if let Some(seen) = look().await {
            return seen;
        }
        assert!(Instant::now() < end, "no {what} within {PATIENCE:?}");
        sleep(Duration::from_millis(200)).await;
    }
}

pub(crate) async fn docker(words: &[&str]) -> Run {
    let mut docker = Command::new("docker");
    docker.args(words);
    ran(docker).await
}

pub(crate) async fn compose(words: &[&str]) -> Run {
    let mut compose = variable("DOCKER_COMPOSE").map_or_else(
        |_| {
            let mut docker = Command::new("docker");
            docker.arg("compose");
            docker
        },
        Command::new,
    );
    compose.current_dir(root()).args(words);
    ran(compose).await
}

pub(crate) async fn ran(command: Command) -> Run {
    let ran = run(command, "", RUNS_WITHIN).await;
    ran.unwrap_or_else(|error| panic!("{error}"))
}

pub(crate) fn said(run: &Run) -> String {
    format!("`{}`: {}{}", run.typed, run.out, run.err)
}

/// The repository: two folders above this crate's.
fn root() -> PathBuf {
    variable("E2E_ROOT").map_or_else(
        |_| PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../..")),
        PathBuf::from,
    )
}
