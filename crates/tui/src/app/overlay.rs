//! What lies over the screen, and the keys that it takes: help, the palette, the filter, an act, an
//! event or another text in full.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::{Effect, Model, Overlay, Screen, acting, command, cursor, order};
use crate::{filter::Filter, view::Reach};

/// Most characters of a line that is typed.
const MOST_TYPED: usize = 500;
/// Commands remembered.
const MOST_HISTORY: usize = 100;
/// Lines that a notch of the wheel scrolls.
const WHEEL: usize = 3;

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
        walked: None,
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
    model.overlay = Some(Overlay::Filter {
        before: input.clone(),
        input,
        error: None,
    });
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
        top: 0,
    });
}

/// A key while something lies over the screen.
pub(super) fn on_key(model: &mut Model, key: KeyEvent) -> Vec<Effect> {
    let Some(overlay) = model.overlay.take() else {
        return Vec::new();
    };
    let reach = crate::view::reach(model, &overlay);
    match overlay {
        Overlay::Help { search, top } => in_help(model, key, reach, search, top),
        Overlay::Palette {
            input,
            selected,
            matches,
            walked,
        } => return in_palette(model, key, (input, selected, matches, walked)),
        Overlay::Filter {
            input,
            error,
            before,
        } => in_filter(model, key, input, error.is_some(), before),
        Overlay::Act(dialog) => return acting::on_key(model, key, dialog),
        Overlay::Event { item, .. } if key.code == KeyCode::Enter => cursor::follow(model, &item),
        Overlay::Event { item, top } => {
            model.overlay = read_on(reach, top, key).map(|top| Overlay::Event { item, top });
        }
        Overlay::Text { title, lines, top } => {
            let top = read_on(reach, top, key).filter(|_| key.code != KeyCode::Enter);
            model.overlay = top.map(|top| Overlay::Text { title, lines, top });
        }
    }
    Vec::new()
}

/// The wheel scrolls what is read, and moves the cursor of what is chosen from.
pub(super) fn wheel(model: &mut Model, key: KeyCode) {
    let reads = !matches!(
        model.overlay,
        None | Some(Overlay::Palette { .. } | Overlay::Filter { .. })
    );
    for _ in 0..WHEEL {
        if reads {
            // Scrolling has no effects.
            drop(on_key(model, KeyEvent::new(key, KeyModifiers::NONE)));
        }
    }
}

/// Where a key scrolls to; nothing for a key that does not scroll.
pub(super) fn scrolled(reach: Reach, top: usize, key: KeyEvent) -> Option<usize> {
    // What was shown may have become shorter, or its window larger.
    let top = top.min(reach.last);
    let page = reach.page.saturating_sub(1).max(1);
    let to = match key.code {
        KeyCode::Up => top.saturating_sub(1),
        KeyCode::Down => top.saturating_add(1),
        KeyCode::PageUp => top.saturating_sub(page),
        KeyCode::PageDown => top.saturating_add(page),
        KeyCode::Home => 0,
        KeyCode::End => reach.last,
        _ => return None,
    };
    Some(to.min(reach.last))
}

/// The first line of a text after a key; nothing for a key that closes it.
fn read_on(reach: Reach, top: usize, key: KeyEvent) -> Option<usize> {
    if matches!(key.code, KeyCode::Esc | KeyCode::Char('q')) {
        return None;
    }
    scrolled(reach, top, key).or(Some(top))
}

fn in_help(model: &mut Model, key: KeyEvent, reach: Reach, mut search: String, top: usize) {
    let top = match (scrolled(reach, top, key), key.code) {
        (Some(top), _) => top,
        (None, KeyCode::Esc) if search.is_empty() => return,
        (None, KeyCode::Esc) => {
            search.clear();
            0
        }
        (None, KeyCode::Enter) => return,
        // The key that begins a search elsewhere begins it here.
        (None, KeyCode::Char('/' | '?')) if search.is_empty() => top,
        (None, _) => {
            typed(&mut search, key);
            0
        }
    };
    model.overlay = Some(Overlay::Help { search, top });
}

/// A palette's input, cursor, suggestions and place in the history.
type Typing = (String, usize, Vec<(String, String)>, Option<usize>);

fn in_palette(
    model: &mut Model,
    key: KeyEvent,
    (mut input, selected, matches, walked): Typing,
) -> Vec<Effect> {
    match key.code {
        KeyCode::Esc => return Vec::new(),
        KeyCode::Enter => return run(model, &input, selected, &matches),
        KeyCode::Up if walked.is_some() || (input.is_empty() && selected == 0) => {
            let older = walked.map_or(0, |at| at + 1);
            let oldest = model.history.len().saturating_sub(1);
            model.overlay = Some(recalled(model, Some(older.min(oldest))));
        }
        KeyCode::Down if walked.is_some() => {
            let newer = walked.and_then(|at| at.checked_sub(1));
            model.overlay = Some(recalled(model, newer));
        }
        KeyCode::Down | KeyCode::Up => {
            let last = matches.len().saturating_sub(1);
            let step = if key.code == KeyCode::Down { 1 } else { -1 };
            let selected = selected.saturating_add_signed(step).min(last);
            model.overlay = Some(Overlay::Palette {
                input,
                selected,
                matches,
                walked: None,
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

/// The palette with a command of before, counted from the newest; without one, empty.
fn recalled(model: &Model, place: Option<usize>) -> Overlay {
    let line = place.and_then(|at| model.history.iter().rev().nth(at));
    let mut recalled = palette(line.cloned().unwrap_or_default());
    if let Overlay::Palette { walked, .. } = &mut recalled {
        *walked = place.filter(|_| line.is_some());
    }
    recalled
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

fn in_filter(model: &mut Model, key: KeyEvent, mut input: String, is_wrong: bool, before: String) {
    match key.code {
        KeyCode::Esc => {
            if input != before {
                // What was in force before the prompt was opened is no error.
                drop(filter(model, &before));
            }
            return;
        }
        KeyCode::Enter => {
            if !is_wrong {
                return;
            }
        }
        _ => typed(&mut input, key),
    }
    let error = filter(model, &input);
    model.overlay = Some(Overlay::Filter {
        input,
        error,
        before,
    });
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
