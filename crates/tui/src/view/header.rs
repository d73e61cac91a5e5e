//! The first two lines and the last: what is watched and how fresh it is, the tabs, the hints.

use super::{
    number,
    pen::{Pen, Piece},
    text,
    theme::{Role, of_replica},
};
use crate::{
    app::{Action, Binding, Context, Model, Screen, TimeState, keymap},
    fleet::NodeWord,
    replica::{Freshness, Link},
};

/// The tabs with their screens.
const TABS: [(&str, u8); 5] = [
    ("Overview", 1),
    ("Nodes", 2),
    ("Pushes", 3),
    ("Events", 4),
    ("Replicas", 5),
];

pub(super) fn draw(model: &Model, pen: &mut Pen<'_>) {
    let mut parts = parts(model);
    let width = |parts: &[Part]| -> usize {
        let pieces = parts.iter().flat_map(|part| &part.pieces);
        let pieces = pieces.map(|(text, _)| text::width(text)).sum::<usize>();
        pieces + parts.len() * 3 - 1
    };
    while width(&parts) > pen.width() && parts.len() > 1 {
        let lightest = (0..parts.len()).min_by_key(|at| parts[*at].weight);
        parts.remove(lightest.unwrap_or(0));
    }
    let mut at = 1;
    for (separator, part) in parts.into_iter().enumerate() {
        if separator > 0 {
            at = pen.put(at, 0, pen.look.glyphs.pick(" │ ", " | "), Role::Dim);
        }
        at = pen.line(at, 0, &part.pieces);
    }
    tabs(model, pen);
}

/// A part of the first line. The lightest goes first where there is no room: the title, then the
/// age; whether it is true and what keys may do stays to the last.
struct Part {
    weight: u8,
    pieces: Vec<Piece>,
}

fn parts(model: &Model) -> Vec<Part> {
    let mut title = vec![("pushtop".to_owned(), Role::Heading)];
    if !model.options.title.is_empty() {
        title.push((
            format!(" {}", text::cut(&model.options.title, 24)),
            Role::Plain,
        ));
    }
    let age = oldest(model).map(|age| format!("age {}", number::age(Some(age))));
    let age = age.unwrap_or_else(|| "no data".to_owned());
    let acts = if model.options.allow_actions && !model.options.replay {
        ("ACTIONS", Role::Warn)
    } else {
        ("READ-ONLY", Role::Dim)
    };
    let mut parts = vec![
        (6, state(model)),
        (0, title),
        (5, replicas(model)),
        (2, nodes(model)),
        (1, vec![(age, Role::Plain)]),
        (4, vec![(acts.0.to_owned(), acts.1)]),
    ];
    if model.recording.is_some() {
        parts.push((3, vec![("REC".to_owned(), Role::Bad)]));
    }
    let parts = parts.into_iter();
    parts
        .map(|(weight, pieces)| Part { weight, pieces })
        .collect()
}

/// Age of the oldest of live replicas' frames.
fn oldest(model: &Model) -> Option<std::time::Duration> {
    let fleet = model.shown();
    let live = fleet
        .totals()
        .counted
        .iter()
        .filter_map(|id| fleet.replica(*id));
    live.filter_map(|replica| replica.age(model.shown_at()))
        .max()
}

/// No replica's figures may be believed, though there are replicas.
pub(super) fn is_unheard(model: &Model) -> bool {
    let totals = model.shown().totals();
    totals.counted.is_empty() && !totals.left_out.is_empty()
}

/// What the last line says then, on every screen.
fn unheard(model: &Model) -> Option<String> {
    let replicas = model.shown().replicas().iter();
    let age = replicas
        .filter_map(|replica| replica.age(model.shown_at()))
        .min();
    is_unheard(model).then(|| match age {
        Some(age) => format!(
            "STALE: no replica heard for {}; figures are left out",
            number::age(Some(age))
        ),
        None => "no replica was heard so far".to_owned(),
    })
}

/// Whether what is shown is the present, and true.
pub(super) fn state(model: &Model) -> Vec<Piece> {
    let glyphs = model.options.look.glyphs;
    let totals = model.shown().totals();
    let stale = totals.counted.is_empty();
    let word = match model.time {
        TimeState::Paused(at) => {
            let ago = number::age(Some(model.now.since(at)));
            (
                format!("{} PAUSED {ago} ago", glyphs.pick("⏸", "=")),
                Role::Warn,
            )
        }
        TimeState::Live if stale && totals.left_out.is_empty() => {
            ("CONNECTING".to_owned(), Role::Warn)
        }
        TimeState::Live if stale => {
            let any = model
                .shown()
                .replicas()
                .iter()
                .any(|replica| replica.freshness(model.shown_at()) == Freshness::Stale);
            let word = if any { "STALE" } else { "DISCONNECTED" };
            (word.to_owned(), Role::Bad)
        }
        TimeState::Live if model.options.replay => {
            (format!("{} REPLAY", glyphs.pick("▶", ">")), Role::Warn)
        }
        TimeState::Live => (format!("{} LIVE", glyphs.pick("▶", ">")), Role::Good),
    };
    vec![word]
}

fn replicas(model: &Model) -> Vec<Piece> {
    let fleet = model.shown();
    let all = fleet
        .replicas()
        .iter()
        .filter(|replica| *replica.link() != Link::Gone);
    let mut pieces = vec![("replicas ".to_owned(), Role::Plain)];
    let mut count = 0;
    for replica in all {
        count += 1;
        if count <= 8 {
            let freshness = replica.freshness(model.shown_at());
            let glyph = model.options.look.glyphs.replica(freshness);
            pieces.push((glyph.to_owned(), of_replica(freshness)));
        }
    }
    let live = fleet.totals().counted.len();
    pieces.push((format!(" {live}/{count}"), Role::Plain));
    let left_out: Vec<_> = fleet
        .totals()
        .left_out
        .iter()
        .map(ToString::to_string)
        .collect();
    if !left_out.is_empty() && live > 0 {
        pieces.push((
            format!(" without {}", text::cut(&left_out.join(","), 12)),
            Role::Warn,
        ));
    }
    if let Some(only) = model.only {
        pieces.push((format!(" only {only}"), Role::Warn));
    }
    pieces
}

fn nodes(model: &Model) -> Vec<Piece> {
    if is_unheard(model) {
        return vec![(format!("nodes {}", number::UNKNOWN), Role::Plain)];
    }
    let counts = model.shown().totals().nodes;
    let glyphs = model.options.look.glyphs;
    let mut pieces = vec![(format!("nodes {}:", counts.all), Role::Plain)];
    let all = [
        (NodeWord::Ready, counts.ready),
        (NodeWord::Connecting, counts.connecting),
        (NodeWord::Failed, counts.failed),
        (NodeWord::Draining, counts.held),
        (NodeWord::Idle, counts.idle),
    ];
    for (word, count) in all {
        if count > 0 || word == NodeWord::Ready {
            let piece = format!(" {}{count}", glyphs.node(word));
            pieces.push((piece, super::theme::of_node(word)));
        }
    }
    pieces
}

fn tabs(model: &Model, pen: &mut Pen<'_>) {
    let mut at = 0;
    for (name, number) in TABS {
        let (label, role) = if is_shown(model, number) {
            (format!("[{number} {name}]"), Role::Tab)
        } else {
            (format!(" {number} {name} "), Role::Plain)
        };
        at = pen.put(at, 1, &label, role) + 1;
    }
    let keys = "/filter  :command  ?help  q quit";
    let room = pen.width().saturating_sub(at + 1);
    if text::width(keys) <= room {
        let at = pen.width() - text::width(keys) - 1;
        pen.put(at, 1, keys, Role::Dim);
    }
}

fn is_shown(model: &Model, number: u8) -> bool {
    let shown = match model.screen {
        Screen::Overview => 1,
        Screen::Nodes | Screen::Node(_) => 2,
        Screen::Pushes | Screen::Api(_) => 3,
        Screen::Events => 4,
        Screen::Replicas => 5,
    };
    shown == number
}

/// The tab at a column of the second line.
pub(super) fn tab_at(_model: &Model, column: usize) -> Option<u8> {
    let mut at = 0;
    for (name, number) in TABS {
        let end = at + name.len() + 4;
        if (at..end).contains(&column) {
            return Some(number);
        }
        at = end + 1;
    }
    None
}

/// The last line: a word, or the hints of the live keymap.
pub(super) fn footer(model: &Model, pen: &mut Pen<'_>) {
    if let Some(notice) = &model.notice {
        let role = if notice.is_error {
            Role::Bad
        } else {
            Role::Heading
        };
        pen.put(1, 0, &notice.text, role);
        return;
    }
    let context = Context::of(&model.screen);
    let hinted = keymap::bindings().iter().filter(|binding| {
        !binding.short.is_empty()
            && binding.is_in(context)
            && keymap::refusal(model, binding.action).is_none()
    });
    // How to get help and out is always seen.
    let (last, first): (Vec<_>, Vec<_>) =
        hinted.partition(|binding| matches!(binding.action, Action::Help | Action::Quit));
    let hint = |binding: &Binding| -> [Piece; 2] {
        let keys = super::overlays::keys(binding.keys, model.options.look.glyphs);
        [
            (keys, Role::Key),
            (format!(" {}  ", binding.short), Role::Plain),
        ]
    };
    let width = |hint: &[Piece]| -> usize { hint.iter().map(|(text, _)| text::width(text)).sum() };
    let mut last: Vec<_> = last.into_iter().flat_map(hint).collect();
    if let Some((end, _)) = last.last_mut() {
        end.truncate(end.trim_end().len());
    }
    let room = pen.width().saturating_sub(width(&last));
    let mut at = 1;
    if let Some(unheard) = unheard(model) {
        let unheard = text::cut(&unheard, room.saturating_sub(3));
        at = pen.put(at, 0, &unheard, Role::Bad) + 2;
    }
    for hint in first.into_iter().map(hint) {
        if at + width(&hint) <= room {
            at = pen.line(at, 0, &hint);
        }
    }
    pen.line(at, 0, &last);
}
