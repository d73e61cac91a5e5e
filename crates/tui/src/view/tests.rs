//! What each screen looks like, to the cell, styles included. `INSTA_UPDATE=always cargo test -p
//! pushtop view` writes the pictures anew; a reader of the change looks at them.

use std::time::{Duration, SystemTime};

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use proptest::prelude::*;
use push_manager_proto::admin::{ActPlan, ActResponse};
use ratatui::{
    buffer::Buffer,
    style::{Color, Modifier},
};
use unicode_width::UnicodeWidthStr;

use super::*;
use crate::{
    app::{Effect, Msg, Options, update},
    feed::{FeedEvent, Learnt},
    fixture::Scenario,
    moment::Moment,
    picture,
    replica::{Link, ReplicaId},
};

mod detail;
mod places;
mod reading;
mod rules;

const SIZES: [(u16, u16); 3] = [(80, 24), (100, 30), (200, 60)];
const LOOKS: [(&str, Glyphs); 2] = [("unicode", Glyphs::Unicode), ("ascii", Glyphs::Ascii)];
/// The wall clock of all pictures, in seconds since 1970.
const WALL: u64 = 1_700_000_040;

fn model(scenario: &Scenario, seconds: u64) -> Model {
    let options = Options {
        title: "prod-eu".to_owned(),
        source: "127.0.0.1:50054".to_owned(),
        allow_actions: true,
        replay: false,
        look: Look::default(),
    };
    let mut model = Model::new(options, SystemTime::UNIX_EPOCH);
    for second in 0..=seconds {
        for event in scenario.second(second) {
            drop(update(&mut model, Msg::Feed(event)));
        }
        tick(&mut model, Scenario::looked_at(second));
    }
    model
}

fn tick(model: &mut Model, now: Moment) {
    let wall = SystemTime::UNIX_EPOCH + Duration::from_secs(WALL);
    drop(update(model, Msg::Tick { now, wall }));
}

fn press(model: &mut Model, keys: &str) -> Vec<Effect> {
    let mut effects = Vec::new();
    for letter in keys.chars() {
        let code = if letter == '\n' {
            KeyCode::Enter
        } else {
            KeyCode::Char(letter)
        };
        effects.extend(update(
            model,
            Msg::Key(KeyEvent::new(code, KeyModifiers::NONE)),
        ));
    }
    effects
}

/// The text, then for each row the stretches that do not look plain.
fn described(buffer: &Buffer) -> String {
    let mut text = picture::text(buffer);
    text.push_str("--- styles\n");
    for y in 0..buffer.area.height {
        let mut runs: Vec<(u16, u16, String)> = Vec::new();
        for x in 0..buffer.area.width {
            let look = look(buffer, x, y);
            match runs.last_mut() {
                Some((_, end, same)) if *same == look && *end + 1 == x => *end = x,
                _ => runs.push((x, x, look)),
            }
        }
        let told: Vec<_> = runs
            .into_iter()
            .filter(|(_, _, look)| !look.is_empty())
            .map(|(from, to, look)| format!("{from}-{to}{look}"))
            .collect();
        if !told.is_empty() {
            text.push_str(&[y.to_string(), told.join(" ")].join(": "));
            text.push('\n');
        }
    }
    text
}

fn look(buffer: &Buffer, x: u16, y: u16) -> String {
    let cell = &buffer[(x, y)];
    let colour = match cell.fg {
        Color::Reset => "",
        Color::DarkGray => "d",
        Color::Green => "g",
        Color::Yellow => "y",
        Color::Red => "r",
        Color::Cyan => "c",
        Color::Magenta => "m",
        _ => "?",
    };
    let mut look = colour.to_owned();
    for (modifier, sign) in [
        (Modifier::BOLD, "*"),
        (Modifier::REVERSED, "!"),
        (Modifier::DIM, "-"),
    ] {
        if cell.modifier.contains(modifier) {
            look.push_str(sign);
        }
    }
    look
}

fn check(name: &str, mut model: Model, sizes: &[(u16, u16)]) {
    for (label, glyphs) in LOOKS {
        model.options.look.glyphs = glyphs;
        for size in sizes {
            drop(update(&mut model, Msg::Resize(size.0, size.1)));
            let buffer = picture::buffer_of(&model, *size);
            let name = format!("{name}_{}x{}_{label}", size.0, size.1);
            insta::assert_snapshot!(name, described(&buffer));
        }
    }
}

fn story(keys: &str) -> Model {
    let mut model = model(&Scenario::story(), 75);
    press(&mut model, keys);
    model
}

#[test]
fn overview() {
    check("overview", story(""), &SIZES);
}

#[test]
fn nodes() {
    check("nodes", story("2j"), &SIZES);
}

#[test]
fn node() {
    check("node", story("2\n"), &SIZES);
}

#[test]
fn a_node_that_is_drained() {
    check("node_drained", story(":node push-71\n"), &SIZES);
}

#[test]
fn pushes() {
    check("pushes", story("3j"), &SIZES);
}

#[test]
fn events() {
    check("events", story("4j"), &SIZES);
}

#[test]
fn replicas() {
    let mut scenario = Scenario::story();
    scenario.silent_from.insert(1, 60);
    scenario
        .down_from
        .insert(2, (70, "connection refused".to_owned()));
    let mut model = model(&scenario, 75);
    press(&mut model, "5j");
    check("replicas", model, &SIZES);
}

#[test]
fn help() {
    check("help", story("2?"), &SIZES);
}

#[test]
fn palette_and_prompts() {
    check("palette", story(":dr"), &SIZES);
    check("filter", story("2/state=failed or quue"), &SIZES);
    check("filter_events", story("4/refused"), &SIZES);
}

#[test]
fn an_act_shows_each_replicas_plan() {
    let mut model = story("2j");
    let asked = press(&mut model, "d");
    for effect in &asked {
        let Effect::Act(wish) = effect else { continue };
        for replica in wish.replicas.keys().take(2) {
            let refusal = if replica.0 == 1 {
                "too few usable nodes would remain: 6 of 14, at least 7"
            } else {
                ""
            };
            let plan = ActPlan {
                lines: vec![
                    "push-17 gets nothing new for 10 min; 3 calls under way end as usual."
                        .to_owned(),
                ],
                refusal: refusal.to_owned(),
                ..ActPlan::default()
            };
            let answer = ActResponse {
                plan: Some(plan),
                ..ActResponse::default()
            };
            let (wish, replica, answer) = (wish.number, *replica, Ok(Box::new(answer)));
            drop(update(
                &mut model,
                Msg::Acted {
                    wish,
                    replica,
                    answer,
                },
            ));
        }
    }
    press(&mut model, "push-");
    check("act", model, &SIZES);
}

#[test]
fn nothing_to_show_says_what_to_do() {
    let mut model = model(&Scenario::of(0, 0), 0);
    let (replica, at) = (ReplicaId(0), Moment::default());
    for what in [
        Learnt::Target("127.0.0.1:50054".to_owned()),
        Learnt::Link(Link::Retrying {
            why: "connection refused".to_owned(),
            again_at: Moment::after(Duration::from_secs(2)),
        }),
    ] {
        drop(update(
            &mut model,
            Msg::Feed(FeedEvent { replica, at, what }),
        ));
    }
    tick(&mut model, Scenario::looked_at(0));
    check("empty", model.clone(), &SIZES);
    press(&mut model, "2");
    check("empty_nodes", model, &SIZES);
}

#[test]
fn what_is_stale_says_so_everywhere() {
    let mut scenario = Scenario::story();
    for replica in 0..3 {
        scenario.silent_from.insert(replica, 40);
    }
    let mut model = model(&scenario, 60);
    press(&mut model, "2");
    check("stale", model, &SIZES);
}

#[test]
fn the_past_and_small_terminals() {
    check("paused", story("2[["), &SIZES);
    let small = [(59, 20), (40, 3)];
    check("one_line", story(""), &small);
    check("one_line_filter", story("2/state=failed or quue"), &small);
    check("one_line_help", story("2?queue"), &small);
}

#[test]
fn without_colours_states_differ_by_glyph_and_word() {
    let mut model = story("2");
    model.options.look.palette = Palette::None;
    let buffer = picture::buffer_of(&model, (100, 30));
    let coloured = buffer
        .content()
        .iter()
        .filter(|cell| cell.fg != Color::Reset || cell.bg != Color::Reset);
    assert_eq!(coloured.count(), 0);
    let text = picture::text(&buffer);
    for state in [
        "● READY",
        "✖ FAILED",
        "◐ CONN",
        "◌ DRAIN",
        "○ IDLE",
        "◉ LINGER",
    ] {
        assert!(text.contains(state), "{state}");
    }
}

#[test]
fn ascii_means_ascii_but_for_names() {
    let mut model = story("2");
    model.options.look.glyphs = Glyphs::Ascii;
    for screen in ["1", "2", "3", "4", "5", "2\n", "?"] {
        press(&mut model, screen);
        let buffer = picture::buffer_of(&model, (120, 40));
        let strange = buffer.content().iter().map(ratatui::buffer::Cell::symbol);
        let strange: Vec<_> = strange
            .filter(|symbol| !symbol.is_ascii() && symbol.width() < 2)
            .collect();
        assert_eq!(strange, Vec::<&str>::new(), "screen {screen}");
    }
}

#[test]
fn wide_names_keep_the_columns_in_line() {
    let model = story("2");
    let text = picture::text(&picture::buffer_of(&model, (120, 30)));
    let column = |line: &str, part: &str| line.find(part).map(|at| line[..at].width());
    let states = text
        .lines()
        .filter(|line| line.contains("READY") || line.contains("LINGER"));
    let columns: Vec<_> = states
        .filter_map(|line| column(line, "● READY").or(column(line, "◉ LINGER")))
        .collect();
    assert!(columns.len() > 5);
    assert!(columns.iter().all(|at| *at == columns[0]), "{columns:?}");
}

#[test]
fn an_unchanged_model_is_an_unchanged_picture() {
    let model = story("2");
    assert_eq!(
        picture::buffer_of(&model, (100, 30)),
        picture::buffer_of(&model, (100, 30))
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn no_size_and_no_number_makes_it_panic(
        columns in 0..250_u16,
        rows in 0..80_u16,
        screen in prop::sample::select(vec!["1", "2", "3", "4", "5", "2\n", "?", ":", "2/", "2d"]),
        numbers in prop::collection::vec(any::<u64>(), 16),
        ascii in any::<bool>(),
    ) {
        let scenario = Scenario::story();
        let mut model = model(&scenario, 1);
        let mut at = numbers.into_iter().cycle();
        for mut event in scenario.second(2) {
            if let Learnt::Frame(frame) = &mut event.what
                && let Some(push_manager_proto::admin::watch_response::Kind::Delta(part)) = &mut frame.kind
            {
                let mut next = || at.next().unwrap_or(0);
                frame.monotonic_ns = next();
                for row in &mut part.nodes {
                    (row.queued, row.queue_capacity) = (next() as u32, next() as u32);
                    (row.delivered, row.calls, row.in_flight) = (next(), next(), next() as u32);
                    (row.oldest_in_flight_ns, row.state_since_ns) = (next(), next());
                    row.state = next() as i32;
                }
                for row in &mut part.apis {
                    row.unsuccessful = next();
                    row.requests.insert("OK".to_owned(), next());
                }
            }
            drop(update(&mut model, Msg::Feed(event)));
        }
        tick(&mut model, Scenario::looked_at(2));
        if ascii {
            model.options.look.glyphs = Glyphs::Ascii;
        }
        drop(update(&mut model, Msg::Resize(columns, rows)));
        press(&mut model, screen);
        let buffer = picture::buffer_of(&model, (columns, rows));
        for line in picture::text(&buffer).lines() {
            prop_assert!(line.width() <= usize::from(columns));
        }
    }
}
