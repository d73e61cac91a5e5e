//! What is told of a node's connections.

use super::*;
use crate::clock::Epoch;

fn watched() -> (Arc<LiveConnections>, EventLog) {
    let events = EventLog::new(Epoch::begin());
    let audience = Audience {
        gauge: prometheus::IntGauge::new("open", "open").unwrap(),
        changed: Arc::default(),
        node: NodeId::new("node-1"),
        events: events.clone(),
    };
    (Arc::new(LiveConnections::of(audience)), events)
}

fn told(events: &EventLog) -> Vec<(Kind, Level, u32)> {
    let (entries, _) = events.after(0, usize::MAX);
    let news = entries.iter().map(|entry| &entry.news);
    news.map(|news| (news.kind, news.level, news.count))
        .collect()
}

fn refused() -> std::io::Error {
    std::io::ErrorKind::ConnectionRefused.into()
}

#[tokio::test(start_paused = true)]
async fn a_node_that_is_tried_every_second_floods_nobody() {
    let (live, events) = watched();
    for _ in 0..25 {
        live.attempt().failed(&refused());
        tokio::time::advance(std::time::Duration::from_secs(1)).await;
    }
    let failed = |count| (Kind::ConnFailed, Level::Warn, count);
    assert_eq!(told(&events), [failed(1), failed(11), failed(21)]);
    assert_eq!(live.failed(), 25);
    assert_eq!(live.state().0, LinkState::Failed);
    drop(live.attempt().opened());
    live.attempt().failed(&refused());
    assert_eq!(
        told(&events)[5],
        failed(1),
        "counted anew, and told at once"
    );
}

#[test]
fn whether_the_peer_or_this_side_closed_it_is_told() {
    let (live, events) = watched();
    drop(live.attempt().opened());
    let mut open = live.attempt().opened();
    open.ended(|| "closed by the peer".to_owned());
    open.ended(|| "a later reason".to_owned());
    drop(open);
    let levels: Vec<Level> = told(&events)
        .into_iter()
        .map(|(_, level, _)| level)
        .collect();
    assert_eq!(levels, [Level::Info, Level::Info, Level::Info, Level::Warn]);
    let (entries, _) = events.after(3, 1);
    assert_eq!(
        entries[0].news.message,
        "connection lost: closed by the peer"
    );
    assert_eq!((live.open(), live.made()), (0, 2));
}

#[test]
fn the_last_error_stays_until_a_call_succeeds() {
    let (live, _) = watched();
    live.attempt().failed(&refused());
    let error = live.last_error().unwrap();
    assert_eq!(*error, "could not connect: connection refused");
    drop(live.attempt().opened());
    assert!(live.last_error().is_some(), "a connection is no answer yet");
    live.call_succeeded();
    assert!(live.last_error().is_none());
}

#[test]
fn an_attempt_that_is_given_up_leaves_the_link_idle() {
    let (live, _) = watched();
    let attempt = live.attempt();
    assert_eq!(live.state().0, LinkState::Connecting);
    drop(attempt);
    assert_eq!(live.state().0, LinkState::Idle);
}

#[test]
fn a_peers_long_reason_is_cut_and_the_same_one_is_kept_as_it_is() {
    let (live, _) = watched();
    let long = "界".repeat(10_000);
    live.call_failed(&long);
    let first = live.last_error().unwrap();
    assert!(first.len() <= 512 && first.starts_with("界"), "{first}");
    live.call_failed(&long);
    assert!(Arc::ptr_eq(&first, &live.last_error().unwrap()));
}
