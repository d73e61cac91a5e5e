//! The watches of children and pods: lists, breaks, and what changed meanwhile.

use std::time::Duration;

use push_manager_operator::{live::Place, watch::Follower};
use serde_json::{Value, json};
use tokio::{
    sync::{mpsc, watch},
    time::timeout,
};

use crate::{
    api::{Answer, refusal},
    world::{World, kind},
};

const SOON: Duration = Duration::from_mins(2);

fn child(kind: &str, name: &str, of: &str, version: u64) -> Value {
    json!({
        "apiVersion": "v1", "kind": kind,
        "metadata": {
            "name": name, "namespace": "shop", "uid": format!("uid-{name}"),
            "resourceVersion": version.to_string(),
            "labels": {"app.kubernetes.io/instance": of},
            "ownerReferences": [{
                "apiVersion": "pushmanager.io/v1alpha1", "kind": "PushManager",
                "name": of, "uid": "pm", "controller": true,
            }],
        },
    })
}

fn list(items: &[Value], version: u64) -> Answer {
    Answer::With(
        200,
        json!({
            "kind": "List", "apiVersion": "v1",
            "metadata": {"resourceVersion": version.to_string()},
            "items": items,
        }),
    )
}

/// Events of a watch, which then ends.
fn events(events: &[(&str, Value)]) -> Answer {
    let line =
        |(kind, object): &(&str, Value)| format!("{}\n", json!({"type": kind, "object": object}));
    Answer::With(200, Value::String(events.iter().map(line).collect()))
}

fn gone() -> Answer {
    events(&[("ERROR", refusal(410, "Expired", "too old resource version"))])
}

struct Followed {
    follower: Follower,
    news: mpsc::Receiver<Place>,
}

fn follower(world: &World) -> Followed {
    let (sender, news) = mpsc::channel(64);
    let follower = Follower {
        client: world.client(),
        namespace: Some("shop".to_owned()),
        live: world.context.live.clone(),
        pods: world.context.pods.clone(),
        kinds: world.context.kinds.clone(),
        news: sender,
    };
    Followed { follower, news }
}

/// The news that come within a time, each once, in order.
fn heard(news: &mut mpsc::Receiver<Place>) -> Vec<String> {
    let mut heard = Vec::new();
    while let Ok((namespace, name)) = news.try_recv() {
        assert_eq!(namespace, "shop");
        heard.push(name);
    }
    heard
}

#[tokio::test(start_paused = true)]
async fn what_vanished_while_a_watch_was_broken_is_told() {
    let mut world = World::new();
    let Followed { follower, mut news } = follower(&world);
    let (a, b) = (
        child("Service", "a", "push-a", 5),
        child("Service", "b", "push-b", 6),
    );
    world
        .api
        .answer_with("GET services", 1, list(&[a.clone(), b], 10));
    world.api.answer_with("WATCH services", 1, gone());
    world.api.answer_with("GET services", 1, list(&[a], 20));
    world.api.answer_with("WATCH services", 9, Answer::Silence);
    let (listed, list) = watch::channel(false);
    let following = follower.children(kind("Service"), listed);
    timeout(SOON, world.drive(following)).await.unwrap_err();
    assert!(*list.borrow());
    let lines = world.api.log.clone();
    let asked: Vec<_> = lines
        .iter()
        .map(|seen| seen.line.as_str())
        .take(4)
        .collect();
    assert_eq!(
        asked,
        [
            "GET services",
            "WATCH services",
            "GET services",
            "WATCH services"
        ]
    );
    assert!(
        lines[0].query.contains(&"limit=200".to_owned()),
        "{:?}",
        lines[0].query
    );
    let ours = "labelSelector=app.kubernetes.io%2Fmanaged-by%3Dpush-manager-operator";
    assert!(
        lines
            .iter()
            .all(|seen| seen.query.contains(&ours.to_owned()))
    );
    assert!(lines[3].query.contains(&"resourceVersion=20".to_owned()));
    // The first list tells of both; the second of what is gone, and not of what is as it was.
    assert_eq!(heard(&mut news), ["push-a", "push-b", "push-b"]);
    assert!(
        world
            .context
            .live
            .get(kind("Service"), "shop", "a")
            .is_some()
    );
    assert!(
        world
            .context
            .live
            .get(kind("Service"), "shop", "b")
            .is_none()
    );
}

#[tokio::test(start_paused = true)]
async fn changes_and_deletions_are_told_as_they_come() {
    let mut world = World::new();
    let Followed { follower, mut news } = follower(&world);
    let service = |version| child("Service", "a", "push", version);
    world
        .api
        .answer_with("GET services", 1, list(&[service(5)], 10));
    let news_of_it = [("MODIFIED", service(11)), ("DELETED", service(12))];
    world
        .api
        .answer_with("WATCH services", 1, events(&news_of_it));
    world.api.answer_with("WATCH services", 9, Answer::Silence);
    let following = follower.children(kind("Service"), watch::channel(false).0);
    timeout(SOON, world.drive(following)).await.unwrap_err();
    assert_eq!(heard(&mut news), ["push", "push", "push"]);
    assert!(
        world
            .context
            .live
            .get(kind("Service"), "shop", "a")
            .is_none()
    );
    // A watch that merely ended goes on where it was: no second list.
    let lines = world.api.take();
    assert_eq!(
        lines[..3],
        ["GET services", "WATCH services", "WATCH services"]
    );
}

#[tokio::test(start_paused = true)]
async fn a_list_that_fails_is_asked_for_again() {
    let mut world = World::new();
    let Followed { follower, .. } = follower(&world);
    world.api.fail("GET services", 500, "no");
    world.api.answer_with("GET services", 1, list(&[], 10));
    world.api.answer_with("WATCH services", 9, Answer::Silence);
    let (listed, list) = watch::channel(false);
    let following = follower.children(kind("Service"), listed);
    timeout(SOON, world.drive(following)).await.unwrap_err();
    assert!(*list.borrow());
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_for_a_kind_that_the_cluster_lacks() {
    let mut world = World::new();
    let Followed { follower, .. } = follower(&world);
    let (listed, list) = watch::channel(false);
    let following = follower.children(kind("ServiceMonitor"), listed);
    timeout(SOON, world.drive(following)).await.unwrap_err();
    assert!(*list.borrow());
    assert_eq!(world.api.take(), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_complaint_of_a_pod_that_vanished_meanwhile_is_taken_back_and_told() {
    let mut world = World::new();
    let Followed { follower, mut news } = follower(&world);
    let mut pod = child("Pod", "push-1", "push", 5);
    pod["status"]["containerStatuses"] =
        json!([{"image": "x", "state": {"waiting": {"reason": "ImagePullBackOff"}}}]);
    world.api.answer_with("GET pods", 1, list(&[pod], 10));
    world.api.answer_with("WATCH pods", 1, gone());
    world.api.answer_with("GET pods", 1, list(&[], 20));
    world.api.answer_with("WATCH pods", 9, Answer::Silence);
    let following = follower.pods(watch::channel(false).0);
    timeout(SOON, world.drive(following)).await.unwrap_err();
    assert!(world.context.pods.of("shop", "push").is_empty());
    assert_eq!(heard(&mut news), ["push", "push"]);
}
