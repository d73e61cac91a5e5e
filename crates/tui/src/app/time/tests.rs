use std::time::SystemTime;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use push_manager_proto::admin::{Event, watch_response::Kind};

use super::*;
use crate::{
    app::{Msg, Options, Screen, update},
    feed::{FeedEvent, Learnt},
    fixture::{BEGAN, Scenario},
    fleet::NodeName,
};

/// A console that plays a recording of a scenario, or watches it, and has come so far.
fn at(scenario: &Scenario, seconds: u64, replay: bool) -> Model {
    let options = Options {
        replay,
        ..Options::default()
    };
    let mut model = Model::new(options, SystemTime::UNIX_EPOCH);
    (0..=seconds).for_each(|second| live_through(&mut model, scenario, second));
    model
}

fn live_through(model: &mut Model, scenario: &Scenario, second: u64) {
    for event in scenario.second(second) {
        update(model, Msg::Feed(event));
    }
    let now = Scenario::looked_at(second);
    let began = SystemTime::UNIX_EPOCH + Duration::from_secs(BEGAN.unsigned_abs());
    let wall = began + now.since_start();
    update(model, Msg::Tick { now, wall });
}

fn press(model: &mut Model, keys: &str) -> Vec<Effect> {
    let press = |code| Msg::Key(KeyEvent::new(code, KeyModifiers::NONE));
    let mut effects = Vec::new();
    for letter in keys.chars() {
        let code = match letter {
            '\n' => KeyCode::Enter,
            letter => KeyCode::Char(letter),
        };
        effects.extend(update(model, press(code)));
    }
    effects
}

fn said(model: &Model) -> &str {
    model.notice.as_ref().map_or("", |notice| &notice.text)
}

fn seconds(seconds: u64) -> Moment {
    Moment::after(Duration::from_secs(seconds))
}

#[test]
fn at_the_end_of_a_recording_the_last_picture_stays() {
    let mut model = at(&Scenario::of(1, 3), 20, true);
    update(&mut model, Msg::Ended(None));
    assert_eq!(model.time, TimeState::Paused(Scenario::looked_at(20)));
    assert_eq!(model.shown().totals().counted.len(), 1, "nobody is lost");
    assert!(said(&model).contains("the recording ends here"));
    press(&mut model, "[[");
    assert_eq!(model.shown_at(), Scenario::looked_at(18));
    for keys in ["p", "]]]]"] {
        press(&mut model, keys);
        assert_eq!(model.time, TimeState::Paused(Scenario::looked_at(20)));
        assert!(said(&model).contains("the recording ends here"), "{keys}");
    }
    assert!(press(&mut model, "}").is_empty(), "there is nothing ahead");
}

#[test]
fn a_recording_is_gone_through_in_half_minutes_and_by_time() {
    let mut model = at(&Scenario::of(1, 3), 100, true);
    let seek = |to, anew| {
        let to = seconds(to);
        vec![Effect::Seek { to, anew }]
    };
    assert_eq!(press(&mut model, "}"), seek(130, false));
    assert_eq!(model.shown().nodes().len(), 3, "the picture stays");
    // What lies between is played.
    for second in 101..=130 {
        live_through(&mut model, &Scenario::of(1, 3), second);
    }
    assert_eq!(model.playing.goal, None);
    assert!(said(&model).contains("2:10"), "{}", said(&model));
    assert_eq!(press(&mut model, "p{"), [], "it is remembered");
    assert_eq!(model.shown_at(), Scenario::looked_at(100));
    assert_eq!(press(&mut model, ":seek +1m\n"), seek(160, false));
    model.playing.goal = None;
    assert_eq!(press(&mut model, ":seek 20s\n"), seek(20, true));
    assert_eq!(model.shown().nodes().len(), 3, "the picture stays");
    (0..=20).for_each(|second| live_through(&mut model, &Scenario::of(1, 3), second));
    assert_eq!(model.shown().totals().pushes, (100_000 + 20) * 160);
    assert_eq!(model.time, TimeState::Live);
    assert_eq!(press(&mut model, ":seek soon\n"), []);
    assert!(said(&model).contains("e.g. 90s"));
}

#[test]
fn a_recording_can_be_played_faster_and_a_notice_stays_as_long() {
    let mut model = at(&Scenario::of(1, 3), 3, true);
    assert_eq!(press(&mut model, ":speed 8\n"), [Effect::Speed(8.0)]);
    for second in 4..30 {
        live_through(&mut model, &Scenario::of(1, 3), second);
    }
    assert!(
        said(&model).contains("8 times"),
        "three seconds have passed"
    );
    for wrong in ["nan", "0", "-1", "1000", ""] {
        assert_eq!(press(&mut model, &format!(":speed {wrong}\n")), []);
        assert_eq!(said(&model), "expected a number from 0.25 to 64");
    }
}

#[test]
fn where_no_recording_is_played_there_is_nothing_to_go_through() {
    let mut model = at(&Scenario::of(1, 3), 50, false);
    for keys in ["{", "}", ":seek 3s\n", ":speed 2\n"] {
        assert_eq!(press(&mut model, keys), [], "{keys}");
        assert!(said(&model).contains("no recording is played"), "{keys}");
        assert_eq!(model.time, TimeState::Live);
    }
}

#[test]
fn the_past_keeps_its_events_and_the_one_under_the_cursor() {
    let scenario = Scenario::story();
    let mut model = at(&scenario, 200, false);
    press(&mut model, "4jj");
    let (order, selected) = (model.events.order.clone(), model.events.selected);
    assert_eq!((order.len(), selected.is_some()), (5, true));
    press(&mut model, "[");
    assert_eq!(
        (&model.events.order, model.events.selected),
        (&order, selected)
    );
    let told = event_told_at(&scenario, 201, 201);
    update(&mut model, Msg::Feed(told));
    assert_eq!(model.shown().events().items().len(), 5, "what came later");
    press(&mut model, "p");
    assert!(
        model.shown().events().items().len() > 5,
        "is in the present"
    );
}

/// The frame of a second, in which an event is told that happened in another one.
fn event_told_at(scenario: &Scenario, second: u64, happened: u64) -> FeedEvent {
    let frames = scenario.second(second).into_iter();
    let frame = { frames }.find_map(|event| match event.what {
        Learnt::Frame(frame) => Some((event.replica, event.at, frame)),
        Learnt::Target(_) | Learnt::Info(_) | Learnt::Link(_) | Learnt::Aside(_) => None,
    });
    let (replica, at, mut frame) = frame.unwrap();
    if let Some(Kind::Snapshot(part) | Kind::Delta(part)) = &mut frame.kind {
        part.events.push(Event {
            seq: 1_000 + second,
            wall_time: Some(prost_types::Timestamp {
                seconds: BEGAN + i64::try_from(happened).unwrap(),
                nanos: 0,
            }),
            kind: "conn.lost".to_owned(),
            node: "push-1".to_owned(),
            ..Event::default()
        });
    }
    let what = Learnt::Frame(frame);
    FeedEvent { replica, at, what }
}

#[test]
fn an_event_leads_to_when_it_happened_or_says_that_this_is_not_remembered() {
    let scenario = Scenario::story();
    let mut model = at(&scenario, 60, false);
    // The last of those that happened before the console began, and were told then.
    press(&mut model, "4\n\n");
    assert_eq!(model.screen, Screen::Node(NodeName("推送-节点-08".into())));
    assert_eq!(model.time, TimeState::Live, "not the console's beginning");
    assert!(said(&model).contains("before the past"), "{}", said(&model));
    for (happened, shown) in [(61, 61), (20, 20)] {
        let mut model = model.clone();
        update(
            &mut model,
            Msg::Feed(event_told_at(&scenario, 61, happened)),
        );
        let now = Scenario::looked_at(61);
        let wall = model.wall + Duration::from_secs(1);
        update(&mut model, Msg::Tick { now, wall });
        press(&mut model, "4");
        let items = model.shown().events().items();
        let told = { items }.find(|item| item.kind == "conn.lost").unwrap().id;
        model.events.selected = Some(told);
        press(&mut model, "\n\n");
        assert_eq!(model.screen, Screen::Node(NodeName("push-1".into())));
        assert_eq!(model.shown_at().since_start().as_secs(), shown);
    }
}
