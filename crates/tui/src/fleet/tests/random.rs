//! Whatever replicas send: gaps, other epochs, parts, removals, numbers at their ends, hostile text.

use std::collections::BTreeMap;

use proptest::prelude::*;
use push_manager_proto::admin::{
    ApiRow, Event, Histogram, NodeRemoved, NodeRow, NodeStatic, ReplicaRow, RowsPart,
    WatchResponse, watch_response::Kind,
};

use super::*;
use crate::feed::FeedEvent;

fn number() -> impl Strategy<Value = u64> {
    prop_oneof![
        4 => 0..2_000_u64,
        1 => Just(u64::MAX),
        1 => Just(u64::MAX / 2),
        1 => any::<u64>(),
    ]
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("push-1".to_owned()),
        Just("推送-节点-07".to_owned()),
        Just("a\u{1b}[2J\u{7}\r\nb".to_owned()),
        Just("\u{202e}evil\u{200d}\u{0}".to_owned()),
        any::<String>(),
    ]
}

fn histogram() -> impl Strategy<Value = Option<Histogram>> {
    let buckets = prop::collection::vec((any::<u32>(), number()), 0..5);
    prop::option::of(buckets.prop_map(|buckets| {
        let (index, count) = buckets.into_iter().unzip();
        Histogram { index, count }
    }))
}

fn counts() -> impl Strategy<Value = BTreeMap<String, u64>> {
    prop::collection::btree_map(text(), number(), 0..3)
}

prop_compose! {
    fn node()(
        (key, state, since, hold) in (0..4_u64, -1..7, number(), -1..5),
        (in_flight, oldest) in (any::<u32>(), number()),
        (queued, capacity) in (any::<u32>(), any::<u32>()),
        (calls, delivered, offline, failed) in (number(), number(), number(), counts()),
        (rtt, last_error) in (histogram(), text()),
    ) -> NodeRow {
        NodeRow {
            key,
            state,
            state_since_ns: since,
            hold,
            hold_until_ns: since,
            in_flight,
            oldest_in_flight_ns: oldest,
            queued,
            queue_capacity: capacity,
            calls,
            delivered,
            offline,
            failed,
            rtt,
            last_error,
            ..NodeRow::default()
        }
    }
}

prop_compose! {
    fn api()(
        api in text(),
        requests in counts(),
        succeeded in number(),
        latency in histogram(),
    ) -> ApiRow {
        ApiRow {
            api,
            requests,
            succeeded,
            unsuccessful: succeeded,
            latency,
            ..ApiRow::default()
        }
    }
}

prop_compose! {
    fn part()(
        more in any::<bool>(),
        statics in prop::collection::vec((0..4_u64, text()), 0..3),
        nodes in prop::collection::vec(node(), 0..4),
        removed in prop::collection::vec(0..4_u64, 0..2),
        apis in prop::collection::vec(api(), 0..2),
        replica in prop::option::of((number(), counts(), counts())),
        events in prop::collection::vec((number(), text(), text()), 0..3),
    ) -> RowsPart {
        let statics = statics.into_iter().map(|(key, id)| NodeStatic {
            key,
            id,
            ..NodeStatic::default()
        });
        let removed = removed.into_iter().map(|key| NodeRemoved { key, reason: 1 });
        let events = events.into_iter().map(|(seq, kind, message)| Event {
            seq,
            kind,
            message,
            ..Event::default()
        });
        RowsPart {
            more,
            node_statics: statics.collect(),
            nodes,
            removed: removed.collect(),
            apis,
            replica: replica.map(|(pushes, targets, failed)| ReplicaRow {
                pushes,
                targets,
                failed,
                ..ReplicaRow::default()
            }),
            events: events.collect(),
        }
    }
}

#[derive(Clone, Debug)]
enum Step {
    Frame(u32, Box<WatchResponse>),
    Lost(u32),
    Gone(u32),
    Wait(u64),
}

prop_compose! {
    fn frame()(
        (epoch, base_seq, seq) in (0..2_u64, 0..6_u64, 0..6_u64),
        monotonic_ns in number(),
        kind in 0..4,
        part in part(),
    ) -> Box<WatchResponse> {
        let kind = match kind {
            0 => Some(Kind::Snapshot(part)),
            1 | 2 => Some(Kind::Delta(part)),
            _ => None,
        };
        Box::new(WatchResponse {
            epoch,
            seq,
            base_seq,
            monotonic_ns,
            kind,
            ..WatchResponse::default()
        })
    }
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => (0..3_u32, frame()).prop_map(|(replica, frame)| Step::Frame(replica, frame)),
        1 => (0..3_u32).prop_map(Step::Lost),
        1 => (0..3_u32).prop_map(Step::Gone),
        3 => (0..5_000_u64).prop_map(Step::Wait),
    ]
}

fn is_rate(rate: Option<f64>) -> bool {
    rate.is_none_or(|rate| rate.is_finite() && rate >= 0.0)
}

fn is_share(share: f64) -> bool {
    (0.0..=1.0).contains(&share)
}

fn assert_sane(fleet: &Fleet) {
    let totals = fleet.totals();
    assert!(
        is_rate(totals.push_rate) && is_rate(totals.delivered_rate),
        "{totals:?}"
    );
    for node in fleet.nodes().values() {
        let rates = [node.delivered_rate, node.failed_rate, node.call_rate];
        assert!(rates.into_iter().all(is_rate), "{node:?}");
        assert!(is_share(node.queue_ratio), "{}", node.queue_ratio);
        assert!(
            node.failed_ratio.is_none_or(is_share),
            "{:?}",
            node.failed_ratio
        );
        assert!(
            !node.name.0.chars().any(char::is_control),
            "{:?}",
            node.name
        );
    }
    for window in fleet.apis().iter().flat_map(|api| api.windows.values()) {
        assert!(
            is_rate(window.rate) && is_rate(window.failed_rate),
            "{window:?}"
        );
        assert!(window.failed_ratio.is_none_or(is_share), "{window:?}");
    }
    for item in fleet.events().items() {
        assert!(!item.message.chars().any(char::is_control), "{item:?}");
    }
    let counted = |replica: &&Replica| totals.counted.contains(&replica.id());
    let rows = fleet
        .replicas()
        .iter()
        .filter(counted)
        .filter_map(Replica::row);
    let pushes = rows.map(|row| row.pushes).fold(0, u64::saturating_add);
    assert_eq!(totals.pushes, pushes, "the sum of those that are counted");
}

proptest! {
    #[test]
    fn no_frames_make_a_rate_negative_a_share_odd_or_a_total_another_sum(
        steps in prop::collection::vec(step(), 1..60)
    ) {
        let (mut fleet, mut now) = (Fleet::default(), Duration::from_secs(1));
        for step in steps {
            let at = Moment::after(now);
            let mut take_in = |replica, what| {
                let replica = ReplicaId(replica);
                fleet.take_in(FeedEvent { replica, at, what });
            };
            match step {
                Step::Frame(replica, frame) => {
                    take_in(replica, Learnt::Link(Link::Live));
                    take_in(replica, Learnt::Frame(frame));
                }
                Step::Lost(replica) => {
                    let (why, again_at) = ("lost\u{1b}[0m".to_owned(), at);
                    take_in(replica, Learnt::Link(Link::Retrying { why, again_at }));
                }
                Step::Gone(replica) => take_in(replica, Learnt::Link(Link::Gone)),
                Step::Wait(millis) => now += Duration::from_millis(millis),
            }
            fleet.tick(Moment::after(now));
            assert_sane(&fleet);
        }
    }
}
