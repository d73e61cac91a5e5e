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
use std::time::Duration;

use futures::FutureExt;
use push_manager_e2e::{
    run::{Run, run},
    settings::variable,
    ws::{ClientSpec, Clients},
};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::process::Command;
use tokio::time::{Instant, sleep, timeout};

const RUNS_WITHIN: Duration = Duration::from_mins(3);
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
    nobody_uses_it().await;
    let told = std::panic::AssertUnwindSafe(all()).catch_unwind().await;
    if let Err(panic) = told {
        for told in [
            compose(&["ps", "--all"]).await,
            compose(&["logs", "--no-color", "--tail=50"]).await,
            docker(&["logs", "--tail=50", CONTAINER]).await,
        ] {
            eprintln!("{}", said(&told));
        }
        clean_up().await;
        std::panic::resume_unwind(panic);
    }
}

async fn all() {
    alone_it_waits_and_says_for_whom().await;
    let up = compose(&["up", "--detach"]).await;
    assert!(up.success, "{}", said(&up));
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
    let told = waits.await;
    eprintln!("alone: {}", told.trim());
    sleep(Duration::from_secs(5)).await;
    let state = docker(&[
        "inspect",
        "-f",
        "{{.State.Running}} {{.RestartCount}}",
        CONTAINER,
    ])
    .await;
    assert_eq!(state.out.trim(), "true 0", "{}", said(&state));
    assert_eq!(
        get(9093, "/healthz").await.map(|(status, _)| status),
        Some(200)
    );
    stop_the_image().await;
}

/// The documented command in the network of `compose.yaml`, in place of the first manager.
async fn in_the_network_it_serves(people: &Clients) {
    let stopped = compose(&["stop", CONTAINER]).await;
    assert!(stopped.success, "{}", said(&stopped));
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
    assert!(ran.success, "{}", said(&ran));
}

/// It ends by itself when asked, not by force.
async fn stop_the_image() {
    let stopped = docker(&["stop", "--time=40", CONTAINER]).await;
    assert!(stopped.success, "{}", said(&stopped));
    let code = docker(&["inspect", "-f", "{{.State.ExitCode}}", CONTAINER]).await;
    assert_eq!(code.out.trim(), "0", "{}", said(&code));
    let removed = docker(&["rm", CONTAINER]).await;
    assert!(removed.success, "{}", said(&removed));
}

async fn everyone_connects() -> Clients {
    let specs = PEOPLE.map(|(user, port)| ClientSpec {
        name: user.to_owned(),
        user: user.to_owned(),
        rooms: vec![ROOM.to_owned()],
        nodes: vec![format!("127.0.0.1:{port}")],
    });
    let clients = Clients::start(specs.to_vec());
    clients.all_present(PATIENCE).await.unwrap();
    clients
}

async fn every_manager_reaches_everyone(people: &Clients) {
    ready(9093).await;
    ready(9094).await;
    for port in MANAGERS {
        everyone_gets(port, people, &format!("through {port}")).await;
        let (user, _) = PEOPLE[1];
        let text = format!("to {user} through {port}");
        let answer = push(port, "PushToUser", json!({"user_id": user}), &text).await;
        assert_eq!(answer["success"], true, "{answer}");
        gets(people, user, &text).await;
        let text = format!("to all through {port}");
        let answer = push(port, "BroadcastMessage", json!({}), &text).await;
        assert_eq!(answer["totalDelivered"], PEOPLE.len(), "{answer}");
        for (user, _) in PEOPLE {
            gets(people, user, &text).await;
        }
    }
    let private = format!("to {} through 50053", PEOPLE[1].0);
    assert_eq!(count(people, PEOPLE[0].0, &private), 0);
}

/// Pushes to the room until the Controller knows everyone, then once more: that one counts.
async fn everyone_gets(port: u16, people: &Clients, text: &str) {
    let room = || json!({"room_id": ROOM});
    eventually("everyone in the room", async || {
        let answer = push(port, "PushToRoom", room(), "a trial").await;
        (answer["deliveredCount"] == PEOPLE.len()).then_some(())
    })
    .await;
    let answer = push(port, "PushToRoom", room(), text).await;
    assert_eq!(answer["success"], true, "{answer}");
    for (user, _) in PEOPLE {
        gets(people, user, text).await;
    }
}

/// Once, not twice.
async fn gets(people: &Clients, user: &str, text: &str) {
    assert!(people.got(user, text, PATIENCE).await, "`{text}` at {user}");
    sleep(Duration::from_millis(100)).await;
    assert_eq!(count(people, user, text), 1, "`{text}` at {user}");
}

fn count(people: &Clients, user: &str, text: &str) -> usize {
    let received = people.log().unwrap().received;
    let these = received
        .iter()
        .filter(|one| one.client == user && one.data == text);
    these.count()
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
    assert!(down.success, "{}", said(&down));
    let network = docker(&["network", "inspect", NETWORK]).await;
    assert!(!network.success, "{}", said(&network));
}

/// What is there belongs to somebody who tries the documentation.
async fn nobody_uses_it() {
    let there = [
        docker(&["inspect", CONTAINER]).await,
        docker(&["network", "inspect", NETWORK]).await,
    ];
    assert!(
        !there.iter().any(|object| object.success),
        "the container {CONTAINER} or the network {NETWORK} is there already; to end them: \
         docker rm --force {CONTAINER}; docker compose down --volumes"
    );
}

async fn clean_up() {
    docker(&["rm", "--force", CONTAINER]).await;
    compose(&["down", "--volumes"]).await;
}

/// A push by grpcurl; what isn't an answer is null.
async fn push(port: u16, method: &str, mut request: Value, text: &str) -> Value {
    request["content"] = json!({"type": "TEXT", "data": text, "timestamp": 1_234_567_890});
    let mut grpcurl = Command::new(variable("GRPCURL").unwrap_or_else(|_| "grpcurl".into()));
    grpcurl.args(["-plaintext", "-d", &request.to_string()]);
    grpcurl.arg(format!("localhost:{port}"));
    grpcurl.arg(format!("pubsub.PushManagerService/{method}"));
    let answer = ran(grpcurl).await;
    if !answer.success {
        eprintln!("{}", said(&answer));
    }
    serde_json::from_str(&answer.out).unwrap_or_default()
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

async fn docker(words: &[&str]) -> Run {
    let mut docker = Command::new("docker");
    docker.args(words);
    ran(docker).await
}

async fn compose(words: &[&str]) -> Run {
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

async fn ran(command: Command) -> Run {
    let ran = run(command, "", RUNS_WITHIN).await;
    ran.unwrap_or_else(|error| panic!("{error}"))
}

fn said(run: &Run) -> String {
    format!("`{}`: {}{}", run.typed, run.out, run.err)
}

/// The repository: two folders above this crate's.
fn root() -> PathBuf {
    variable("E2E_ROOT").map_or_else(
        |_| PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../..")),
        PathBuf::from,
    )
}
