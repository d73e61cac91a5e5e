//! What stands where: rows that scroll, the mouse, a node in detail, columns of wide letters.

use crossterm::event::{MouseButton, MouseEvent, MouseEventKind};

use super::*;

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
        scenario.nodes.push((name.to_owned(), Default::default()));
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
