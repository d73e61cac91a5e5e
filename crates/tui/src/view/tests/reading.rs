//! What lies over a screen can be read to its end, and what is typed is seen.

use std::collections::BTreeSet;

use crossterm::event::{MouseEvent, MouseEventKind};
use push_manager_proto::admin::{GetSettingsResponse, Setting};

use super::*;
use crate::app::{Overlay, Screen};

fn shown(model: &Model) -> Vec<String> {
    let text = picture::text(&picture::buffer_of(model, model.size));
    text.lines().map(str::to_owned).collect()
}

fn code(model: &mut Model, code: KeyCode) -> Vec<Effect> {
    update(model, Msg::Key(KeyEvent::new(code, KeyModifiers::NONE)))
}

fn wheel(model: &mut Model, kind: MouseEventKind) {
    let (column, row, modifiers) = (30, 12, KeyModifiers::NONE);
    let mouse = MouseEvent {
        kind,
        column,
        row,
        modifiers,
    };
    drop(update(model, Msg::Mouse(mouse)));
}

fn resize(model: &mut Model, size: (u16, u16)) {
    drop(update(model, Msg::Resize(size.0, size.1)));
}

/// Answers every question with a plan that names the node and the replica.
fn plan(model: &mut Model, asked: &[Effect], refuses: impl Fn(&str, u32) -> bool) {
    for effect in asked {
        let Effect::Act(wish) = effect else { continue };
        for replica in wish.replicas.keys() {
            let name = wish.target.label();
            let refusal = if refuses(&name, replica.0) {
                format!("too few without {name}, says {replica}")
            } else {
                String::new()
            };
            let plan = ActPlan {
                lines: vec![format!("{name} gets nothing new at {replica}.")],
                refusal,
                ..ActPlan::default()
            };
            let answer = ActResponse {
                plan: Some(plan),
                message: format!("{name} is drained"),
                ..ActResponse::default()
            };
            let (wish, replica, answer) = (wish.number, *replica, Ok(Box::new(answer)));
            drop(update(
                model,
                Msg::Acted {
                    wish,
                    replica,
                    answer,
                },
            ));
        }
    }
}

/// Twenty nodes at three replicas of which one fell silent, about to be drained.
fn twenty_plans() -> Model {
    let mut scenario = Scenario::of(4, 20);
    scenario.silent_from.insert(3, 2);
    let mut model = model(&scenario, 10);
    resize(&mut model, (100, 30));
    press(&mut model, &("2".to_owned() + &"x".repeat(20)));
    let asked = press(&mut model, "d");
    assert_eq!(asked.len(), 20);
    plan(&mut model, &asked, |name, replica| {
        name == "push-20" && replica != 0
    });
    model
}

#[test]
fn every_plan_can_be_read_before_it_is_confirmed() {
    let mut model = twenty_plans();
    check("act_of_many", model.clone(), &SIZES);
    let mut seen = BTreeSet::new();
    for _ in 0..12 {
        let lines = shown(&model);
        let summary = &lines[2];
        assert!(
            summary.contains("60 asked: 58 would do it, 2 refuse"),
            "{summary}"
        );
        assert!(lines[3].contains("not asked: d (stale)"), "{}", lines[3]);
        assert!(lines[4].contains("1 left out"), "{}", lines[4]);
        assert!(
            lines[26].contains("Type drain 20 and Enter"),
            "{}",
            lines[26]
        );
        assert!(lines[27].contains("> "), "{}", lines[27]);
        seen.extend(lines);
        code(&mut model, KeyCode::PageDown);
    }
    for node in 1..=20 {
        for replica in ["a", "b", "c"] {
            let told = match (node, replica) {
                (20, "b" | "c") => format!("too few without push-20, says {replica}"),
                _ => format!("push-{node} gets nothing new at {replica}."),
            };
            assert!(seen.iter().any(|line| line.contains(&told)), "{told}");
        }
    }
    // One key up is seen at once, however often down was pressed.
    let last = shown(&model);
    code(&mut model, KeyCode::Up);
    assert_ne!(shown(&model), last);
    let done = press(&mut model, "drain 20\n");
    assert_eq!(
        done.len(),
        19,
        "what was typed was typed; push-20 is left out"
    );
    plan(&mut model, &done[..18], |name, replica| {
        name == "push-3" && replica == 1
    });
    check("act_done", model, &SIZES);
}

#[test]
fn a_dialog_says_why_a_replica_is_not_asked() {
    let mut scenario = Scenario::story();
    scenario
        .down_from
        .insert(2, (5, "connection refused".to_owned()));
    let mut model = model(&scenario, 10);
    press(&mut model, "2d");
    let lines = shown(&model).join("\n");
    assert!(
        lines.contains("2 asked: 0 would do it, 0 refuse, 2 not answered yet"),
        "{lines}"
    );
    assert!(lines.contains("not asked: c (down)"), "{lines}");
    code(&mut model, KeyCode::Esc);
    press(&mut model, ":only b\n2d");
    let lines = shown(&model).join("\n");
    assert!(
        lines.contains("not asked: a (only b is shown), c (only b is shown)"),
        "{lines}"
    );
}

#[test]
fn in_a_small_terminal_what_is_typed_is_seen_and_nothing_is_acted_on() {
    for size in [(59, 20), (40, 3), (30, 1)] {
        let mut model = story("2");
        resize(&mut model, size);
        let last = |model: &Model| shown(model).last().unwrap().clone();
        press(&mut model, "/state=fai");
        assert!(last(&model).starts_with("filter: state=fai"), "{size:?}");
        code(&mut model, KeyCode::Esc);
        press(&mut model, ":sor");
        assert!(last(&model).starts_with(":sor"), "{size:?}");
        code(&mut model, KeyCode::Esc);
        press(&mut model, "?que");
        assert!(
            last(&model).contains("Esc closes: que"),
            "{size:?}: {}",
            last(&model)
        );
        code(&mut model, KeyCode::Esc);
        code(&mut model, KeyCode::Esc);
        for keys in ["d", ":drain push-1\n", ":set log.level debug\n"] {
            assert!(press(&mut model, keys).is_empty(), "{size:?}: {keys}");
            assert!(
                last(&model).starts_with("too small to show"),
                "{size:?}: {keys}"
            );
        }
    }
    // A plan that was made in a larger one can't be confirmed.
    let mut model = story("2");
    let asked = press(&mut model, "d");
    plan(&mut model, &asked, |_, _| false);
    let name = model.nodes.selected.clone().unwrap().to_string();
    resize(&mut model, (59, 20));
    assert!(press(&mut model, &(name.clone() + "\n")).is_empty());
    assert!(shown(&model)[18].contains("too small to show the plan"));
    resize(&mut model, (60, 20));
    assert_eq!(press(&mut model, "\n").len(), 1, "{name}");
}

#[test]
fn an_event_is_read_in_full_and_leads_to_its_node_at_that_time() {
    let mut model = story("4jj");
    resize(&mut model, (60, 16));
    model.overlay = None;
    press(&mut model, "\n");
    let Some(Overlay::Event { item, .. }) = &mut model.overlay else {
        panic!("the event is open")
    };
    let node = item.node.clone().unwrap();
    let words: Vec<_> = (1..=90).map(|word| format!("word-{word}")).collect();
    item.message = words.join(" ");
    let mut seen = String::new();
    for _ in 0..6 {
        seen.push_str(&shown(&model).join("\n"));
        wheel(&mut model, MouseEventKind::ScrollDown);
        wheel(&mut model, MouseEventKind::ScrollDown);
    }
    for told in [
        "2023-11-14 22:12:47.118 UTC",
        "told by  a b c",
        "word-1 ",
        "word-90",
    ] {
        assert!(seen.contains(told), "{told}");
    }
    press(&mut model, "\n");
    assert_eq!(model.screen, Screen::Node(node));
    // One without a node is read all the same.
    let mut model = story("4");
    press(&mut model, "\n");
    assert!(matches!(model.overlay, Some(Overlay::Event { .. })));
    code(&mut model, KeyCode::Esc);
    assert_eq!(
        (model.overlay.is_none(), &model.screen),
        (true, &Screen::Events)
    );
}

#[test]
fn help_ends_where_its_text_ends() {
    let mut model = story("2?");
    for _ in 0..30 {
        code(&mut model, KeyCode::PageDown);
    }
    let last = shown(&model);
    wheel(&mut model, MouseEventKind::ScrollDown);
    assert_eq!(shown(&model), last);
    code(&mut model, KeyCode::Up);
    assert_ne!(shown(&model), last, "one key is enough to go back");
    let before = shown(&model);
    wheel(&mut model, MouseEventKind::ScrollUp);
    assert_ne!(shown(&model), before);
}

#[test]
fn commands_of_before_are_walked_through() {
    let mut model = story("");
    press(&mut model, ":sort name\n:nodes\n:window 5m\n:");
    let input = |model: &Model| match &model.overlay {
        Some(Overlay::Palette { input, .. }) => input.clone(),
        other => panic!("{other:?}"),
    };
    let mut walked = Vec::new();
    for key in [
        KeyCode::Up,
        KeyCode::Up,
        KeyCode::Up,
        KeyCode::Up,
        KeyCode::Down,
    ] {
        code(&mut model, key);
        walked.push(input(&model));
    }
    assert_eq!(
        walked,
        ["window 5m", "nodes", "sort name", "sort name", "nodes"]
    );
    code(&mut model, KeyCode::Down);
    code(&mut model, KeyCode::Down);
    assert_eq!(input(&model), "", "after the newest there is an empty line");
    press(&mut model, "\u{1b}");
}

#[test]
fn escape_in_the_prompt_puts_the_filter_of_before_back() {
    let mut model = story("2/state=ready\n");
    let before = model.nodes.order.clone();
    press(&mut model, "/ and queue>80%");
    assert_ne!(model.nodes.order, before);
    code(&mut model, KeyCode::Esc);
    assert_eq!(model.nodes.order, before);
    assert_eq!(model.nodes.filter_text, "state=ready");
    press(&mut model, "4/refused\n/xxxx");
    code(&mut model, KeyCode::Esc);
    assert_eq!(model.events.text, "refused");
}

#[test]
fn of_a_long_line_its_end_is_seen() {
    let mut model = story("2/");
    let typed = "name~\"推送-节点*\" or ".repeat(6) + "name=推送";
    press(&mut model, &typed);
    let line = shown(&model).last().unwrap().clone();
    assert!(
        line.starts_with("filter: …") && line.ends_with("name=推送▏"),
        "{line}"
    );
    assert!(line.width() <= 80, "{line}");
}

#[test]
fn an_event_in_full() {
    check("event", story("4j\n"), &SIZES);
}

#[test]
fn settings() {
    let mut model = story("5");
    let setting = |key: &str, value: &str, expected: &str| Setting {
        key: key.to_owned(),
        value: value.to_owned(),
        configured: "info".to_owned(),
        expected: expected.to_owned(),
        ..Setting::default()
    };
    let told = GetSettingsResponse {
        settings: vec![
            setting("log.level", "info", "error, warn, info, debug or trace"),
            setting("limits.max_id", "64", "a number from 1 to 1024"),
        ],
    };
    let (replica, answer) = (ReplicaId(0), Ok(Box::new(told)));
    drop(update(&mut model, Msg::Settings { replica, answer }));
    check("settings", model, &SIZES);
}
