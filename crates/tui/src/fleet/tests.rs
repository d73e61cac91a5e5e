use std::{collections::BTreeMap, time::Duration};

use push_manager_proto::admin::{EventLevel, watch_response::Kind};

use super::*;
use crate::{
    feed::Learnt,
    fixture::{Lot, Scenario},
    replica::{Freshness, Link},
};

mod random;

fn name(name: &str) -> NodeName {
    NodeName(name.into())
}

fn kinds(fleet: &Fleet) -> Vec<&'static str> {
    fleet
        .problems()
        .iter()
        .map(|problem| problem.kind)
        .collect()
}

#[test]
fn totals_are_the_sums_of_what_live_replicas_count() {
    let fleet = Scenario::of(3, 5).fleet_after(20);
    let totals = fleet.totals();
    let rows = || fleet.replicas().iter().filter_map(|replica| replica.row());
    assert_eq!(totals.counted.len(), 3);
    assert_eq!(totals.pushes, rows().map(|row| row.pushes).sum::<u64>());
    assert_eq!(
        totals.delivered,
        rows().map(|row| row.targets["delivered"]).sum::<u64>()
    );
    assert_eq!(totals.push_rate.map(f64::round), Some(480.0));
    assert_eq!(totals.nodes.ready, 5);
}

#[test]
fn a_stale_replica_is_left_out_of_sums_and_named() {
    let mut scenario = Scenario::of(3, 5);
    scenario.silent_from.insert(2, 10);
    let fleet = scenario.fleet_after(20);
    let totals = fleet.totals();
    assert_eq!(totals.left_out, [ReplicaId(2)]);
    let rows = fleet.replicas()[..2]
        .iter()
        .filter_map(|replica| replica.row());
    assert_eq!(totals.pushes, rows.map(|row| row.pushes).sum::<u64>());
    let node = fleet.node(&name("push-1")).unwrap();
    assert_eq!(node.cells[&ReplicaId(2)].freshness, Freshness::Stale);
    let live = node
        .cells
        .values()
        .filter(|cell| cell.freshness == Freshness::Live);
    assert_eq!(
        node.connections,
        live.map(|cell| u64::from(cell.connections)).sum::<u64>()
    );
    assert!(
        kinds(&fleet).contains(&"replica_stale"),
        "{:?}",
        fleet.problems()
    );
}

#[test]
fn staleness_comes_with_time_alone() {
    let mut scenario = Scenario::of(1, 1);
    scenario.silent_from.insert(0, 10);
    let mut fleet = scenario.fleet_after(9);
    assert!(fleet.totals().left_out.is_empty());
    fleet.tick(Scenario::looked_at(11));
    assert!(fleet.totals().left_out.is_empty(), "within three intervals");
    fleet.tick(Scenario::looked_at(12) + Duration::from_millis(800));
    assert_eq!(fleet.totals().left_out, [ReplicaId(0)]);
    assert_eq!(
        fleet.totals().push_rate,
        None,
        "nothing is known, which is not zero"
    );
}

#[test]
fn each_lot_has_its_word_and_its_problem() {
    let fleet = Scenario::story().fleet_after(30);
    let word = |node: &str| fleet.node(&name(node)).unwrap().word;
    assert_eq!(word("push-17"), NodeWord::Failed);
    assert_eq!(word("push-44"), NodeWord::Connecting);
    assert_eq!(word("push-71"), NodeWord::Draining);
    assert_eq!(word("推送-节点-08"), NodeWord::Lingering);
    assert_eq!(word("push-203"), NodeWord::Idle);
    assert_eq!(word("push-1"), NodeWord::Ready);
    let kinds = kinds(&fleet);
    for kind in ["node_failed", "node_silent", "queue_filling", "api_failing"] {
        assert!(kinds.contains(&kind), "{kind}: {:?}", fleet.problems());
    }
    let severities: Vec<_> = fleet
        .problems()
        .iter()
        .map(|problem| problem.severity)
        .collect();
    assert!(
        severities.is_sorted_by(|one, other| one >= other),
        "the gravest first"
    );
    assert_eq!(
        fleet.node(&name("push-17")).unwrap().warning,
        Some(Severity::Error)
    );
}

#[test]
fn a_silent_node_is_a_problem_once_its_oldest_call_is_older_than_two_seconds() {
    let mut scenario = Scenario::of(1, 2);
    scenario.nodes[0].1 = Lot::Silent;
    let fleet = scenario.fleet_after(0);
    let node = fleet.node(&name("push-1")).unwrap();
    assert!(node.oldest_in_flight.unwrap() >= Duration::from_secs(2));
    assert!(kinds(&fleet).contains(&"node_silent"));
}

#[test]
fn rates_come_from_counters_and_the_replicas_own_clock() {
    let fleet = Scenario::of(1, 1).fleet_after(30);
    let node = fleet.node(&name("push-1")).unwrap();
    let delivered = node.delivered_rate.unwrap();
    assert!((40.0..=80.0).contains(&delivered), "{delivered}");
    assert_eq!(node.call_rate.map(f64::round), Some(21.0));
    let user = &fleet.apis()[0];
    assert_eq!(user.name, "PushToUser");
    let minute = &user.windows[&Window::Minute];
    assert_eq!(minute.ok_rate.map(f64::round), Some(120.0));
    assert!(
        minute.seconds <= 31.0,
        "it says how much of the window is covered"
    );
    assert!(minute.latency.p50 <= minute.latency.p99);
}

#[test]
fn a_new_epoch_begins_anew_and_no_rate_is_negative() {
    let scenario = Scenario::of(1, 3);
    let mut fleet = scenario.fleet_after(20);
    for mut event in scenario.second(0) {
        if let Learnt::Frame(frame) = &mut event.what {
            frame.epoch += 1;
            frame.monotonic_ns = 1_000;
        }
        event.at = Scenario::looked_at(21);
        fleet.take_in(event);
    }
    fleet.tick(Scenario::looked_at(21));
    let rates = fleet
        .nodes()
        .values()
        .filter_map(|node| node.delivered_rate);
    assert!(rates.into_iter().all(|rate| rate >= 0.0));
    assert_eq!(fleet.totals().push_rate, None, "one look is no rate yet");
}

#[test]
fn a_replica_that_sees_fewer_nodes_is_named() {
    let scenario = Scenario::of(2, 4);
    let mut fleet = Fleet::default();
    for mut event in scenario.second(0) {
        if let Learnt::Frame(frame) = &mut event.what
            && event.replica == ReplicaId(1)
            && let Some(push_manager_proto::admin::watch_response::Kind::Snapshot(part)) =
                &mut frame.kind
        {
            part.node_statics.pop();
            part.nodes.pop();
        }
        fleet.take_in(event);
    }
    fleet.tick(Scenario::looked_at(0));
    let told: Vec<_> = fleet
        .problems()
        .iter()
        .map(|problem| problem.text.as_str())
        .collect();
    assert!(
        told.contains(&"replica b sees 1 node fewer than a"),
        "{told:?}"
    );
}

#[test]
fn a_replica_that_is_gone_for_good_takes_its_nodes_along() {
    let scenario = Scenario::of(1, 4);
    let mut fleet = scenario.fleet_after(3);
    fleet.take_in(FeedEvent {
        replica: ReplicaId(0),
        at: Scenario::looked_at(4),
        what: Learnt::Link(Link::Gone),
    });
    fleet.tick(Scenario::looked_at(4));
    assert!(fleet.totals().left_out.is_empty());
    assert!(fleet.nodes().is_empty());
    assert_eq!(kinds(&fleet), ["no_replica"]);
}

#[test]
fn events_of_all_replicas_are_merged() {
    let fleet = Scenario::story().fleet_after(1);
    assert_eq!(fleet.events().items().len(), 5);
    let audit = fleet
        .events()
        .items()
        .find(|item| item.level == EventLevel::Audit);
    assert_eq!(audit.unwrap().replicas.len(), 3);
    assert_eq!(audit.unwrap().actor, "alice");
}

#[test]
fn a_second_that_nobody_looked_at_is_a_gap() {
    let scenario = Scenario::of(1, 1);
    let mut fleet = scenario.fleet_after(5);
    fleet.tick(Scenario::looked_at(8));
    let points = fleet.totals().push_history.points(history::Step::Second, 4);
    assert_eq!(points[1..3], [None, None], "{points:?}");
    let _: &BTreeMap<NodeName, Node> = fleet.nodes();
}

#[test]
fn a_controller_that_knows_nobody_is_no_failing_controller() {
    let scenario = Scenario::of(1, 1);
    let told = |code: &str| {
        let mut fleet = Fleet::default();
        for second in 0..=30 {
            for mut event in scenario.second(second) {
                if let Learnt::Frame(frame) = &mut event.what
                    && let Some(Kind::Snapshot(part) | Kind::Delta(part)) = &mut frame.kind
                    && let Some(replica) = &mut part.replica
                {
                    replica
                        .controller_requests
                        .insert(code.to_owned(), second * 50);
                }
                fleet.take_in(event);
            }
            fleet.tick(Scenario::looked_at(second));
        }
        kinds(&fleet).contains(&"controller_failing")
    };
    for code in ["NOT_FOUND", "UNIMPLEMENTED", "CANCELLED"] {
        assert!(!told(code), "{code}");
    }
    assert!(told("UNAVAILABLE"));
}
