//! What lies over a screen: help, the palette, a prompt, an act, an event or another text.

mod act;
mod help;
mod read;

use ratatui::layout::Rect;

pub use self::{
    act::reach as act_reach,
    read::{Reach, reach},
};

use super::{Glyphs, layout, pen::Pen, text, theme::Role};
use crate::app::{Model, Overlay, Screen};

pub(super) fn draw(model: &Model, overlay: &Overlay, pen: &mut Pen<'_>) {
    match overlay {
        Overlay::Help { .. } | Overlay::Event { .. } | Overlay::Text { .. } => {
            read::draw(model, overlay, false, pen);
        }
        Overlay::Palette {
            input,
            selected,
            matches,
            ..
        } => palette(input, *selected, matches, pen),
        Overlay::Filter { input, error, .. } => prompt(model, input, error.as_ref(), pen),
        Overlay::Act(dialog) => act::draw(model, dialog, pen),
    }
}

/// The same where there is no room for boxes: what is typed stands on the last line, what is read
/// above it.
pub(super) fn draw_small(model: &Model, overlay: &Overlay, pen: &mut Pen<'_>) {
    let (above, foot) = layout::rows(pen.area, pen.area.height.saturating_sub(1));
    let told = match overlay {
        Overlay::Palette { matches, .. } => matches.first().map(|(name, does)| {
            let told = format!("{name}  {does}");
            (told, Role::Dim)
        }),
        Overlay::Filter { error, .. } => match error {
            Some((_, message)) => Some((message.clone(), Role::Bad)),
            None if model.screen == Screen::Events => None,
            None => Some((matching(model), Role::Plain)),
        },
        Overlay::Act(_) => {
            let why = "too small to show the plan: nothing is done";
            Some((why.to_owned(), Role::Bad))
        }
        Overlay::Help { .. } | Overlay::Event { .. } | Overlay::Text { .. } => {
            read::draw(model, overlay, true, &mut pen.part(above));
            None
        }
    };
    if let Some((told, role)) = told {
        let row = pen.height().saturating_sub(2);
        let (_, last) = layout::rows(above, above.height.saturating_sub(1));
        pen.part(last).clear();
        pen.put(0, row.min(pen.height().saturating_sub(1)), &told, role);
    }
    let mut foot = pen.part(foot);
    foot.clear();
    let (before, input) = match overlay {
        Overlay::Palette { input, .. } => (":", input.as_str()),
        Overlay::Filter { input, .. } => (prompted(model), input.as_str()),
        Overlay::Help { search, .. } => ("help, Esc closes: ", search.as_str()),
        Overlay::Act(_) | Overlay::Event { .. } | Overlay::Text { .. } => ("Esc closes", ""),
    };
    typed(&mut foot, 0, before, input);
}

fn matching(model: &Model) -> String {
    match model.nodes.order.len() {
        1 => "1 node matches".to_owned(),
        count => format!("{count} nodes match"),
    }
}

/// What stands before a filter that is typed.
fn prompted(model: &Model) -> &'static str {
    if model.screen == Screen::Events {
        "text: "
    } else {
        "filter: "
    }
}

/// A line that is typed, with its cursor: of a long one its end is seen.
fn typed(pen: &mut Pen<'_>, row: usize, before: &str, input: &str) {
    let cursor = pen.look.glyphs.pick("▏", "_");
    let room = pen.width().saturating_sub(text::width(before) + 1);
    let line = format!("{before}{}{cursor}", text::end(input, room));
    pen.put(0, row, &line, Role::Heading);
}

/// Keys as this terminal can show them.
pub(super) fn keys(keys: &str, glyphs: Glyphs) -> String {
    match glyphs {
        Glyphs::Unicode => keys.to_owned(),
        Glyphs::Ascii => keys
            .replace('↑', "Up")
            .replace('↓', "Down")
            .replace('⇧', "Shift-"),
    }
}

/// The area emptied, for something that lies there.
fn over<'a>(pen: &'a mut Pen<'_>, area: Rect) -> Pen<'a> {
    let mut part = pen.part(area);
    part.clear();
    part
}

/// Says on the lower frame how many lines there are out of sight.
fn more(part: &mut Pen<'_>, above: usize, below: usize) {
    let more = match (above, below) {
        (0, 0) => return,
        (0, below) => format!(" {below} more: Down "),
        (above, 0) => format!(" {above} above: Up "),
        (above, below) => format!(" {above} above: Up  {below} more: Down "),
    };
    let at = part.width().saturating_sub(text::width(&more) + 2);
    part.put(at, part.height().saturating_sub(1), &more, Role::Dim);
}

fn palette(input: &str, selected: usize, matches: &[(String, String)], pen: &mut Pen<'_>) {
    let area = layout::middle(pen.area, 76, matches.len() as u16 + 3);
    let mut part = over(pen, area);
    let mut inner = part.boxed("Command  Enter runs, Tab completes, Up recalls, Esc closes");
    typed(&mut inner, 0, ":", input);
    for (row, (name, does)) in matches.iter().enumerate() {
        let at = inner.put(1, row + 1, &text::fit(name, 12), Role::Key);
        inner.put(at, row + 1, does, Role::Plain);
        if row == selected {
            inner.highlight(row + 1);
        }
    }
}

/// The filter at the foot of the screen, what is wrong with it above.
fn prompt(model: &Model, input: &str, error: Option<&(usize, String)>, pen: &mut Pen<'_>) {
    let (_, foot) = layout::rows(pen.area, pen.area.height.saturating_sub(3));
    let mut part = pen.part(foot);
    part.clear();
    let is_events = model.screen == Screen::Events;
    let before = prompted(model);
    match error {
        Some((at, message)) => {
            part.put(0, 0, message, Role::Bad);
            let place: String = input.chars().take(*at).collect();
            let room = part.width().saturating_sub(text::width(before) + 1);
            let hidden = text::width(input) - text::width(&text::end(input, room));
            let at = text::width(before) + text::width(&place).saturating_sub(hidden);
            part.put(at, 1, part.look.glyphs.pick("▼", "v"), Role::Bad);
        }
        None if is_events => {
            let hint = "part of the message, the kind, the node or who acted";
            part.put(0, 0, hint, Role::Dim);
        }
        None => {
            let hint = "state=failed  queue>80%  rtt.p99>100ms  err>1%  oldest>2s  name~\"push-2*\"  and or not ( )";
            part.put(0, 0, hint, Role::Dim);
            part.put(0, 1, &matching(model), Role::Plain);
        }
    }
    typed(&mut part, 2, before, input);
}
