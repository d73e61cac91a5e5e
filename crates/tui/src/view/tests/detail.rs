//! What replicas tell in detail: an RPC's failed pushes, a node's connections.

use std::collections::BTreeMap;

use push_manager_proto::admin::{
    ApiRow, FailedPush, NodeConnection, NodeStatic, WatchApiResponse, WatchNodeResponse,
};

use super::*;
use crate::feed::Aside;

fn tell(model: &mut Model, replica: u32, aside: Aside) {
    let (replica, at) = (ReplicaId(replica), model.now);
    let what = Learnt::Aside(aside);
    drop(update(model, Msg::Feed(FeedEvent { replica, at, what })));
}

fn counts(counts: &[(&str, u64)]) -> BTreeMap<String, u64> {
    let counts = counts
        .iter()
        .map(|(label, count)| ((*label).to_owned(), *count));
    counts.collect()
}

fn failed(seq: u64, message: &str) -> FailedPush {
    let wall = SystemTime::UNIX_EPOCH + Duration::from_secs(WALL - 60 + seq * 7);
    FailedPush {
        seq,
        push_id: format!("01a2052d37c5-{seq:08x}-5eb9fcb2bfb97fc0"),
        wall_time: Some(wall.into()),
        took_us: 5_000_000 - seq * 1_234,
        targets: 120 + seq,
        outcomes: counts(&[("delivered", 100 + seq), ("unknown", 20)]),
        failed: counts(&[("deadline_exceeded", 20)]),
        message: message.to_owned(),
    }
}

/// Replicas a and b tell; c does not know the question.
fn looked_at() -> Model {
    let mut model = story(":api toroom\n");
    for replica in [0, 1] {
        let seq = u64::from(replica) + 1;
        let told = WatchApiResponse {
            api: Some(ApiRow {
                api: "PushToRoom".to_owned(),
                requests: counts(&[("OK", 3_502_625), ("UNAVAILABLE", 17)]),
                in_flight: 3,
                succeeded: 3_415_000,
                unsuccessful: 87_625,
                ..ApiRow::default()
            }),
            failed_pushes: vec![
                failed(seq, "not delivered to all: push-4: deadline exceeded"),
                failed(seq + 3, "2 of 3 nodes reached; 推送-节点-08: 无人应答"),
            ],
            ..WatchApiResponse::default()
        };
        tell(&mut model, replica, Aside::Api(Box::new(told)));
    }
    tell(&mut model, 2, Aside::Untold("Unimplemented".to_owned()));
    model
}

#[test]
fn api() {
    check("api", looked_at(), &SIZES);
}

#[test]
fn what_is_told_in_detail_belongs_to_what_is_looked_at() {
    let mut model = looked_at();
    let text = |model: &Model| picture::text(&picture::buffer_of(model, (100, 30)));
    let shown = text(&model);
    assert!(
        shown.contains("deadline exceeded 20") && shown.contains("Unimplemented"),
        "{shown}"
    );
    press(&mut model, ":api touser\n");
    let shown = text(&model);
    assert!(
        shown.contains("asking ...") && !shown.contains("deadline exceeded 20"),
        "{shown}"
    );
}

#[test]
fn a_nodes_connections_and_other_names_are_told() {
    let mut model = story(":node push-4\n");
    let connection = |stripe, open, unheard| NodeConnection {
        stripe,
        open,
        unheard,
    };
    let told = WatchNodeResponse {
        node_static: Some(NodeStatic {
            id: "push-4".to_owned(),
            ..NodeStatic::default()
        }),
        connections: vec![connection(0, true, 3), connection(1, false, 0)],
        names: vec!["push-4".to_owned(), "connect-4".to_owned()],
        ..WatchNodeResponse::default()
    };
    tell(&mut model, 0, Aside::Node(Box::new(told)));
    let shown = picture::text(&picture::buffer_of(&model, (200, 60)));
    assert!(
        shown.contains("a: 1 of 2 open, 3 deadlines missed in a row"),
        "{shown}"
    );
    assert!(shown.contains("also called connect-4"), "{shown}");
}
