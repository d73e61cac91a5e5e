//! Drawing: each screen with 20,000 nodes, beside a few, and beside a screen of plain text, which is
//! what the terminal library costs by itself.

use std::time::{Duration, Instant, SystemTime};

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use pushtop::{
    app::{Model, Msg, Options, update},
    fixture::Scenario,
    view,
};
use ratatui::{Terminal, backend::TestBackend, widgets::Paragraph};

use crate::{
    Effort,
    table::{Table, median},
};

const SIZE: (u16, u16) = (100, 30);
const SCREENS: [&str; 5] = ["overview", "nodes", "pushes", "events", "replicas"];
const BOUND_MS: f64 = 1.0;

pub fn measure(effort: Effort, table: &mut Table) {
    let times = effort.times(2_000).max(200);
    let floor = plain_text(times);
    table.tell("draw: 30 lines of plain text (floor)", floor, "ms");
    for (count, bound) in [(20, None), (20_000, Some(BOUND_MS))] {
        let mut model = model_of(count);
        for (key, screen) in ('1'..).zip(SCREENS) {
            press(&mut model, KeyCode::Char(key));
            let ms = draws(&model, times);
            let what = format!("draw: {screen}, {count} nodes");
            match bound {
                Some(bound) => table.hold(&what, ms, bound, "ms"),
                None => table.tell(&what, ms, "ms"),
            }
        }
        press(&mut model, KeyCode::Char('2'));
        let ms = keys(&mut model, times);
        let what = format!("key and draw: down in nodes, {count} nodes");
        match bound {
            Some(bound) => table.hold(&what, ms, bound, "ms"),
            None => table.tell(&what, ms, "ms"),
        }
    }
}

pub fn model_of(nodes: usize) -> Model {
    let mut model = Model::new(Options::default(), SystemTime::UNIX_EPOCH);
    model.size = SIZE;
    let scenario = Scenario::of(1, nodes);
    for second in 0..3 {
        for event in scenario.second(second) {
            drop(update(&mut model, Msg::Feed(event)));
        }
        let (now, wall) = (Scenario::looked_at(second), SystemTime::UNIX_EPOCH);
        drop(update(&mut model, Msg::Tick { now, wall }));
    }
    model
}

fn press(model: &mut Model, code: KeyCode) {
    let key = KeyEvent::new(code, KeyModifiers::NONE);
    drop(update(model, Msg::Key(key)));
}

fn screen() -> Terminal<TestBackend> {
    Terminal::new(TestBackend::new(SIZE.0, SIZE.1)).unwrap()
}

fn ms(took: Duration) -> f64 {
    took.as_secs_f64() * 1e3
}

fn draws(model: &Model, times: usize) -> f64 {
    let mut screen = screen();
    let one = || {
        let began = Instant::now();
        screen.draw(|frame| view::draw(model, frame)).unwrap();
        ms(began.elapsed())
    };
    median(std::iter::repeat_with(one).take(times).collect())
}

fn keys(model: &mut Model, times: usize) -> f64 {
    let mut screen = screen();
    let one = || {
        let began = Instant::now();
        press(model, KeyCode::Down);
        screen.draw(|frame| view::draw(model, frame)).unwrap();
        ms(began.elapsed())
    };
    median(std::iter::repeat_with(one).take(times).collect())
}

fn plain_text(times: usize) -> f64 {
    let mut screen = screen();
    let text = format!("{}\n", "plain ".repeat(16)).repeat(30);
    let one = || {
        let began = Instant::now();
        let paragraph = Paragraph::new(text.as_str());
        screen
            .draw(|frame| frame.render_widget(paragraph, frame.area()))
            .unwrap();
        ms(began.elapsed())
    };
    median(std::iter::repeat_with(one).take(times).collect())
}
