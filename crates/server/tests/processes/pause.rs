//! A process that stands still for a moment, as on a busy machine: those who
//! gave up must not take the others with them.

use std::time::Duration;

use tokio::{task::JoinSet, time::sleep};
use tonic::{Code, Request};

use crate::{
    bed::text,
    system::{Manager, System, until},
};
use push_manager_proto::pubsub::{BroadcastMessageRequest, PushToUserRequest};

/// More than what HTTP/2 libraries by default take for an attack.
const IMPATIENT: usize = 60;

#[tokio::test(flavor = "multi_thread")]
async fn callers_who_gave_up_on_a_paused_server_do_not_cut_off_those_who_wait() {
    let manager = Manager::start(&["--set", "discovery.kind=memory"], &[]).await;
    manager.ready().await;
    let caller = manager.client();
    let call = async |within: Duration| {
        let mut caller = caller.clone();
        let mut request = Request::new(BroadcastMessageRequest {
            content: Some(text("hello")),
            options: None,
        });
        request.set_timeout(within);
        caller.broadcast_message(request).await
    };
    call(Duration::from_secs(10)).await.unwrap();

    manager.process.signal("STOP");
    let impatient = (0..IMPATIENT).map(|_| call(Duration::from_millis(300)));
    let patient = call(Duration::from_secs(20));
    let resume = async {
        sleep(Duration::from_millis(900)).await;
        manager.process.signal("CONT");
    };
    let (gave_up, answered, ()) =
        tokio::join!(futures::future::join_all(impatient), patient, resume);
    let gave_up = gave_up.iter().filter(|call| call.is_err()).count();
    assert!(
        gave_up > 20,
        "only {gave_up} gave up: not what this is about"
    );
    answered.expect("an answer on the same connection");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paused_node_keeps_its_connection_and_serves_on() {
    let system = System::start(1, &["--set", "fanout.deadline=200ms"]).await;
    let mut client = system.nodes[0].join("ann", "room-001").await;
    let push = async |data: &str| {
        let request = PushToUserRequest {
            user_id: "ann".into(),
            content: Some(text(data)),
            options: None,
        };
        let answer = system.manager.client().push_to_user(request).await;
        answer.map(|answer| answer.into_inner().success)
    };
    assert_eq!(
        push("before").await.map_err(|status| status.code()),
        Ok::<_, Code>(true)
    );

    system.nodes[0].process.signal("STOP");
    let mut calls = JoinSet::new();
    for _ in 0..IMPATIENT {
        let mut caller = system.manager.client();
        calls.spawn(async move {
            let content = Some(text("late"));
            let request = PushToUserRequest {
                user_id: "ann".into(),
                content,
                options: None,
            };
            caller
                .push_to_user(request)
                .await
                .unwrap()
                .into_inner()
                .success
        });
        sleep(Duration::from_millis(15)).await;
    }
    assert!(calls.join_all().await.iter().all(|success| !success));
    system.nodes[0].process.signal("CONT");
    until("the node serves again", async || {
        push("after").await.is_ok_and(|taken| taken)
    })
    .await;
    until("it arrives", async || client.data().await == "after").await;
    let log = &system.nodes[0].process;
    assert_eq!(
        log.logged("remotely-reset"),
        0,
        "it took the late calls for an attack"
    );
}
