//! `compose.yaml`, as its readers use it, and the image by itself: wants a container engine whose
//! published ports are on this machine's loopback, with the images loaded.
//!
//! | variable | default |
//! |---|---|
//! | E2E_ROOT | the repository |
//! | DOCKER_COMPOSE | `docker compose`; else a program, as `cargo xtask tools docker-compose` builds it |
//! | GRPCURL | `grpcurl` in PATH |
//! | ETCD_IMAGE, PROMETHEUS_IMAGE | those of `compose.yaml`, from their registries |

#![allow(
    missing_docs,
    clippy::pedantic,
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test fails by panicking"
)]

use std::future::Future;
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::{FutureExt, StreamExt};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::process::Command;
use tokio::time::{Instant, sleep, timeout};
use tokio_tungstenite::{connect_async, tungstenite::Message};

/// What a started system may take until it serves: every program waits for its peers.
const PATIENCE: Duration = Duration::from_mins(1);
const NETWORK: &str = "push-manager";
const CONTAINER: &str = "push-manager-1";
const ROOM: &str = "room-001";
/// Both managers' push APIs.
const MANAGERS: [u16; 2] = [50053, 50063];
/// A person on each node: name and the node's port.
const PEOPLE: [(&str, u16); 3] = [("user-001", 8080), ("user-002", 8081), ("user-003", 8082)];

#[tokio::test]
async fn compose_and_the_image_work_as_documented() {
    clean_up().await;
    let told = std::panic::AssertUnwindSafe(all()).catch_unwind().await;
    if let Err(panic) = told {
        eprintln!("{}", compose(&["ps", "--all"]).await.said());
        eprintln!(
            "{}",
            compose(&["logs", "--no-color", "--tail=50"]).await.said()
        );
        eprintln!("{}", docker(&["logs", "--tail=50", CONTAINER]).await.said());
        clean_up().await;
        std::panic::resume_unwind(panic);
    }
}

async fn all() {
    alone_it_waits_and_says_for_whom().await;
    let up = compose(&["up", "--detach"]).await;
    assert!(up.success, "{}", up.said());
    let people = everyone_connects().await;
    every_manager_reaches_everyone(&people).await;
    prometheus_sees_both_managers().await;
    in_the_network_it_serves(&people).await;
    down_leaves_nothing().await;
}

/// The documented command, where neither etcd nor a Controller is.
async fn alone_it_waits_and_says_for_whom() {
    run_the_image(&[]).await;
    let waits = eventually("readiness that names etcd", async || {
        let (status, body) = get(9093, "/readyz").await?;
        (status == 503 && body.contains("etcd")).then_some(body)
    });
    let said = waits.await;
    eprintln!("alone: {}", said.trim());
    sleep(Duration::from_secs(5)).await;
    let state = docker(&[
        "inspect",
        "-f",
        "{{.State.Running}} {{.RestartCount}}",
        CONTAINER,
    ])
    .await;
    assert_eq!(state.out.trim(), "true 0", "{}", state.said());
    assert_eq!(
        get(9093, "/healthz").await.map(|(status, _)| status),
        Some(200)
    );
    stop_the_image().await;
}

/// The documented command in the network of `compose.yaml`, in place of the first manager.
async fn in_the_network_it_serves(people: &[Person]) {
    let stopped = compose(&["stop", CONTAINER]).await;
    assert!(stopped.success, "{}", stopped.said());
    run_the_image(&["--network", NETWORK]).await;
    ready(9093).await;
    everyone_gets(MANAGERS[0], people, "from a container of its own").await;
    stop_the_image().await;
}

async fn run_the_image(more: &[&str]) {
    let mut words = vec!["run", "-d", "--name", CONTAINER];
    words.extend(more);
    words.extend(["-p", "50053:50053", "-p", "9093:9093"]);
    words.extend(["-e", "MANAGER_ID=push-manager-1"]);
    words.extend(["-e", "CONTROLLER_ADDRESS=controller:50051"]);
    words.extend(["-e", "ETCD_ENDPOINTS=etcd:2379"]);
    words.push("push-manager:latest");
    let ran = docker(&words).await;
    assert!(ran.success, "{}", ran.said());
}

/// It ends by itself when asked, not by force.
async fn stop_the_image() {
    let stopped = docker(&["stop", "--time=40", CONTAINER]).await;
    assert!(stopped.success, "{}", stopped.said());
    let code = docker(&["inspect", "-f", "{{.State.ExitCode}}", CONTAINER]).await;
    assert_eq!(code.out.trim(), "0", "{}", code.said());
    let removed = docker(&["rm", CONTAINER]).await;
    assert!(removed.success, "{}", removed.said());
}

async fn everyone_connects() -> Vec<Person> {
    let mut people = Vec::new();
    for (user, port) in PEOPLE {
        let what = format!("a WebSocket at port {port}");
        people.push(eventually(&what, async || Person::connect(user, port).await).await);
    }
    people
}

async fn every_manager_reaches_everyone(people: &[Person]) {
    ready(9093).await;
    ready(9094).await;
    for port in MANAGERS {
        everyone_gets(port, people, &format!("through {port}")).await;
        let (user, _) = PEOPLE[1];
        let text = format!("to {user} through {port}");
        let answer = push(port, "PushToUser", json!({"user_id": user}), &text).await;
        assert_eq!(answer["success"], true, "{answer}");
        gets(&people[1], &text).await;
        let text = format!("to all through {port}");
        let answer = push(port, "BroadcastMessage", json!({}), &text).await;
        assert_eq!(answer["totalDelivered"], PEOPLE.len(), "{answer}");
        for person in people {
            gets(person, &text).await;
        }
    }
    assert_eq!(
        people[0].count(&format!("to {} through 50053", PEOPLE[1].0)),
        0
    );
}

/// Pushes to the room until the Controller knows everyone, then once more: that one counts.
async fn everyone_gets(port: u16, people: &[Person], text: &str) {
    let room = || json!({"room_id": ROOM});
    eventually("everyone in the room", async || {
        let answer = push(port, "PushToRoom", room(), "a trial").await;
        (answer["deliveredCount"] == PEOPLE.len()).then_some(())
    })
    .await;
    let answer = push(port, "PushToRoom", room(), text).await;
    assert_eq!(answer["success"], true, "{answer}");
    for person in people {
        gets(person, text).await;
    }
}

/// Once, not twice.
async fn gets(person: &Person, text: &str) {
    let what = format!("`{text}` at {}", person.user);
    eventually(&what, async || (person.count(text) > 0).then_some(())).await;
    sleep(Duration::from_millis(100)).await;
    assert_eq!(person.count(text), 1, "{what}");
}

async fn prometheus_sees_both_managers() {
    eventually("both managers among Prometheus's targets", async || {
        let (_, body) = get(9090, "/api/v1/targets").await?;
        let told: Value = serde_json::from_str(&body).ok()?;
        let targets = told["data"]["activeTargets"].as_array()?;
        let up = targets.iter().filter(|target| target["health"] == "up");
        (up.count() == MANAGERS.len()).then_some(())
    })
    .await;
    let query = "/api/v1/query?query=sum(push_manager_push_success_total)";
    eventually("pushes in Prometheus", async || {
        let (_, body) = get(9090, query).await?;
        let told: Value = serde_json::from_str(&body).ok()?;
        let sum = told["data"]["result"][0]["value"][1].as_str()?;
        (sum.parse::<f64>().ok()? > 0.0).then_some(())
    })
    .await;
    let (_, body) = get(9090, "/api/v1/rules").await.unwrap();
    assert!(body.contains("PushManagerDown"), "{body}");
}

async fn down_leaves_nothing() {
    let down = compose(&["down", "--volumes"]).await;
    assert!(down.success, "{}", down.said());
    let network = docker(&["network", "inspect", NETWORK]).await;
    assert!(!network.success, "{}", network.said());
}

/// Whatever an earlier run left.
async fn clean_up() {
    docker(&["rm", "--force", CONTAINER]).await;
    compose(&["down", "--volumes"]).await;
}

/// A WebSocket and all that came through it.
struct Person {
    user: &'static str,
    received: Arc<Mutex<Vec<String>>>,
}

impl Person {
    /// Returns once the node has confirmed the room.
    async fn connect(user: &'static str, port: u16) -> Option<Self> {
        let url =
            format!("ws://127.0.0.1:{port}/ws?user_id={user}&user_name={user}&room_id={ROOM}");
        let (mut socket, _) = connect_async(url).await.ok()?;
        let received = Arc::new(Mutex::new(Vec::new()));
        let person = Self {
            user,
            received: Arc::clone(&received),
        };
        let joined = Arc::new(tokio::sync::Notify::new());
        let tell = Arc::clone(&joined);
        tokio::spawn(async move {
            while let Some(Ok(frame)) = socket.next().await {
                let Message::Text(text) = frame else { continue };
                let frame: Value = serde_json::from_str(&text).unwrap_or_default();
                if frame["joined"] == ROOM {
                    tell.notify_one();
                }
                if let Some(data) = frame["data"].as_str() {
                    received.lock().unwrap().push(data.to_owned());
                }
            }
        });
        timeout(Duration::from_secs(5), joined.notified())
            .await
            .ok()?;
        Some(person)
    }

    fn count(&self, text: &str) -> usize {
        let received = self.received.lock().unwrap();
        received.iter().filter(|one| *one == text).count()
    }
}

/// A push by grpcurl; what isn't an answer is null.
async fn push(port: u16, method: &str, mut request: Value, text: &str) -> Value {
    request["content"] = json!({"type": "TEXT", "data": text, "timestamp": 1_234_567_890});
    let mut grpcurl = Command::new(variable("GRPCURL").unwrap_or_else(|| "grpcurl".into()));
    grpcurl.args(["-plaintext", "-d", &request.to_string()]);
    grpcurl.arg(format!("localhost:{port}"));
    grpcurl.arg(format!("pubsub.PushManagerService/{method}"));
    let ran = run(grpcurl).await;
    if !ran.success {
        eprintln!("{}", ran.said());
    }
    serde_json::from_str(&ran.out).unwrap_or_default()
}

async fn ready(port: u16) {
    let what = format!("readiness at port {port}");
    eventually(&what, async || {
        let (status, _) = get(port, "/readyz").await?;
        (status == 200).then_some(())
    })
    .await;
}

/// HTTP/1.0, whose body ends with the connection.
async fn get(port: u16, path: &str) -> Option<(u16, String)> {
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

async fn eventually<T, Look, Seen>(what: &str, mut look: Look) -> T
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

struct Ran {
    typed: String,
    success: bool,
    out: String,
    err: String,
}

impl Ran {
    fn said(&self) -> String {
        format!("`{}`: {}{}", self.typed, self.out, self.err)
    }
}

async fn docker(words: &[&str]) -> Ran {
    let mut docker = Command::new("docker");
    docker.args(words);
    run(docker).await
}

async fn compose(words: &[&str]) -> Ran {
    let mut compose = variable("DOCKER_COMPOSE").map_or_else(
        || {
            let mut docker = Command::new("docker");
            docker.arg("compose");
            docker
        },
        Command::new,
    );
    compose.current_dir(root()).args(words);
    run(compose).await
}

async fn run(mut command: Command) -> Ran {
    let typed = format!("{:?}", command.as_std());
    let ran = command.stdin(Stdio::null()).kill_on_drop(true).output();
    let ran = timeout(Duration::from_mins(3), ran).await;
    let ran = ran.unwrap_or_else(|_| panic!("{typed} does not end"));
    let ran = ran.unwrap_or_else(|error| panic!("{typed}: {error}"));
    Ran {
        typed,
        success: ran.status.success(),
        out: String::from_utf8_lossy(&ran.stdout).into_owned(),
        err: String::from_utf8_lossy(&ran.stderr).into_owned(),
    }
}

/// The repository: two folders above this crate's.
fn root() -> PathBuf {
    variable("E2E_ROOT").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../..")),
        PathBuf::from,
    )
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}
