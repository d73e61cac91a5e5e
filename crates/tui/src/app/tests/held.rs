//! What stays true while the world goes on: one replica alone, problems, marks, acts under way.

use push_manager_proto::admin::{NodeStatic, WatchNodeResponse};

use super::*;
use crate::{
    feed::{Aside, Look},
    fixture::Lot,
    replica::Freshness,
};

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

fn looks(effects: &[Effect]) -> Vec<Option<Look>> {
    let looks = effects.iter().filter_map(|effect| match effect {
        Effect::Look(look) => Some(look.clone()),
        _ => None,
    });
    looks.collect()
}

#[test]
fn details_are_asked_for_while_they_are_looked_at_and_no_longer() {
    let mut model = watching(&Scenario::of(2, 3), 3, false);
    assert!(looks(&press(&mut model, "2")).is_empty());
    let node = Some(Look::Node("push-1".to_owned()));
    assert_eq!(looks(&press(&mut model, "\n")), std::slice::from_ref(&node));
    let tell = |model: &mut Model, id: &str| {
        let told = WatchNodeResponse {
            node_static: Some(NodeStatic {
                id: id.to_owned(),
                ..NodeStatic::default()
            }),
            names: vec!["also\u{1b}[2J".to_owned()],
            ..WatchNodeResponse::default()
        };
        let (replica, at) = (ReplicaId(0), model.now);
        let what = Learnt::Aside(Aside::Node(Box::new(told)));
        update(model, Msg::Feed(FeedEvent { replica, at, what }));
    };
    tell(&mut model, "push-2");
    assert_eq!(
        model.details.node(ReplicaId(0), model.now),
        None,
        "not asked for"
    );
    tell(&mut model, "push-1");
    let told = model.details.node(ReplicaId(0), model.now).unwrap();
    assert!(!told.names[0].contains('\u{1b}'));
    let later = model.now + Duration::from_secs(11);
    assert_eq!(model.details.node(ReplicaId(0), later), None, "too old");
    // The past has no details, and coming back asks again.
    assert_eq!(looks(&press(&mut model, "p")), [None]);
    assert_eq!(model.details.node(ReplicaId(0), model.now), None);
    assert_eq!(looks(&press(&mut model, "p")), [node]);
    assert_eq!(looks(&press(&mut model, "\u{1b}")), [None]);
    let api = Some(Look::Api("PushToUser".to_owned()));
    assert_eq!(looks(&press(&mut model, ":api touser\n")), [api]);
    assert_eq!(model.screen, Screen::Api("PushToUser".to_owned()));
    assert_eq!(looks(&press(&mut model, "\u{1b}")), [None]);
    assert_eq!(model.screen, Screen::Pushes);
}

#[test]
fn where_replicas_are_found_being_away_is_a_problem_until_it_is_there() {
    let mut model = watching(&Scenario::of(1, 3), 3, false);
    let tell = |model: &mut Model, why: Option<&str>| {
        let what = Learnt::Aside(Aside::SourceAway(why.map(ToOwned::to_owned)));
        let (replica, at) = (ReplicaId::NONE, model.now);
        update(model, Msg::Feed(FeedEvent { replica, at, what }));
        tick(model, Scenario::looked_at(4));
    };
    tell(&mut model, Some("etcd at 10.0.0.9:2379: no answer"));
    let problem = &model.fleet.problems()[0];
    assert_eq!(problem.kind, "source_away");
    assert!(problem.text.contains("10.0.0.9:2379"), "{}", problem.text);
    tell(&mut model, None);
    let kinds = model.fleet.problems().iter().map(|problem| problem.kind);
    assert!(!kinds.collect::<Vec<_>>().contains(&"source_away"));
}
