//! What stays true while the world goes on: one replica alone, problems, marks, acts under way.

use super::*;
use crate::{fixture::Lot, replica::Freshness};

#[test]
fn one_replica_alone_is_followed_and_its_end_is_seen() {
    let mut scenario = Scenario::story();
    scenario.down_from.insert(1, (12, "reset".to_owned()));
    let mut model = watching(&scenario, 5, false);
    press(&mut model, "5j\n");
    assert_eq!(model.only, Some(ReplicaId(1)));
    let alone = |model: &Model| model.shown().totals().pushes;
    for second in 6..=10 {
        live_through(&mut model, &scenario, second);
        assert_eq!(alone(&model), (100_000 + second) * 160, "second {second}");
    }
    let freshness = |model: &Model| model.shown().replicas()[1].freshness(model.now);
    assert_eq!(freshness(&model), Freshness::Live);
    for second in 11..=13 {
        live_through(&mut model, &scenario, second);
    }
    assert_eq!(freshness(&model), Freshness::Down);
    assert_eq!(alone(&model), 0, "nobody is counted");
    press(&mut model, "\u{1b}");
    assert_eq!(model.only, None);
    assert_eq!(alone(&model), (100_000 + 13) * 160 * 2, "a and c");
}

#[test]
fn another_replica_alone_is_shown_at_once() {
    let mut scenario = Scenario::of(2, 3);
    scenario.nodes.push(("push-9".to_owned(), Lot::Failed));
    let mut model = watching(&scenario, 3, false);
    press(&mut model, ":only a\n2");
    assert_eq!(model.nodes.order.len(), 4);
    let rate = |model: &Model| {
        model
            .shown()
            .node(&NodeName("push-1".into()))
            .unwrap()
            .cells
            .len()
    };
    press(&mut model, ":only b\n");
    assert_eq!(rate(&model), 1);
    assert!(
        model
            .shown()
            .node(&NodeName("push-1".into()))
            .unwrap()
            .cells
            .contains_key(&ReplicaId(1))
    );
}

#[test]
fn the_cursor_stays_on_its_problem_while_graver_ones_come() {
    let mut scenario = Scenario::story();
    scenario.down_from.insert(2, (44, "reset".to_owned()));
    let mut model = watching(&scenario, 43, false);
    let under = |model: &Model| model.shown().problems()[model.overview.selected].kind;
    let last = model.shown().problems().len() - 1;
    press(&mut model, &"j".repeat(last));
    let held = under(&model);
    assert_eq!(model.overview.selected, last);
    for second in 44..48 {
        live_through(&mut model, &scenario, second);
    }
    assert_eq!(under(&model), held);
    assert_ne!(model.overview.selected, last, "one more stands above it");
}

#[test]
fn a_problem_of_many_nodes_leads_to_all_of_them() {
    let mut scenario = Scenario::of(1, 10);
    for number in 0..60 {
        let name = format!("push-fanout-7d9c5b6f4-{number:08}-e\u{301}-of-a-long-name");
        scenario.nodes.push((name, Lot::Failed));
    }
    let mut model = watching(&scenario, 3, false);
    press(&mut model, "1g\n");
    assert_eq!(model.screen, Screen::Nodes);
    assert_eq!(model.nodes.order.len(), 60, "{}", model.nodes.filter_text);
}

#[test]
fn who_is_marked_stays_marked_while_a_past_without_them_is_looked_at() {
    let scenario = Scenario::of(1, 3);
    let mut model = watching(&scenario, 3, false);
    press(&mut model, "2xx");
    let mut past = Scenario::of(1, 1).fleet_after(1);
    past.tick(Scenario::looked_at(2));
    model.time = TimeState::Paused(Scenario::looked_at(2));
    model.past = Some(Box::new(past));
    tick(&mut model, Scenario::looked_at(4));
    assert_eq!(model.nodes.order.len(), 1);
    assert_eq!(model.nodes.marked.len(), 2);
}

fn told(model: &Model) -> &str {
    model.notice.as_ref().map_or("", |notice| &notice.text)
}

#[test]
fn what_an_act_came_to_is_told_after_its_dialog_was_closed() {
    let mut model = watching(&Scenario::of(1, 3), 3, true);
    let planned = press(&mut model, "2d");
    answer(&mut model, &planned, "");
    let done = press(&mut model, "push-1\n");
    press(&mut model, "\u{1b}");
    let wish = acts(&done)[0].number;
    let failed = Msg::Acted {
        wish,
        replica: ReplicaId(0),
        answer: Err("no answer within 5 s".to_owned()),
    };
    update(&mut model, failed);
    assert_eq!(told(&model), "a: drain push-1: no answer within 5 s");
    assert!(model.acting.is_empty());
    // A plan that nobody waits for is no news.
    model.notice = None;
    let planned = press(&mut model, "d");
    press(&mut model, "\u{1b}");
    answer(&mut model, &planned, "");
    assert_eq!(told(&model), "");
}

#[test]
fn what_one_replica_refuses_is_left_out_and_alone_it_is_not_done() {
    let mut model = watching(&Scenario::of(2, 4), 3, true);
    let planned = press(&mut model, "2xxd");
    assert_eq!(acts(&planned).len(), 2);
    let refuse = |model: &mut Model, wish: &ActWish, by: u32, why: &str| {
        for replica in wish.replicas.keys() {
            let refusal = if replica.0 == by { why } else { "" };
            let plan = ActPlan {
                refusal: refusal.to_owned(),
                ..ActPlan::default()
            };
            let answer = ActResponse {
                plan: Some(plan),
                ..ActResponse::default()
            };
            let msg = Msg::Acted {
                wish: wish.number,
                replica: *replica,
                answer: Ok(Box::new(answer)),
            };
            update(model, msg);
        }
    };
    let wishes: Vec<ActWish> = acts(&planned).into_iter().cloned().collect();
    refuse(&mut model, &wishes[0], 9, "");
    refuse(&mut model, &wishes[1], 1, "too few would remain");
    let done = press(&mut model, "drain 2\n");
    let done = acts(&done);
    assert_eq!(done.len(), 1);
    assert_eq!(done[0].target, ActTarget::Node(NodeName("push-1".into())));
    assert!(told(&model).contains("1 left out"), "{}", told(&model));

    press(&mut model, "\u{1b}");
    let planned = press(&mut model, "d");
    let wish = acts(&planned)[0].clone();
    refuse(&mut model, &wish, 1, "too few would remain");
    let name = wish.target.label();
    assert!(acts(&press(&mut model, &format!("{name}\n"))).is_empty());
    assert!(told(&model).contains("replica b would refuse: too few would remain"));
}

#[test]
fn settings_that_come_late_lie_over_nothing_else() {
    let mut model = watching(&Scenario::of(1, 3), 3, true);
    press(&mut model, "5v");
    let planned = press(&mut model, "2d");
    assert_eq!(acts(&planned).len(), 1);
    let replica = ReplicaId(0);
    let answer = Err("no answer within 5 s".to_owned());
    update(&mut model, Msg::Settings { replica, answer });
    assert!(matches!(model.overlay, Some(Overlay::Act(_))));
}
