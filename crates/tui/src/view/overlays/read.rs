//! What is read, and scrolled where it is long: help, an event in full, a text.

use ratatui::layout::Rect;

use super::{
    super::{
        events, layout,
        pen::{Pen, Piece},
        text,
        theme::Role,
    },
    help, more, over,
};
use crate::{
    app::{Model, Overlay},
    fleet::EventItem,
    once,
};

/// How far a text scrolls.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reach {
    /// Lines shown at once.
    pub page: usize,
    /// The last line that may stand first: the page is full then.
    pub last: usize,
}

impl Reach {
    pub(super) fn of(lines: usize, page: usize) -> Self {
        let last = lines.saturating_sub(page);
        Self { page, last }
    }
}

/// How far what lies over the model's screen scrolls.
pub fn reach(model: &Model, overlay: &Overlay) -> Reach {
    let area = Rect::new(0, 0, model.size.0, model.size.1);
    let small = layout::is_small(area);
    if let Overlay::Act(dialog) = overlay {
        return super::act::reach(model, dialog);
    }
    // The last line of a small terminal is the prompt's.
    let area = if small {
        layout::rows(area, area.height.saturating_sub(1)).0
    } else {
        area
    };
    let Some(page) = Page::of(model, overlay, area, small) else {
        return Reach::default();
    };
    Reach::of(page.lines.len(), page.height)
}

/// A text laid out.
struct Page {
    title: String,
    lines: Vec<Vec<Piece>>,
    area: Rect,
    /// Lines shown at once.
    height: usize,
    top: usize,
}

impl Page {
    /// In a box over the middle of the area, or without one in the whole of it.
    fn of(model: &Model, overlay: &Overlay, area: Rect, small: bool) -> Option<Self> {
        let frame = if small { 0 } else { 2 };
        let inside = |width: u16| usize::from(width.saturating_sub(frame + 1));
        let (title, lines, area, top) = match overlay {
            Overlay::Help { search, top } => {
                let rows = area.height.saturating_sub(frame);
                let area = layout::middle(area, 100, rows);
                let lines = help::lines(model, search);
                let lines = folded(lines, inside(area.width));
                (help::title(model, search), lines, area, *top)
            }
            Overlay::Event { item, top } => {
                let area = layout::middle(area, 90, area.height);
                let title = if item.node.is_some() {
                    "Event  Enter: its node at that time, Esc closes"
                } else {
                    "Event  Esc closes"
                };
                let lines = folded(event(item), inside(area.width));
                (title.to_owned(), lines, area, *top)
            }
            Overlay::Text { title, lines, top } => {
                let widest = lines.iter().map(|line| text::width(line)).max();
                let width = (widest.unwrap_or(0) as u16).saturating_add(4).max(40);
                let area = layout::middle(area, width, area.height);
                let wrapped = lines
                    .iter()
                    .flat_map(|line| text::wrapped(line, inside(area.width)))
                    .map(|line| vec![(line, Role::Plain)]);
                (
                    format!("{title}  Esc closes"),
                    wrapped.collect(),
                    area,
                    *top,
                )
            }
            Overlay::Palette { .. } | Overlay::Filter { .. } | Overlay::Act(_) => return None,
        };
        let area = match overlay {
            // Help is as high as it may be, so that it does not jump while it is searched.
            Overlay::Help { .. } => area,
            _ if small => area,
            _ => {
                let rows = (lines.len() as u16).saturating_add(frame);
                layout::middle(area, area.width, rows)
            }
        };
        Some(Self {
            title,
            height: area.height.saturating_sub(frame).into(),
            lines,
            area,
            top,
        })
    }
}

pub(super) fn draw(model: &Model, overlay: &Overlay, small: bool, pen: &mut Pen<'_>) {
    let Some(page) = Page::of(model, overlay, pen.area, small) else {
        return;
    };
    let top = page.top.min(Reach::of(page.lines.len(), page.height).last);
    let mut part = over(pen, page.area);
    let shown = page.lines.iter().skip(top).take(page.height);
    if small {
        for (row, line) in shown.enumerate() {
            part.line(0, row, line);
        }
        return;
    }
    let mut inner = part.boxed(&page.title);
    for (row, line) in shown.enumerate() {
        inner.line(1, row, line);
    }
    let below = page.lines.len().saturating_sub(top + page.height);
    more(&mut part, top, below);
}

/// All that is known of an event.
fn event(item: &EventItem) -> Vec<Vec<Piece>> {
    let replicas = item.replicas.iter().map(ToString::to_string);
    let node = item.node.as_ref().map(ToString::to_string);
    let told = [
        ("time", events::date_and_time(item.wall), Role::Plain),
        (
            "told by",
            replicas.collect::<Vec<_>>().join(" "),
            Role::Plain,
        ),
        (
            "level",
            once::level(item.level).to_owned(),
            events::role(item.level),
        ),
        ("kind", item.kind.clone(), Role::Plain),
        ("node", node.unwrap_or_default(), Role::Plain),
        ("times", item.count.to_string(), Role::Plain),
        ("by", item.actor.clone(), Role::Plain),
        ("message", item.message.clone(), events::role(item.level)),
    ];
    let told = told.into_iter().filter(|(_, value, _)| !value.is_empty());
    told.map(|(name, value, role)| vec![(text::fit(name, 9), Role::Dim), (value, role)])
        .collect()
}

/// Lines that are too long go on below, under where their text begins.
fn folded(lines: Vec<Vec<Piece>>, width: usize) -> Vec<Vec<Piece>> {
    let mut folded = Vec::new();
    for mut line in lines {
        if line.len() < 2 {
            folded.push(line);
            continue;
        }
        let head = line.remove(0);
        let indent = text::width(&head.0);
        let told: String = line.iter().map(|(text, _)| text.as_str()).collect();
        // A refusal stands at the end, and colours the whole.
        let role = line.last().map_or(Role::Plain, |(_, role)| *role);
        let wrapped = text::wrapped(&told, width.saturating_sub(indent));
        for (at, part) in wrapped.into_iter().enumerate() {
            let start = if at == 0 {
                head.clone()
            } else {
                (" ".repeat(indent), Role::Plain)
            };
            folded.push(vec![start, (part, role)]);
        }
    }
    folded
}
