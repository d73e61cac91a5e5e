//! What lies over the screen, and the keys that it takes: help, the palette, the filter, an act, a text.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::{Effect, Model, Overlay, Screen, acting, command, order};
use crate::filter::Filter;

/// Most characters of a line that is typed.
const MOST_TYPED: usize = 500;
/// Commands remembered.
const MOST_HISTORY: usize = 100;

pub(super) fn open_help(model: &mut Model) {
    model.overlay = Some(Overlay::Help {
        search: String::new(),
        top: 0,
    });
}

pub(super) fn open_palette(model: &mut Model) {
    model.overlay = Some(palette(String::new()));
}

fn palette(input: String) -> Overlay {
    let matches = command::suggestions(&input);
    Overlay::Palette {
        input,
        selected: 0,
        matches,
    }
}

pub(super) fn open_filter(model: &mut Model) {
    let input = match model.screen {
        Screen::Events => model.events.text.clone(),
        Screen::Overview
        | Screen::Nodes
        | Screen::Node(_)
        | Screen::Pushes
        | Screen::Api(_)
        | Screen::Replicas => {
            model.screen = Screen::Nodes;
            model.nodes.filter_text.clone()
        }
    };
    model.overlay = Some(Overlay::Filter { input, error: None });
}

pub(super) fn ask_settings(model: &mut Model) -> Vec<Effect> {
    if model.options.replay {
        model.complain("a recording is played: settings are not in it");
        return Vec::new();
    }
    model.replicas.settings.clear();
    model.say("asking for the settings");
    model
        .replicas
        .selected
        .map(|id| Effect::AskSettings(vec![id]))
        .into_iter()
        .collect()
}

/// Shows the settings of the replica that the cursor is on.
pub(super) fn show_settings(model: &mut Model) {
    let Some(id) = model.replicas.selected else {
        return;
    };
    let lines = match model.replicas.settings.get(&id) {
        None => return,
        Some(Err(why)) => vec![why.clone()],
        Some(Ok(told)) => {
            let shown = told.settings.iter().map(|setting| {
                let changed = if setting.value == setting.configured {
                    " "
                } else {
                    "*"
                };
                format!(
                    "{changed} {} = {}   ({})",
                    setting.key, setting.value, setting.expected
                )
            });
            let mut lines: Vec<String> = shown.collect();
            lines.push(String::new());
            lines.push(
                "* changed since the start.  :set KEY VALUE changes one at all replicas.".into(),
            );
            lines
        }
    };
    model.overlay = Some(Overlay::Text {
        title: format!("Settings of replica {id}"),
        lines,
    });
}

/// A key while something lies over the screen.
pub(super) fn on_key(model: &mut Model, key: KeyEvent) -> Vec<Effect> {
    let Some(overlay) = model.overlay.take() else {
        return Vec::new();
    };
    match overlay {
        Overlay::Help { search, top } => in_help(model, key, search, top),
        Overlay::Palette {
            input,
            selected,
            matches,
        } => return in_palette(model, key, input, selected, matches),
        Overlay::Filter { input, error } => in_filter(model, key, input, error.is_some()),
        Overlay::Act(dialog) => return acting::on_key(model, key, dialog),
        Overlay::Text { title, lines } => {
            if !matches!(key.code, KeyCode::Esc | KeyCode::Enter | KeyCode::Char('q')) {
                model.overlay = Some(Overlay::Text { title, lines });
            }
        }
    }
    Vec::new()
}

fn in_help(model: &mut Model, key: KeyEvent, mut search: String, top: usize) {
    let top = match key.code {
        KeyCode::Esc if search.is_empty() => return,
        KeyCode::Esc => {
            search.clear();
            0
        }
        KeyCode::Enter => return,
        KeyCode::Down => top.saturating_add(1).min(200),
        KeyCode::Up => top.saturating_sub(1),
        KeyCode::PageDown => top.saturating_add(10).min(200),
        KeyCode::PageUp => top.saturating_sub(10),
        // The key that begins a search elsewhere begins it here.
        KeyCode::Char('/' | '?') if search.is_empty() => top,
        _ => {
            typed(&mut search, key);
            0
        }
    };
    model.overlay = Some(Overlay::Help { search, top });
}

fn in_palette(
    model: &mut Model,
    key: KeyEvent,
    mut input: String,
    selected: usize,
    matches: Vec<(String, String)>,
) -> Vec<Effect> {
    match key.code {
        KeyCode::Esc => return Vec::new(),
        KeyCode::Enter => return run(model, &input, selected, &matches),
        KeyCode::Down | KeyCode::Up if input.is_empty() && !model.history.is_empty() => {
            input = model.history.last().cloned().unwrap_or_default();
            model.overlay = Some(palette(input));
        }
        KeyCode::Down | KeyCode::Up => {
            let last = matches.len().saturating_sub(1);
            let step = if key.code == KeyCode::Down { 1 } else { -1 };
            let selected = selected.saturating_add_signed(step).min(last);
            model.overlay = Some(Overlay::Palette {
                input,
                selected,
                matches,
            });
        }
        KeyCode::Tab => {
            let chosen = matches.get(selected).map(|(name, _)| format!("{name} "));
            model.overlay = Some(palette(chosen.unwrap_or(input)));
        }
        _ => {
            typed(&mut input, key);
            model.overlay = Some(palette(input));
        }
    }
    Vec::new()
}

fn run(
    model: &mut Model,
    input: &str,
    selected: usize,
    matches: &[(String, String)],
) -> Vec<Effect> {
    let word = input.split_whitespace().next().unwrap_or_default();
    let known = command::is_known(word);
    // What was only begun is the suggestion under the cursor.
    let chosen = matches.get(selected).filter(|_| !known && !word.is_empty());
    let line = match chosen {
        Some((name, _)) => {
            let rest = input.trim_start().strip_prefix(word).unwrap_or_default();
            format!("{name}{rest}")
        }
        None => input.to_owned(),
    };
    if line.trim().is_empty() {
        return Vec::new();
    }
    model.history.retain(|other| *other != line);
    model.history.push(line.clone());
    if model.history.len() > MOST_HISTORY {
        model.history.remove(0);
    }
    command::run(model, &line)
}

fn in_filter(model: &mut Model, key: KeyEvent, mut input: String, is_wrong: bool) {
    match key.code {
        KeyCode::Esc => return,
        KeyCode::Enter => {
            if !is_wrong {
                return;
            }
        }
        _ => typed(&mut input, key),
    }
    let error = filter(model, &input);
    model.overlay = Some(Overlay::Filter { input, error });
}

/// Filters as it is typed; a text that is no filter yet leaves the last one in force.
fn filter(model: &mut Model, input: &str) -> Option<(usize, String)> {
    if model.screen == Screen::Events {
        input.clone_into(&mut model.events.text);
        return None;
    }
    match Filter::parse(input) {
        Ok(filter) => {
            order::set_filter(model, input, filter);
            None
        }
        Err(error) => Some((error.at, error.message)),
    }
}

/// Text that was pasted goes where text is typed, and nowhere else.
pub(super) fn paste(model: &mut Model, text: &str) -> Vec<Effect> {
    if model.overlay.is_none() {
        return Vec::new();
    }
    let letters = text.chars().filter(|letter| !letter.is_control());
    for letter in letters.take(MOST_TYPED) {
        let key = KeyEvent::new(KeyCode::Char(letter), KeyModifiers::NONE);
        // Typing text has no effects: what has some is behind Enter.
        drop(on_key(model, key));
    }
    Vec::new()
}

/// A key into a line: letters, and what takes them away again.
pub(super) fn typed(line: &mut String, key: KeyEvent) {
    match (key.code, key.modifiers.contains(KeyModifiers::CONTROL)) {
        (KeyCode::Char('u'), true) => line.clear(),
        (KeyCode::Char('w'), true) => {
            let kept = line.trim_end().rfind(' ').map_or(0, |at| at + 1);
            line.truncate(kept);
        }
        (KeyCode::Char('h'), true) | (KeyCode::Backspace, _) => {
            line.pop();
        }
        (KeyCode::Char(letter), false)
            if !letter.is_control() && line.chars().count() < MOST_TYPED =>
        {
            line.push(letter);
        }
        _ => {}
    }
}
