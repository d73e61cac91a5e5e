//! Help: the live keymap, this screen's keys first, and the languages.

use super::{
    super::{pen::Piece, text, theme::Role},
    keys,
};
use crate::app::{Binding, Context, Model, keymap};

const FILTERS: [(&str, &str); 7] = [
    (
        "state=failed",
        "failed ejected draining connecting lingering ready idle gone",
    ),
    (
        "queue>80%",
        "how full the fullest lane is; also err (failed of all targets, 60 s)",
    ),
    (
        "rtt.p99>100ms",
        "also rtt.p50 rtt.p90 rtt.max, oldest (call without an answer), age",
    ),
    (
        "rate>10",
        "delivered a second; also fail, inflight, queued, connections",
    ),
    (
        "name~\"push-2*\"",
        "* and ? fit the whole text; without them: part of it",
    ),
    (
        "hold=drained",
        "also warning=error, error~refused, replica=a, address~10.4",
    ),
    (
        "a and not (b or c)",
        "nothing between two terms is and; a bare word is part of a name",
    ),
];

const GLYPHS: [(&str, &str); 2] = [
    (
        "● ○ ◐ ◌ ✖",
        "ready, idle, connecting (of replicas: stale), drained or ejected, failed",
    ),
    (
        "◉ ▲ ·",
        "lingering (registration gone, still connected), warning, no data",
    ),
];
const GLYPHS_ASCII: [(&str, &str); 2] = [
    (
        "+ - ~ d x",
        "ready, idle, connecting (of replicas: stale), drained or ejected, failed",
    ),
    (
        "% ! .",
        "lingering (registration gone, still connected), warning, no data",
    ),
];

pub(super) fn title(model: &Model, search: &str) -> String {
    let found = if search.is_empty() {
        String::new()
    } else {
        format!("  search: {search}")
    };
    let context = Context::of(&model.screen);
    format!(
        "Help: {}  letters search, Esc closes{found}",
        context.label()
    )
}

/// The lines that hold what is searched for, each with its key or sign first.
pub(super) fn lines(model: &Model, search: &str) -> Vec<Vec<Piece>> {
    let context = Context::of(&model.screen);
    let glyphs = model.options.look.glyphs;
    let mut lines = Vec::new();
    let wanted = search.to_lowercase();
    let fits = |texts: &[&str]| {
        wanted.is_empty()
            || texts
                .iter()
                .any(|text| text.to_lowercase().contains(&wanted))
    };
    let here = |binding: &&Binding| binding.is_in(context);
    let shown = keymap::bindings()
        .iter()
        .filter(here)
        .filter(|binding| fits(&[binding.keys, binding.group, binding.long, binding.short]));
    let mut group = "";
    for binding in shown {
        if binding.group != group {
            group = binding.group;
            lines.push(vec![(group.to_owned(), Role::Heading)]);
        }
        let mut line = vec![
            (
                format!("  {} ", text::fit(&keys(binding.keys, glyphs), 9)),
                Role::Key,
            ),
            (binding.long.to_owned(), Role::Plain),
        ];
        if let Some(why) = keymap::refusal(model, binding.action) {
            line.push((format!(" ({why})"), Role::Warn));
        }
        lines.push(line);
    }
    let signs = match glyphs {
        crate::view::Glyphs::Unicode => GLYPHS,
        crate::view::Glyphs::Ascii => GLYPHS_ASCII,
    };
    for (heading, entries) in [("FILTER", &FILTERS[..]), ("GLYPHS", &signs)] {
        let entries: Vec<_> = entries
            .iter()
            .filter(|(what, means)| fits(&[heading, what, means]))
            .collect();
        if !entries.is_empty() {
            lines.push(vec![(heading.to_owned(), Role::Heading)]);
        }
        for (what, means) in entries {
            lines.push(vec![
                (format!("  {} ", text::fit(what, 19)), Role::Key),
                ((*means).to_owned(), Role::Plain),
            ]);
        }
    }
    if lines.is_empty() {
        lines.push(vec![(
            format!("nothing in help has {search:?}"),
            Role::Plain,
        )]);
    }
    lines
}
