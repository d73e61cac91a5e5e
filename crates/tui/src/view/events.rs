//! What happened, the newest first.

use std::time::{Duration, SystemTime};

use push_manager_proto::admin::EventLevel;

use super::{pen::Pen, text, theme::Role};
use crate::{app::Model, export, fleet::EventItem, once};

pub(super) fn draw(model: &Model, pen: &mut Pen<'_>) {
    let mut inner = pen.boxed(&title(model));
    let width = inner.width();
    let node = (width / 6).clamp(8, 24);
    let heading = format!(
        "  {} {} {} {} {} MESSAGE",
        text::fit("TIME (UTC)", 12),
        text::fit("REP", 4),
        text::fit("LVL", 5),
        text::fit("KIND", 16),
        text::fit("NODE", node)
    );
    inner.put(0, 0, &heading, Role::Dim);
    if model.events.order.is_empty() {
        let all = model.shown().events().items().len();
        let word = if all > 0 {
            "No event matches. Esc shows all again."
        } else {
            "Nothing happened yet."
        };
        inner.put(2, 1, word, Role::Plain);
        return;
    }
    let page = inner.height().saturating_sub(1);
    let shown = model.events.order.iter().skip(model.events.top).take(page);
    for (row, id) in shown.enumerate() {
        let item = model
            .shown()
            .events()
            .items()
            .rev()
            .find(|item| item.id == *id);
        let Some(item) = item else { continue };
        line(&mut inner, row + 1, item, node);
        if model.events.selected == Some(*id) {
            inner.put(0, row + 1, inner.look.glyphs.cursor(), Role::Plain);
            inner.highlight(row + 1);
        }
    }
}

fn title(model: &Model) -> String {
    let state = &model.events;
    let level = state.level.map_or("all", once::level);
    let kind = if state.kind.is_empty() {
        "*"
    } else {
        &state.kind
    };
    let mut title = vec![format!(
        "Events {}  level>={level}  kind:{kind}",
        state.order.len()
    )];
    if !state.text.is_empty() {
        title.push(format!("text: {}", text::cut(&state.text, 30)));
    }
    if let Some(selected) = state.selected {
        let newer = state
            .order
            .iter()
            .position(|id| *id == selected)
            .unwrap_or(0);
        title.push(format!("held, {newer} newer (G = follow)"));
    }
    let missed = model.shown().events().missed();
    if missed > 0 {
        title.push(format!("missed {missed}"));
    }
    title.join("  ")
}

fn line(pen: &mut Pen<'_>, row: usize, item: &EventItem, node: usize) {
    let replicas: String = item.replicas.iter().map(ToString::to_string).collect();
    let name = item
        .node
        .as_ref()
        .map(ToString::to_string)
        .unwrap_or_default();
    let at = pen.put(2, row, &time(item.wall), Role::Dim);
    let at = pen.put(at + 1, row, &text::fit(&replicas, 4), Role::Dim);
    let at = pen.put(
        at + 1,
        row,
        &text::fit(once::level(item.level), 5),
        role(item.level),
    );
    let at = pen.put(at + 1, row, &text::fit(&item.kind, 16), Role::Plain);
    let at = pen.put(at + 1, row, &text::fit(&name, node), Role::Plain);
    let times = if item.count > 1 {
        format!("x{}", item.count)
    } else {
        String::new()
    };
    let room = pen.width().saturating_sub(at + 2 + text::width(&times));
    pen.put(at + 1, row, &text::cut(&message(item), room), Role::Plain);
    let end = pen.width().saturating_sub(text::width(&times));
    pen.put(end, row, &times, Role::Dim);
}

/// An event of a node that is on the screen already.
pub(super) fn short(pen: &mut Pen<'_>, row: usize, item: &EventItem) {
    let time = time(item.wall);
    let at = pen.put(0, row, time.get(..8).unwrap_or(&time), Role::Dim);
    let replicas: String = item.replicas.iter().map(ToString::to_string).collect();
    let at = pen.put(at + 1, row, &replicas, Role::Dim);
    let text = format!("{} {}", item.kind, message(item));
    pen.put(at + 1, row, &text, role(item.level));
}

fn message(item: &EventItem) -> String {
    if item.actor.is_empty() {
        return item.message.clone();
    }
    format!("{} (by {})", item.message, item.actor)
}

pub(super) fn role(level: EventLevel) -> Role {
    match level {
        EventLevel::Info | EventLevel::Unspecified => Role::Plain,
        EventLevel::Warn => Role::Warn,
        EventLevel::Error => Role::Bad,
        EventLevel::Audit => Role::Heading,
    }
}

/// The date and the time of day.
pub(super) fn date_and_time(wall: SystemTime) -> String {
    let since = wall.duration_since(SystemTime::UNIX_EPOCH);
    let (year, month, day) = export::date(since.unwrap_or_default().as_secs() / 86_400);
    format!("{year:04}-{month:02}-{day:02} {} UTC", time(wall))
}

/// The time of day, to the millisecond.
pub(super) fn time(wall: SystemTime) -> String {
    let since = wall
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or(Duration::ZERO);
    let (seconds, millis) = (since.as_secs() % 86_400, since.subsec_millis());
    let (hours, minutes) = (seconds / 3_600, seconds / 60 % 60);
    format!("{hours:02}:{minutes:02}:{:02}.{millis:03}", seconds % 60)
}
