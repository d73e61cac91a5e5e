//! What lies over a screen: help, the palette, a prompt, an act, a text.

mod act;
mod help;

use super::{Glyphs, layout, pen::Pen, text, theme::Role};
use crate::app::{Model, Overlay, Screen};

pub(super) fn draw(model: &Model, overlay: &Overlay, pen: &mut Pen<'_>) {
    match overlay {
        Overlay::Help { search, top } => help::draw(model, search, *top, pen),
        Overlay::Palette {
            input,
            selected,
            matches,
        } => palette(input, *selected, matches, pen),
        Overlay::Filter { input, error } => prompt(model, input, error.as_ref(), pen),
        Overlay::Act(dialog) => act::draw(model, dialog, pen),
        Overlay::Text { title, lines } => text_box(title, lines, pen),
    }
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

/// A box over the middle of the screen.
fn over<'a>(pen: &'a mut Pen<'_>, width: u16, height: u16) -> Pen<'a> {
    let area = layout::middle(pen.area, width, height);
    let mut part = pen.part(area);
    part.clear();
    part
}

fn palette(input: &str, selected: usize, matches: &[(String, String)], pen: &mut Pen<'_>) {
    let mut part = over(pen, 76, matches.len() as u16 + 3);
    let mut inner = part.boxed("Command  Enter runs, Tab completes, Esc closes");
    let line = format!(":{input}{}", inner.look.glyphs.pick("▏", "_"));
    inner.put(0, 0, &line, Role::Heading);
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
    let mut row = 0;
    let before = if is_events { "text: " } else { "filter: " };
    match error {
        Some((at, message)) => {
            part.put(0, row, message, Role::Bad);
            row += 1;
            let place: String = input.chars().take(*at).collect();
            let mark = part.look.glyphs.pick("▼", "v");
            part.put(
                text::width(before) + text::width(&place),
                row,
                mark,
                Role::Bad,
            );
        }
        None if is_events => {
            part.put(
                0,
                row,
                "part of the message, the kind, the node or who acted",
                Role::Dim,
            );
            row += 1;
        }
        None => {
            let hint = "state=failed  queue>80%  rtt.p99>100ms  err>1%  oldest>2s  name~\"push-2*\"  and or not ( )";
            part.put(0, row, hint, Role::Dim);
            row += 1;
            let matching = match model.nodes.order.len() {
                1 => "1 node matches".to_owned(),
                count => format!("{count} nodes match"),
            };
            part.put(0, row, &matching, Role::Plain);
        }
    }
    let line = format!("{before}{input}{}", part.look.glyphs.pick("▏", "_"));
    part.put(0, row.max(1) + 1, &line, Role::Heading);
}

fn text_box(title: &str, lines: &[String], pen: &mut Pen<'_>) {
    let widest = lines
        .iter()
        .map(|line| text::width(line))
        .max()
        .unwrap_or(0);
    let width = (widest as u16).saturating_add(4).max(40);
    let mut part = over(pen, width, (lines.len() as u16).saturating_add(2));
    let mut inner = part.boxed(&format!("{title}  Esc closes"));
    for (row, line) in lines.iter().enumerate() {
        inner.put(1, row, line, Role::Plain);
    }
}
