//! What holds on every screen, at every size.

use ratatui::layout::Rect;

use super::*;

const SCREENS: [&str; 6] = ["1", "2", "3", "4", "5", "2\n"];

fn lines(model: &Model, size: (u16, u16)) -> Vec<String> {
    let text = picture::text(&picture::buffer_of(model, size));
    text.lines().map(str::to_owned).collect()
}

/// Everything was heard for 40 s, then nothing for 20 s.
fn unheard() -> Model {
    let mut scenario = Scenario::story();
    scenario.silent_from = (0..3).map(|replica| (replica, 40)).collect();
    model(&scenario, 60)
}

#[test]
fn the_first_line_says_how_true_it_is_and_the_last_how_to_get_help_whatever_the_width() {
    let mut past = story("[[");
    past.recording = Some("watch.pmrec".into());
    for (mut model, word) in [(story(""), "LIVE"), (past, "PAUSED"), (unheard(), "STALE")] {
        for glyphs in [Glyphs::Unicode, Glyphs::Ascii] {
            model.options.look.glyphs = glyphs;
            for screen in SCREENS {
                press(&mut model, screen);
                for columns in 60..130 {
                    let shown = lines(&model, (columns, 20));
                    let (first, last) = (&shown[0], &shown[19]);
                    assert!(first.contains(word), "{columns}: {first}");
                    assert!(first.contains("ACTIONS"), "{columns}: {first}");
                    assert!(!first.contains('…'), "{columns}: {first}");
                    assert!(last.ends_with("? help  q quit"), "{columns}: {last}");
                }
            }
        }
    }
}

#[test]
fn when_no_replica_is_heard_every_screen_says_so() {
    let mut model = unheard();
    for screen in SCREENS {
        press(&mut model, screen);
        for size in SIZES {
            let shown = lines(&model, size);
            let last = shown.last().unwrap();
            assert!(last.starts_with(" STALE: no replica heard"), "{last}");
        }
    }
    assert!(lines(&model, (40, 3))[0].starts_with("STALE"));
}

#[test]
fn what_nobody_knows_is_a_dash_and_not_zero() {
    let mut model = unheard();
    press(&mut model, "2");
    let shown = lines(&model, (100, 30));
    assert!(shown[0].contains("nodes —"), "{}", shown[0]);
    let rows: Vec<_> = shown.iter().filter(|line| line.contains("push-")).collect();
    assert!(rows.len() > 5);
    for row in rows {
        assert!(row.contains("· STALE"), "{row}");
        let figures = row.split("STALE").nth(1).unwrap();
        assert!(!figures.contains('0'), "{row}");
    }
}

#[test]
fn twenty_thousand_nodes_are_rows_for_the_page_alone() {
    let scenario = Scenario::of(1, 20_000);
    let mut model = model(&scenario, 0);
    drop(update(&mut model, Msg::Resize(100, 30)));
    press(&mut model, "2G");
    assert_eq!(model.nodes.order.len(), 20_000);
    let rows = page_rows(&model);
    assert_eq!(nodes::page(&model.nodes, rows).count(), rows);
    let shown = lines(&model, (100, 30));
    assert!(shown[27].contains("▸ push-20000"), "{}", shown[27]);
}

#[test]
fn lines_of_a_chart_are_told_apart_without_colours() {
    let mut model = story("");
    model.options.look.palette = Palette::None;
    let shown = lines(&model, (100, 30));
    let chart = |row: usize| -> String { shown[row].chars().skip(60).take(38).collect() };
    let drawn: Vec<String> = (3..11).map(chart).collect();
    for stroke in ["⠒⠒⠒⠒⠒⠒", "⣀⣀ ⣀⣀ ", "⠂⠂⠂⠂⠂⠂"] {
        let one = drawn.iter().filter(|line| line.contains(stroke));
        assert_eq!(one.count(), 1, "{stroke}: {drawn:#?}");
    }
    assert!(shown[11].contains("p50 ─ p95 ╌ p99 ┈"), "{}", shown[11]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn nothing_is_drawn_outside_the_area(
        (x, y) in (0..40_u16, 0..20_u16),
        (columns, rows) in (0..160_u16, 0..50_u16),
        screen in prop::sample::select(vec!["1", "2", "3", "4", "5", "2\n", "?", ":", "2/", "2d"]),
    ) {
        let mut model = model(&Scenario::story(), 1);
        press(&mut model, screen);
        let whole = Rect::new(0, 0, 120, 40);
        let mut buffer = Buffer::empty(whole);
        for cell in &mut buffer.content {
            cell.set_char('#');
        }
        let area = Rect::new(x, y, columns, rows);
        draw_into(&model, &mut buffer, area);
        for at in whole.positions().filter(|at| !area.contains(*at)) {
            prop_assert_eq!(buffer[at].symbol(), "#", "at {}", at);
        }
    }
}
