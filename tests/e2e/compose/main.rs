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

mod people;
mod programs;

use std::time::Duration;

use futures::FutureExt;
use push_manager_e2e::ws::Clients;
use serde_json::Value;
use tokio::time::sleep;

use people::{every_manager_reaches_everyone, everyone_connects, everyone_gets};
use programs::{compose, docker, eventually, get, ready, said};

const NETWORK: &str = "push-manager";
const CONTAINER: &str = "push-manager-1";
/// Both managers' push APIs.
const MANAGERS: [u16; 2] = [50053, 50063];
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
        "the container {CONTAINER} or the network {NETWORK} is there already; to end them (in the engine \
         of cargo xtask after eval \"$(cargo xtask engine env)\"): docker rm --force {CONTAINER}; \
         docker compose down --volumes"
    );
}

async fn clean_up() {
    docker(&["rm", "--force", CONTAINER]).await;
    compose(&["down", "--volumes"]).await;
}
