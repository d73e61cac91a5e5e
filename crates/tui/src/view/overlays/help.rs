//! Help: the live keymap, this screen's keys first, and the languages.

use super::{
    super::{
        pen::{Pen, Piece},
        text,
        theme::Role,
    },
    keys, over,
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

pub(super) fn draw(model: &Model, search: &str, top: usize, pen: &mut Pen<'_>) {
    let context = Context::of(&model.screen);
    let (width, height) = (pen.area.width.min(100), pen.area.height.saturating_sub(2));
    let mut part = over(pen, width, height);
    let found = if search.is_empty() {
        String::new()
    } else {
        format!("  search: {search}")
    };
    let title = format!(
        "Help: {}  letters search, Esc closes{found}",
        context.label()
    );
    let mut inner = part.boxed(&title);
    let lines = lines(model, context, search, inner.look.glyphs);
    let lines = folded(lines, inner.width().saturating_sub(1));
    let top = top.min(lines.len().saturating_sub(inner.height()));
    for (row, line) in lines.iter().skip(top).take(inner.height()).enumerate() {
        inner.line(1, row, line);
    }
    let below = lines.len().saturating_sub(top + inner.height());
    if below > 0 {
        let more = format!(" {below} more: Down ");
        let at = part.width().saturating_sub(text::width(&more) + 2);
        part.put(at, part.height().saturating_sub(1), &more, Role::Dim);
    }
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

fn lines(
    model: &Model,
    context: Context,
    search: &str,
    glyphs: crate::view::Glyphs,
) -> Vec<Vec<Piece>> {
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
