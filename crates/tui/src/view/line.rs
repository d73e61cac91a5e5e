//! The whole fleet in one line, where there is no room for more.

use super::{layout, number, pen::Pen, theme::Role};
use crate::app::Model;

pub(super) fn draw(model: &Model, pen: &mut Pen<'_>) {
    let totals = model.shown().totals();
    let live = totals.counted.len();
    let all = live + totals.left_out.len();
    let problems = model.shown().problems();
    let state: String = super::header::state(model)
        .into_iter()
        .map(|(word, _)| word)
        .collect();
    let role = if problems.is_empty() && live == all {
        Role::Good
    } else {
        Role::Warn
    };
    let nodes = if super::header::is_unheard(model) {
        number::UNKNOWN.to_owned()
    } else {
        format!(
            "{}/{}",
            totals.nodes.ready + totals.nodes.idle,
            totals.nodes.all
        )
    };
    let line = format!(
        "{state} {live}/{all} nodes {nodes} push/s {} problems {}",
        number::rate(totals.push_rate),
        problems.len()
    );
    pen.put(0, 0, &line, role);
    for (row, problem) in problems.iter().enumerate() {
        let glyph = pen.look.glyphs.severity(problem.severity);
        let line = format!("{glyph} {}", problem.text);
        pen.put(
            0,
            row + 1,
            &line,
            super::theme::of_severity(problem.severity),
        );
    }
    if let Some(notice) = &model.notice {
        let role = if notice.is_error {
            Role::Bad
        } else {
            Role::Heading
        };
        let last = pen.height().saturating_sub(1);
        let (_, foot) = layout::rows(pen.area, last as u16);
        pen.part(foot).clear();
        pen.put(0, last, &notice.text, role);
    }
}
