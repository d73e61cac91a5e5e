use std::time::{Duration, SystemTime};

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use proptest::prelude::*;
use push_manager_proto::admin::{ActPlan, ActResponse, Verb};

use super::*;
use crate::{
    feed::{FeedEvent, Learnt},
    fixture::Scenario,
    fleet::NodeName,
    moment::Moment,
    replica::{Link, ReplicaId},
    view::Look,
};

mod held;

fn options(allow_actions: bool) -> Options {
    Options {
        title: "test".to_owned(),
        source: "nowhere".to_owned(),
        allow_actions,
        replay: false,
        look: Look::default(),
    }
}

/// A console that has watched a scenario for so many seconds.
fn watching(scenario: &Scenario, seconds: u64, allow_actions: bool) -> Model {
    let mut model = Model::new(options(allow_actions), SystemTime::UNIX_EPOCH);
    for second in 0..=seconds {
        live_through(&mut model, scenario, second);
    }
    model
}

fn live_through(model: &mut Model, scenario: &Scenario, second: u64) {
    for event in scenario.second(second) {
        update(model, Msg::Feed(event));
    }
    tick(model, Scenario::looked_at(second));
}

fn tick(model: &mut Model, now: Moment) {
    let wall = SystemTime::UNIX_EPOCH + now.since_start();
    update(model, Msg::Tick { now, wall });
}

fn key(code: KeyCode) -> Msg {
    Msg::Key(KeyEvent::new(code, KeyModifiers::NONE))
}

fn press(model: &mut Model, keys: &str) -> Vec<Effect> {
    let mut effects = Vec::new();
    for letter in keys.chars() {
        let code = match letter {
            '\n' => KeyCode::Enter,
            '\u{1b}' => KeyCode::Esc,
            letter => KeyCode::Char(letter),
        };
        effects.extend(update(model, key(code)));
    }
    effects
}

fn selected(model: &Model) -> &str {
    model.nodes.selected.as_ref().map_or("", |name| &name.0)
}

fn acts(effects: &[Effect]) -> Vec<&ActWish> {
    let acts = effects.iter().filter_map(|effect| match effect {
        Effect::Act(wish) => Some(wish),
        _ => None,
    });
    acts.collect()
}

#[test]
fn the_cursor_stays_on_its_node_however_rows_move() {
    let mut model = watching(&Scenario::of(1, 9), 2, false);
    press(&mut model, "2jjj");
    assert_eq!(selected(&model), "push-4");
    press(&mut model, "sS");
    assert_eq!(selected(&model), "push-4");
    assert_eq!(model.nodes.selected_at, 5, "the order was turned around");
}

#[test]
fn a_cursor_whose_node_is_gone_stays_at_its_place() {
    let scenario = Scenario::of(1, 9);
    let mut model = watching(&scenario, 2, false);
    press(&mut model, "2jjj");
    let mut fewer = scenario.clone();
    fewer.nodes.remove(3);
    let mut events = fewer.second(0);
    for event in &mut events {
        if let Learnt::Frame(frame) = &mut event.what {
            (frame.seq, frame.monotonic_ns) = (50, frame.monotonic_ns + 9_000_000_000);
        }
    }
    for event in events {
        update(&mut model, Msg::Feed(event));
    }
    tick(&mut model, Scenario::looked_at(3));
    assert_eq!(model.nodes.selected_at, 3);
    assert_eq!(selected(&model), "push-5");
}

#[test]
fn a_filter_works_while_it_is_typed_and_a_half_typed_one_leaves_the_last_in_force() {
    let mut model = watching(&Scenario::story(), 5, false);
    press(&mut model, "2/state=failed");
    assert_eq!(model.nodes.order.len(), 1);
    press(&mut model, " or\n");
    let Some(Overlay::Filter { error, .. }) = &model.overlay else {
        panic!("the prompt is open")
    };
    assert_eq!(error.as_ref().map(|(at, _)| *at), Some(15));
    press(&mut model, " state=idle\n");
    assert!(model.overlay.is_none());
    assert_eq!(model.nodes.order.len(), 2);
    press(&mut model, "\u{1b}");
    assert_eq!(model.nodes.order.len(), 14);
}

#[test]
fn a_problem_leads_to_its_cause() {
    let mut model = watching(&Scenario::story(), 40, false);
    let problems = model.fleet.problems();
    let failed = problems
        .iter()
        .position(|problem| problem.kind == "node_failed")
        .unwrap();
    press(&mut model, &"j".repeat(failed));
    press(&mut model, "\n");
    assert_eq!(model.screen, Screen::Nodes);
    assert_eq!(selected(&model), "push-17");
    press(&mut model, "\n");
    assert_eq!(model.screen, Screen::Node(NodeName("push-17".into())));
    press(&mut model, "\u{1b}");
    assert_eq!(model.screen, Screen::Nodes);
}

#[test]
fn a_pause_stops_this_screen_and_nothing_else() {
    let scenario = Scenario::of(1, 3);
    let mut model = watching(&scenario, 5, false);
    let effects = press(&mut model, "p");
    assert!(effects.is_empty(), "nobody is told");
    let then = model.shown().totals().pushes;
    for second in 6..20 {
        live_through(&mut model, &scenario, second);
    }
    assert_eq!(model.shown().totals().pushes, then);
    assert!(
        model.fleet.totals().pushes > then,
        "the fleet goes on underneath"
    );
    press(&mut model, "2jj");
    assert_eq!(selected(&model), "push-3", "and the screen still works");
    press(&mut model, "p");
    assert!(model.shown().totals().pushes > then);
}

#[test]
fn the_past_can_be_stepped_through_and_left() {
    let scenario = Scenario::of(1, 3);
    let mut model = watching(&scenario, 50, false);
    press(&mut model, "[[[");
    assert_eq!(model.shown_at(), Scenario::looked_at(47));
    assert_eq!(model.shown().totals().pushes, (100_000 + 47) * 160);
    press(&mut model, "]");
    assert_eq!(model.shown().totals().pushes, (100_000 + 48) * 160);
    update(&mut model, key(KeyCode::End));
    assert_eq!(model.time, TimeState::Live);
    assert_eq!(model.shown().totals().pushes, (100_000 + 50) * 160);
}

#[test]
fn keys_work_at_once_while_nothing_is_connected() {
    let mut model = Model::new(options(false), SystemTime::UNIX_EPOCH);
    let why = "connection refused".to_owned();
    let what = Learnt::Link(Link::Retrying {
        why,
        again_at: Moment::after(Duration::from_secs(8)),
    });
    let (replica, at) = (ReplicaId(0), Moment::default());
    update(&mut model, Msg::Feed(FeedEvent { replica, at, what }));
    press(&mut model, "2 p p");
    assert_eq!(model.screen, Screen::Nodes);
    press(&mut model, "5");
    assert_eq!(model.screen, Screen::Replicas);
    assert!(matches!(
        model.fleet.replicas()[0].link(),
        Link::Retrying { .. }
    ));
}

#[test]
fn nothing_is_acted_on_without_being_allowed() {
    let mut model = watching(&Scenario::story(), 3, false);
    for keys in [
        "2d",
        "2e",
        "2u",
        "2c",
        ":drain push-1\n",
        ":set log.level debug\n",
    ] {
        let effects = press(&mut model, keys);
        assert!(acts(&effects).is_empty(), "{keys}");
        assert!(
            model
                .notice
                .as_ref()
                .is_some_and(|notice| notice.text.contains("--allow-actions"))
        );
        press(&mut model, "\u{1b}");
    }
}

fn answer(model: &mut Model, effects: &[Effect], refusal: &str) {
    let asked: Vec<_> = acts(effects).into_iter().cloned().collect();
    for wish in asked {
        for replica in wish.replicas.keys() {
            let answer = ActResponse {
                plan: Some(ActPlan {
                    refusal: refusal.to_owned(),
                    lines: vec!["It gets nothing new.".to_owned()],
                    ..ActPlan::default()
                }),
                applied: !wish.dry_run,
                message: "drained".to_owned(),
                ..ActResponse::default()
            };
            let (wish, replica) = (wish.number, *replica);
            let answer = Ok(Box::new(answer));
            update(
                model,
                Msg::Acted {
                    wish,
                    replica,
                    answer,
                },
            );
        }
    }
}

#[test]
fn an_act_is_planned_at_every_replica_then_typed_then_done() {
    let mut model = watching(&Scenario::of(3, 3), 3, true);
    let planned = press(&mut model, "2jd");
    let wishes = acts(&planned);
    assert_eq!(wishes.len(), 1);
    assert!(wishes[0].dry_run);
    assert_eq!(wishes[0].verb, Verb::Drain);
    assert_eq!(wishes[0].replicas.len(), 3);
    assert!(
        wishes[0]
            .replicas
            .values()
            .all(|instance| instance == "9f3e")
    );
    assert!(
        acts(&press(&mut model, "push-2\n")).is_empty(),
        "no plan is in yet"
    );
    answer(&mut model, &planned, "");
    assert!(
        acts(&press(&mut model, "x\n")).is_empty(),
        "another name was typed"
    );
    update(&mut model, key(KeyCode::Backspace));
    let done = press(&mut model, "\n");
    let wishes = acts(&done);
    assert_eq!(wishes.len(), 1);
    assert!(!wishes[0].dry_run);
    assert_eq!(wishes[0].replicas.len(), 3);
    answer(&mut model, &done, "");
    press(&mut model, "\n");
    assert!(model.overlay.is_none());
}

#[test]
fn a_refused_plan_can_t_be_confirmed() {
    let mut model = watching(&Scenario::of(1, 3), 3, true);
    let planned = press(&mut model, "2d");
    answer(&mut model, &planned, "too few usable nodes would remain");
    assert!(acts(&press(&mut model, "push-1\n")).is_empty());
    assert!(model.notice.as_ref().is_some_and(|notice| notice.is_error));
}

#[test]
fn an_old_plan_must_be_made_anew() {
    let scenario = Scenario::of(1, 3);
    let mut model = watching(&scenario, 3, true);
    let planned = press(&mut model, "2d");
    answer(&mut model, &planned, "");
    for second in 4..70 {
        live_through(&mut model, &scenario, second);
    }
    assert!(acts(&press(&mut model, "push-1\n")).is_empty());
}

#[test]
fn a_node_that_is_another_one_by_now_is_left_alone() {
    let scenario = Scenario::of(1, 3);
    let mut model = watching(&scenario, 3, true);
    let planned = press(&mut model, "2d");
    answer(&mut model, &planned, "");
    let mut events = scenario.second(0);
    for event in &mut events {
        if let Learnt::Frame(frame) = &mut event.what {
            (frame.seq, frame.monotonic_ns) = (90, frame.monotonic_ns + 9_000_000_000);
            if let Some(push_manager_proto::admin::watch_response::Kind::Snapshot(part)) =
                &mut frame.kind
            {
                part.node_statics[0].instance = "another".to_owned();
            }
        }
    }
    for event in events {
        update(&mut model, Msg::Feed(event));
    }
    tick(&mut model, Scenario::looked_at(4));
    assert!(acts(&press(&mut model, "push-1\n")).is_empty());
}

#[test]
fn commands_do_what_keys_do_and_unknown_ones_name_the_nearest() {
    let mut model = watching(&Scenario::story(), 3, false);
    press(&mut model, ":nodes queue>80%\n");
    assert_eq!((selected(&model), model.nodes.order.len()), ("push-2", 1));
    press(&mut model, ":sort errors\n");
    assert_eq!(model.nodes.sort, SortKey::Errors);
    let effects = press(&mut model, ":export json\n");
    assert!(matches!(&effects[..], [Effect::Write { .. }]));
    press(&mut model, ":zzz\n");
    assert!(
        model
            .notice
            .as_ref()
            .is_some_and(|notice| notice.text.contains("no command"))
    );
}

#[test]
fn pasted_text_types_and_never_acts() {
    let mut model = watching(&Scenario::of(1, 3), 3, true);
    let planned = press(&mut model, "2d");
    answer(&mut model, &planned, "");
    let effects = update(&mut model, Msg::Paste("push-1\n\u{1b}".to_owned()));
    assert!(effects.is_empty());
    assert!(
        matches!(model.overlay, Some(Overlay::Act(_))),
        "Enter must be pressed"
    );
}

fn any_key() -> impl Strategy<Value = KeyEvent> {
    let codes = prop_oneof![
        6 => prop::char::range(' ', '~').prop_map(KeyCode::Char),
        1 => Just(KeyCode::Char('推')),
        1 => Just(KeyCode::Enter),
        1 => Just(KeyCode::Esc),
        1 => Just(KeyCode::Tab),
        1 => Just(KeyCode::BackTab),
        1 => Just(KeyCode::Backspace),
        1 => Just(KeyCode::PageDown),
        1 => Just(KeyCode::PageUp),
        1 => Just(KeyCode::Up),
        1 => Just(KeyCode::Down),
        1 => Just(KeyCode::Home),
        1 => Just(KeyCode::End),
    ];
    let modifiers = prop_oneof![
        9 => Just(KeyModifiers::NONE),
        1 => Just(KeyModifiers::CONTROL),
        1 => Just(KeyModifiers::ALT),
    ];
    (codes, modifiers).prop_map(|(code, modifiers)| KeyEvent::new(code, modifiers))
}

#[derive(Clone, Debug)]
enum Thing {
    Key(KeyEvent),
    Size(u16, u16),
    Second,
}

fn thing() -> impl Strategy<Value = Thing> {
    prop_oneof![
        8 => any_key().prop_map(Thing::Key),
        1 => (0..260_u16, 0..80_u16).prop_map(|(columns, rows)| Thing::Size(columns, rows)),
        1 => Just(Thing::Second),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn whatever_is_pressed_it_draws_keeps_its_cursor_and_can_be_left(
        things in prop::collection::vec(thing(), 0..60),
        allowed in any::<bool>(),
    ) {
        let scenario = Scenario::story();
        let mut model = watching(&scenario, 2, allowed);
        let mut second = 2;
        for thing in things {
            match thing {
                Thing::Key(key) => {
                    let before = (model.nodes.selected.clone(), model.nodes.order.clone());
                    let effects = update(&mut model, Msg::Key(key));
                    for wish in acts(&effects) {
                        prop_assert!(allowed);
                        prop_assert!(wish.dry_run, "nothing is confirmed by chance");
                    }
                    drop(before);
                }
                Thing::Size(columns, rows) => drop(update(&mut model, Msg::Resize(columns, rows))),
                Thing::Second => {
                    second += 1;
                    let kept = model.nodes.selected.clone();
                    live_through(&mut model, &scenario, second);
                    if let Some(kept) = kept && model.nodes.order.contains(&kept) {
                        prop_assert_eq!(model.nodes.selected.as_ref(), Some(&kept));
                    }
                }
            }
            let buffer = crate::picture::buffer_of(&model, model.size);
            prop_assert_eq!((buffer.area.width, buffer.area.height), model.size);
        }
        let interrupt = KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL);
        prop_assert_eq!(update(&mut model, Msg::Key(interrupt)), vec![Effect::Quit]);
    }
}
