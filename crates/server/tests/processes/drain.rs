//! The end in order: nobody who called is left without an answer.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use push_manager::channel::Failure;
use push_manager_proto::pubsub::{BroadcastMessageRequest, BroadcastMessageResponse};
use tokio::{
    net::TcpListener,
    task::{JoinHandle, JoinSet},
    time::{Instant, sleep, timeout},
};
use tokio_stream::StreamExt;
use tonic::Status;
use tonic_health::pb::{
    HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
};
use tonic_reflection::pb::v1::{
    ServerReflectionRequest, server_reflection_client::ServerReflectionClient,
    server_reflection_request::MessageRequest,
};

use crate::{
    bed::text,
    load::{self, Answer, Caller},
    system::{Manager, System, until},
};

/// What a clean end may take beyond notice and timeout: leases, lanes, the log.
const LEAVING: Duration = Duration::from_secs(5);

struct Sent {
    number: u64,
    ended: Instant,
    answer: Result<Answer, Status>,
}

/// Calls one after the other, also after failures, until told to stop.
async fn keep_calling(
    mut caller: Caller,
    numbers: Arc<AtomicU64>,
    stop: Arc<AtomicU64>,
) -> Vec<Sent> {
    let mut sent = Vec::new();
    while stop.load(Ordering::Relaxed) == 0 {
        let number = numbers.fetch_add(1, Ordering::Relaxed);
        let call = timeout(Duration::from_secs(20), load::push(&mut caller, number));
        let answer = call.await.expect("a call always ends");
        let failed = answer.is_err();
        let ended = Instant::now();
        sent.push(Sent {
            number,
            ended,
            answer,
        });
        // Refused at once, it would only turn in circles.
        sleep(Duration::from_millis(if failed { 20 } else { 2 })).await;
    }
    sent
}

#[tokio::test(flavor = "multi_thread")]
async fn sigterm_under_load_fails_no_call_that_was_taken() {
    let _busy = load::BUSY.lock().await;
    let args = ["--set", "drain.notice=2s"];
    let mut system = System::start(3, &args).await;
    let people = load::people(&system.nodes).await;
    let key = format!("push-manager/{}", system.manager.grpc);
    let (_, lease) = system.etcd.get(&key).await.expect("registered");
    let (numbers, stop) = (Arc::<AtomicU64>::default(), Arc::<AtomicU64>::default());
    let mut callers = JoinSet::new();
    for _ in 0..6 {
        let caller = system.manager.client();
        callers.spawn(keep_calling(caller, numbers.clone(), stop.clone()));
    }
    until("calls flow", async || numbers.load(Ordering::Relaxed) > 100).await;

    system.manager.process.signal("TERM");
    let signalled = Instant::now();
    let draining = async || system.manager.get("/readyz").await.0 == 503;
    until("/readyz is 503", draining).await;
    let (_, why) = system.manager.get("/readyz").await;
    assert!(why.contains("draining"), "{why}");
    until("its key is gone", async || {
        system.etcd.get(&key).await.is_none()
    })
    .await;
    let goodbyes = system.manager.process.logged("goodbye to callers");
    assert_eq!(goodbyes, 0, "out of etcd while callers are still served");

    system.manager.process.log_line("goodbye to callers").await;
    let goodbye = Instant::now();
    let status = system
        .manager
        .process
        .exit(Duration::from_secs(20) + LEAVING)
        .await;
    assert_eq!(status.code(), Some(0));
    assert!(
        signalled.elapsed() < Duration::from_secs(2) + LEAVING,
        "nothing held it up"
    );
    assert_eq!(system.manager.process.logged("drained"), 1);
    let lease = format!("{lease:x}");
    let left = system.etcd.ctl(&["lease", "timetolive", &lease]).await;
    assert!(
        left.contains("already expired"),
        "lease not revoked: {left}"
    );

    stop.store(1, Ordering::Relaxed);
    let sent: Vec<Sent> = callers.join_all().await.into_iter().flatten().collect();
    let mut acknowledged = Vec::new();
    let mut refused = 0;
    for Sent {
        number,
        ended,
        answer,
    } in sent
    {
        match answer {
            Ok(answer) => {
                assert!(answer.success, "push {number}: {}", answer.message);
                acknowledged.push(number);
            }
            Err(status) => {
                // The log's line is read a little after it was written.
                let early = goodbye.saturating_duration_since(ended);
                assert!(
                    early < Duration::from_millis(200),
                    "{early:?} early: {status}"
                );
                assert!(
                    Failure::of(&status).is_unsent(),
                    "may have been taken: {status}"
                );
                refused += 1;
            }
        }
    }
    assert!(refused > 0, "callers must have met the end");
    println!(
        "{} answered, {refused} refused after the goodbye",
        acknowledged.len()
    );
    // Refused means not delivered: else a caller who turns elsewhere would push it twice.
    load::balance(&people, &acknowledged).await;
}

/// A node that takes connections and never says a word.
async fn black_hole() -> (String, JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let holding = tokio::spawn(async move {
        let mut held = Vec::new();
        while let Ok((stream, _)) = listener.accept().await {
            held.push(stream);
        }
    });
    (address.to_string(), holding)
}

/// A server whose only node is a black hole, with a push to it under way.
async fn with_a_push_into_a_black_hole(
    settings: &[&str],
) -> (
    Manager,
    JoinHandle<Result<BroadcastMessageResponse, Status>>,
) {
    let (dark, _) = black_hole().await;
    let nodes = format!("discovery.nodes=dark={dark}");
    let mut args = vec!["--set", "discovery.kind=static", "--set", &nodes];
    args.extend(settings.iter().flat_map(|setting| ["--set", setting]));
    let manager = Manager::start(&args, &[]).await;
    manager.ready().await;
    let mut caller = manager.client();
    let call = tokio::spawn(async move {
        let request = BroadcastMessageRequest {
            content: Some(text("lost?")),
            options: None,
        };
        caller
            .broadcast_message(request)
            .await
            .map(tonic::Response::into_inner)
    });
    let under_way = async || manager.metric("push_manager_pushes_in_flight", "").await == 1.0;
    until("the push is under way", under_way).await;
    (manager, call)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_push_into_a_black_hole_is_answered_at_its_deadline_while_draining() {
    let settings = ["drain.notice=0s", "drain.timeout=15s", "fanout.deadline=2s"];
    let (mut manager, call) = with_a_push_into_a_black_hole(&settings).await;
    manager.process.signal("TERM");
    let status = manager.process.exit(Duration::from_secs(2) + LEAVING).await;
    let answer = call
        .await
        .unwrap()
        .expect("an answer, not a broken connection");
    assert!(!answer.success);
    assert!(
        answer.message.contains("dark: deadline exceeded"),
        "{}",
        answer.message
    );
    assert_eq!(status.code(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn at_the_drain_deadline_what_still_runs_is_answered_with_what_is_known() {
    let settings = ["drain.notice=0s", "drain.timeout=1s", "fanout.deadline=30s"];
    let (mut manager, call) = with_a_push_into_a_black_hole(&settings).await;
    manager.process.signal("TERM");
    let status = manager.process.exit(Duration::from_secs(1) + LEAVING).await;
    let answer = timeout(Duration::from_secs(5), call)
        .await
        .expect("no silence")
        .unwrap();
    let answer = answer.expect("an answer, not a broken connection");
    assert!(!answer.success);
    let words = "dark: no answer before this instance shut down; 1 unknown";
    assert!(answer.message.contains(words), "{}", answer.message);
    assert_eq!(status.code(), Some(0));
    assert_eq!(manager.process.logged("drain deadline reached"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_sigterm_ends_at_once() {
    let settings = ["drain.notice=1m", "fanout.deadline=30s"];
    let (mut manager, call) = with_a_push_into_a_black_hole(&settings).await;
    manager.process.signal("TERM");
    manager.process.log_line("draining").await;
    manager.process.signal("TERM");
    let status = manager.process.exit(Duration::from_secs(3)).await;
    assert_eq!(status.code(), Some(1));
    assert!(call.await.unwrap().is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn idle_connections_and_open_streams_do_not_hold_up_the_end() {
    let args = ["--set", "drain.notice=0s", "--set", "drain.timeout=30s"];
    let mut manager = Manager::start(
        &[&args[..], &["--set", "discovery.kind=memory"]].concat(),
        &[],
    )
    .await;
    manager.ready().await;
    // A connection that says nothing, one that made a call, and two open streams.
    let silent = tokio::net::TcpStream::connect(manager.grpc).await.unwrap();
    let request = BroadcastMessageRequest {
        content: Some(text("hello")),
        options: None,
    };
    let mut idle = manager.client();
    idle.broadcast_message(request).await.unwrap();
    let watched = HealthCheckRequest {
        service: String::new(),
    };
    let watch = HealthClient::new(manager.channel()).watch(watched).await;
    let mut watch = watch.unwrap().into_inner();
    assert_eq!(
        watch.next().await.unwrap().unwrap().status(),
        ServingStatus::Serving
    );
    let (asks, asked) = tokio::sync::mpsc::channel(1);
    let question = ServerReflectionRequest {
        host: String::new(),
        message_request: Some(MessageRequest::ListServices(String::new())),
    };
    asks.send(question).await.unwrap();
    let asked = tokio_stream::wrappers::ReceiverStream::new(asked);
    let answers = ServerReflectionClient::new(manager.channel())
        .server_reflection_info(asked)
        .await;
    let mut answers = answers.unwrap().into_inner();
    answers.next().await.unwrap().unwrap();

    manager.process.signal("TERM");
    let status = manager.process.exit(LEAVING).await;
    assert_eq!(status.code(), Some(0));
    assert_eq!(manager.process.logged("drained"), 1);
    assert_eq!(manager.process.logged("did not end in time"), 0);
    assert_eq!(
        watch.next().await.unwrap().unwrap().status(),
        ServingStatus::NotServing
    );
    drop((silent, idle, asks));
}
