//! What stands where: rows that scroll, the mouse, a node in detail, columns of wide letters.

use crossterm::event::{MouseButton, MouseEvent, MouseEventKind};

use super::*;
use crate::fixture::Lot;

fn shown(model: &Model) -> Vec<String> {
    let text = picture::text(&picture::buffer_of(model, model.size));
    text.lines().map(str::to_owned).collect()
}

fn click(model: &mut Model, column: u16, row: u16) {
    let mouse = MouseEvent {
        kind: MouseEventKind::Down(MouseButton::Left),
        column,
        row,
        modifiers: KeyModifiers::NONE,
    };
    drop(update(model, Msg::Mouse(mouse)));
}

/// Links of so many replicas, each with what became of it.
fn linked(count: u32, link: impl Fn(u32) -> Link) -> Model {
    let mut model = model(&Scenario::of(0, 0), 0);
    for replica in 0..count {
        let at = Moment::default();
        for what in [
            Learnt::Target(format!("pod-{replica}")),
            Learnt::Link(link(replica)),
        ] {
            let replica = ReplicaId(replica);
            drop(update(
                &mut model,
                Msg::Feed(FeedEvent { replica, at, what }),
            ));
        }
    }
    tick(&mut model, Scenario::looked_at(1));
    model
}

#[test]
fn replicas_that_are_gone_leave_their_screen() {
    let mut model = linked(27, |replica| match replica {
        24.. => Link::Connecting,
        _ => Link::Gone,
    });
    press(&mut model, "5");
    let lines = shown(&model);
    for (row, pod) in [(4, "pod-24"), (5, "pod-25"), (6, "pod-26")] {
        assert!(lines[row].contains(pod), "{lines:#?}");
    }
    assert!(
        !lines.iter().any(|line| line.contains("gone")),
        "{lines:#?}"
    );
    press(&mut model, "j");
    assert_eq!(model.replicas.selected, Some(ReplicaId(25)));
    click(&mut model, 10, 6);
    assert_eq!(model.replicas.selected, Some(ReplicaId(26)));
}

#[test]
fn replicas_scroll_and_what_is_told_of_one_stays_in_sight() {
    let mut model = linked(40, |replica| Link::Retrying {
        why: format!("no way to {replica}"),
        again_at: Moment::after(Duration::from_secs(9)),
    });
    for size in SIZES {
        drop(update(&mut model, Msg::Resize(size.0, size.1)));
        press(&mut model, "5gG");
        let lines = shown(&model);
        let row = lines.iter().position(|line| line.contains("▸ an"));
        let row = row.unwrap_or_else(|| panic!("{lines:#?}"));
        assert!(lines[row].contains("pod-39"));
        assert!(lines.iter().any(|line| line.contains("an: no way to 39")));
        click(&mut model, 10, row as u16 - 1);
        assert_eq!(model.replicas.selected, Some(ReplicaId(38)));
    }
}

#[test]
fn while_one_replica_is_shown_alone_the_others_can_still_be_chosen() {
    let mut model = story("5j\n");
    assert_eq!(model.only, Some(ReplicaId(1)));
    let lines = shown(&model);
    assert!(
        lines[4].contains("● live") && lines[6].contains("● live"),
        "{lines:#?}"
    );
    press(&mut model, "j\n");
    assert_eq!(model.only, Some(ReplicaId(2)));
}

#[test]
fn a_click_takes_the_problem_that_is_seen_there_and_no_other() {
    let mut model = linked(30, |replica| Link::Retrying {
        why: format!("no way to {replica}"),
        again_at: Moment::after(Duration::from_secs(9)),
    });
    press(&mut model, "G");
    let all = model.shown().problems().len();
    let lines = shown(&model);
    let row = lines.iter().position(|line| line.contains("no way to 27"));
    let row = row.unwrap_or_else(|| panic!("{lines:#?}")) as u16;
    click(&mut model, 50, row);
    assert_eq!(model.overview.selected, all - 1, "RPCs stand there");
    click(&mut model, 5, row);
    let problem = &model.shown().problems()[model.overview.selected];
    assert!(problem.text.contains("no way to 27"), "{}", problem.text);
    assert_eq!(
        shown(&model)[usize::from(row)],
        lines[usize::from(row)],
        "nothing moved"
    );
}

#[test]
fn a_node_tells_its_instance_its_registration_and_when_its_hold_ends() {
    for size in SIZES {
        let mut model = story(":node push-71\n");
        drop(update(&mut model, Msg::Resize(size.0, size.1)));
        let heading = shown(&model)[2].clone();
        assert!(
            heading.contains("◌ DRAIN  drained, 8m44s left"),
            "{heading}"
        );
        assert!(heading.contains("instance 9f47"), "{heading}");
        assert!(size.0 < 100 || heading.contains("rev 48011"), "{heading}");
    }
}

#[test]
fn round_trips_of_a_node_are_bars_and_a_second_peak_is_told() {
    for size in SIZES {
        let mut model = story(":node push-1\n");
        drop(update(&mut model, Msg::Resize(size.0, size.1)));
        let lines = shown(&model);
        let title = lines.iter().position(|line| line.contains("merged a+b+c"));
        let title = title.unwrap_or_else(|| panic!("{lines:#?}"));
        let below = &lines[title..];
        let has = |part: &str| below.iter().any(|line| line.contains(part));
        assert!(has("p50 2.2") && has("1ms") && has("64ms"), "{lines:#?}");
        assert!(has("2nd peak: 5% of calls near 0."), "{lines:#?}");
        assert!(has("█"), "{lines:#?}");
    }
}

#[test]
fn what_a_replica_told_before_says_that_it_is_stale() {
    let mut scenario = Scenario::story();
    scenario.silent_from.insert(1, 60);
    scenario.down_from.insert(2, (70, "refused".to_owned()));
    let mut model = model(&scenario, 75);
    press(&mut model, "2\n");
    for size in SIZES {
        drop(update(&mut model, Msg::Resize(size.0, size.1)));
        let lines = shown(&model);
        let row = |letter: &str| lines.iter().find(|line| line.starts_with(letter)).unwrap();
        assert!(row("│b  ").contains("stale"), "{lines:#?}");
        assert!(row("│c  ").contains("down"), "{lines:#?}");
        assert!(!row("│a  ").contains("stale"), "{lines:#?}");
    }
}

#[test]
fn on_a_nodes_screen_it_can_be_copied_and_exported() {
    let mut model = story(":node push-71\n");
    assert_eq!(press(&mut model, "y"), [Effect::Copy("push-71".to_owned())]);
    for keys in ["E", "J", ":export json\n"] {
        let effects = press(&mut model, keys);
        let [Effect::Write { path, text }] = &effects[..] else {
            panic!("{effects:?}")
        };
        assert!(
            path.to_string_lossy().starts_with("pushtop-node-"),
            "{path:?}"
        );
        assert!(
            text.contains("push-71") && !text.contains("push-17"),
            "{text}"
        );
    }
}

/// The columns at which a text begins in the lines that hold it.
fn columns_of(lines: &[String], part: &str) -> Vec<usize> {
    let at = lines
        .iter()
        .filter_map(|line| line.find(part).map(|at| line[..at].width()));
    at.collect()
}

#[test]
fn wide_letters_move_nothing_on_any_screen() {
    let mut scenario = Scenario::of(1, 0);
    for name in [
        "node",
        "推送节点",
        "é",
        "节点-推送-节点-推送-节点-推送-节点-推送-节点-推送-节点",
    ] {
        scenario.nodes.push((name.to_owned(), Lot::default()));
    }
    let mut model = model(&scenario, 20);
    for size in SIZES {
        drop(update(&mut model, Msg::Resize(size.0, size.1)));
        press(&mut model, "2");
        let lines = shown(&model);
        for (part, rows) in [("● READY", 4), ("│", 4)] {
            let columns = columns_of(&lines[4..8], part);
            assert_eq!(columns.len(), rows, "{lines:#?}");
            assert!(columns.iter().all(|at| *at == columns[0]), "{lines:#?}");
        }
        for screen in ["1", "2", "3", "4", "5", "2\n"] {
            press(&mut model, screen);
            for line in shown(&model).iter().filter(|line| line.starts_with('│')) {
                assert_eq!(line.width(), usize::from(size.0), "{line}");
            }
        }
    }
}

#[test]
fn replicas_after_z_have_letters_in_their_own_columns() {
    let mut scenario = Scenario::of(28, 1);
    for replica in 0..26 {
        scenario.down_from.insert(replica, (1, "gone".to_owned()));
    }
    let mut model = model(&scenario, 3);
    for replica in (0..26).map(ReplicaId) {
        let (at, what) = (Moment::default(), Learnt::Link(Link::Gone));
        drop(update(
            &mut model,
            Msg::Feed(FeedEvent { replica, at, what }),
        ));
    }
    tick(&mut model, Scenario::looked_at(4));
    press(&mut model, "2");
    let lines = shown(&model);
    let heading = columns_of(&lines[3..4], "aa ab");
    let cells = columns_of(&lines[4..5], "●  ●");
    assert_eq!(heading, cells, "{lines:#?}");
}
