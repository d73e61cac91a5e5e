//! One node: what each replica knows of it, its charts, its events.

use std::collections::BTreeSet;

use super::{
    chart::{self, Line, Stroke},
    glyphs, layout, number,
    pen::Pen,
    text,
    theme::{Role, of_node, of_severity},
};
use crate::{
    app::Model,
    fleet::{Node, NodeName, Series, history::Step},
    replica::Freshness,
};

/// Seconds shown in charts: as many as are kept finely.
const CHART_SECONDS: usize = 60;
/// What the table of replicas needs, frame included.
const REPLICAS_WIDTH: u16 = 62;
/// What the figures need, frame included.
const FIGURES_WIDTH: u16 = 38;
/// Lines of a chart that can be read, frame included.
const CHART_HEIGHT: u16 = 4;
/// Lines of the figures, frame included, where they are wide and where they are narrow.
const FIGURES: [u16; 2] = [5, 8];

pub(super) fn draw(model: &Model, name: &NodeName, pen: &mut Pen<'_>) {
    let Some(node) = model.shown().node(name) else {
        let mut inner = pen.boxed(&format!("Nodes > {name}"));
        inner.put(
            1,
            0,
            "No replica knows this node any more. Esc goes back.",
            Role::Warn,
        );
        return;
    };
    let (head, rest) = layout::rows(pen.area, 1);
    heading(model, node, &mut pen.part(head));
    let table = (node.cells.len() as u16 + 3).min(rest.height / 3).max(5);
    let figured = FIGURES[1].max(table);
    // Side by side where both have room.
    let lower = if rest.width >= REPLICAS_WIDTH + FIGURES_WIDTH {
        let (upper, lower) = layout::rows(rest, figured);
        let (left, right) = layout::columns(upper, REPLICAS_WIDTH);
        replicas(node, &mut pen.part(left));
        figures(model, node, &mut pen.part(right));
        lower
    } else {
        let (upper, rest) = layout::rows(rest, table);
        replicas(node, &mut pen.part(upper));
        let (middle, lower) = layout::rows(rest, FIGURES[0]);
        figures(model, node, &mut pen.part(middle));
        lower
    };
    let (left, right) = layout::halves(lower);
    charts(node, &mut pen.part(left));
    events(model, node, &mut pen.part(right));
}

fn heading(model: &Model, node: &Node, pen: &mut Pen<'_>) {
    let (state, role) = super::nodes::state(model, node, pen.look.glyphs);
    let registration = node
        .cells
        .values()
        .map(|cell| cell.registration.as_ref())
        .max();
    let revision = node
        .cells
        .values()
        .map(|cell| cell.revision)
        .max()
        .unwrap_or(0);
    let mut pieces = vec![
        (format!("Nodes > {}  ", node.name), Role::Heading),
        (state, role),
        (format!("  {}", node.address), Role::Plain),
    ];
    if revision > 0 {
        pieces.push((
            format!("  rev {revision}  {}", registration.unwrap_or_default()),
            Role::Dim,
        ));
    }
    pen.line(1, 0, &pieces);
}

fn replicas(node: &Node, pen: &mut Pen<'_>) {
    let mut inner = pen.boxed("by replica (the table of nodes shows sums)");
    let heading = format!(
        "{}{}{:>7}{:>6}{:>6}{:>12}{:>8}{:>7}",
        text::fit("", 3),
        text::fit("STATE", 10),
        "SINCE",
        "INFL",
        "QUE%",
        "RTT p50/p99",
        "OK/s",
        "FAIL/s"
    );
    inner.put(0, 0, &heading, Role::Dim);
    for (row, (id, cell)) in node.cells.iter().enumerate() {
        let live = cell.freshness == Freshness::Live;
        let role = if live { Role::Plain } else { Role::Dim };
        let at = inner.put(0, row + 1, &text::fit(&id.to_string(), 3), role);
        let state = format!(
            "{} {}",
            inner.look.glyphs.node(cell.word),
            glyphs::word(cell.word)
        );
        let shade = if live { of_node(cell.word) } else { Role::Dim };
        let at = inner.put(at, row + 1, &text::fit(&state, 10), shade);
        let line = format!(
            "{}{:>6}{:>6}{}{}{}",
            text::fit_right(&number::age(Some(cell.since)), 7),
            cell.in_flight,
            number::share(Some(cell.queue_ratio)),
            text::fit_right(&number::middle_and_tail(&cell.rtt), 12),
            text::fit_right(&number::rate(cell.delivered_rate), 8),
            text::fit_right(&number::rate(cell.failed_rate), 7)
        );
        let at = inner.put(at, row + 1, &line, role);
        if !live {
            inner.put(at + 1, row + 1, "stale", Role::Warn);
        }
    }
}

fn figures(model: &Model, node: &Node, pen: &mut Pen<'_>) {
    let mut inner = pen.boxed("round trips (ms, 60 s), calls");
    let rtt = &node.rtt;
    let told = [
        ("p50", rtt.p50),
        ("p90", rtt.p90),
        ("p99", rtt.p99),
        ("p99.9", rtt.p999),
        ("max", rtt.max),
    ];
    let times = told.map(|(name, time)| format!("{name} {}", number::millis(time)));
    let mut lines: Vec<_> = times.into_iter().map(|time| (time, Role::Plain)).collect();
    for (what, count, oldest) in [
        ("in flight", node.in_flight, node.oldest_in_flight),
        ("waiting", node.queued, node.oldest_queued),
    ] {
        let oldest = match oldest {
            Some(_) => format!(", oldest {}", number::age(oldest)),
            None => String::new(),
        };
        lines.push((
            format!("{what} {}{oldest}", number::count(count)),
            Role::Plain,
        ));
    }
    lines.push((format!("connections {}", node.connections), Role::Plain));
    lines.extend(in_detail(model, node));
    let targets = [
        ("delivered", node.delivered),
        ("offline", node.offline),
        ("failed", node.failed),
    ];
    let targets = targets.map(|(name, count)| format!("{name} {}", number::count(count)));
    lines.extend(targets.map(|target| (target, Role::Plain)));
    let reasons = node.failed_by_reason.iter();
    lines.extend(reasons.map(|(reason, failed)| {
        let reason = reason.replace('_', " ");
        (format!("{reason} {}", number::count(*failed)), Role::Warn)
    }));
    flow(&mut inner, &lines);
}

/// What replicas tell of the node while it is looked at: each connection, open or not, and the
/// deadlines missed on it in a row; the ids that the Controller may call the node by.
fn in_detail(model: &Model, node: &Node) -> Vec<(String, Role)> {
    let mut facts = Vec::new();
    let mut names = BTreeSet::new();
    for id in node.cells.keys() {
        let Some(told) = model.details.node(*id, model.now) else {
            continue;
        };
        let open = told.connections.iter().filter(|connection| connection.open);
        let unheard = told.connections.iter().map(|connection| connection.unheard);
        let unheard = unheard.max().unwrap_or(0);
        let missed = if unheard > 0 {
            format!(", {unheard} deadlines missed in a row")
        } else {
            String::new()
        };
        let of = told.connections.len();
        let role = if unheard > 0 { Role::Warn } else { Role::Plain };
        facts.push((format!("{id}: {} of {of} open{missed}", open.count()), role));
        names.extend(told.names.iter().map(String::as_str));
    }
    names.remove(&*node.name.0);
    if !names.is_empty() {
        let names = names.into_iter().collect::<Vec<_>>().join(" ");
        facts.push((format!("also called {names}"), Role::Plain));
    }
    facts
}

/// Facts one after the other, each whole: a line takes as many as fit.
fn flow(pen: &mut Pen<'_>, facts: &[(String, Role)]) {
    let (mut at, mut row) = (0, 0);
    for (fact, role) in facts {
        if at > 0 && at + text::width(fact) > pen.width() {
            (at, row) = (0, row + 1);
        }
        at = pen.put(at, row, fact, *role) + 3;
    }
}

fn charts(node: &Node, pen: &mut Pen<'_>) {
    let all = [
        ("delivered/s", &node.rate_history, Axis::Rate),
        ("queue", &node.queue_history, Axis::Share),
        ("in flight", &node.in_flight_history, Axis::Count),
    ];
    // Each has room enough to be read, or the last ones are not there.
    let count = (pen.area.height / CHART_HEIGHT).clamp(1, 3);
    let mut rest = pen.area;
    for (place, (name, series, axis)) in (0..count).zip(all) {
        let (upper, lower) = layout::rows(rest, rest.height / (count - place));
        rest = lower;
        chart(pen, upper, name, series, axis);
    }
}

/// What a chart's axis counts.
#[derive(Clone, Copy)]
enum Axis {
    Rate,
    Share,
    Count,
}

fn chart(pen: &mut Pen<'_>, area: ratatui::layout::Rect, name: &str, series: &Series, axis: Axis) {
    let seconds = chart::points_in(area.width.into(), pen.look.glyphs, CHART_SECONDS);
    let points = series.points(Step::Second, seconds);
    let now = points.last().copied().flatten().map(f64::from);
    let now = match axis {
        Axis::Rate => number::rate(now),
        Axis::Share => number::share(now),
        Axis::Count => now.map_or_else(
            || number::UNKNOWN.to_owned(),
            |now| number::count(now.round().max(0.0) as u64),
        ),
    };
    let mut part = pen.part(area);
    let mut inner = part.boxed(&format!(
        "{name}  now {now}  {}",
        chart::span(seconds as u64)
    ));
    let line = Line {
        points: &points,
        mark: '*',
        stroke: Stroke::Solid,
    };
    match axis {
        Axis::Share => chart::lines_up_to(&mut inner, &[line], 1.0, "100%"),
        Axis::Rate | Axis::Count => chart::lines(&mut inner, &[line]),
    }
}

fn events(model: &Model, node: &Node, pen: &mut Pen<'_>) {
    let mut inner = pen.boxed("warnings and last events");
    let mut row = 0;
    let width = inner.width();
    for problem in model.shown().problems() {
        if let crate::fleet::Subject::Nodes(names) = &problem.subject
            && names.contains(&node.name)
        {
            let glyph = inner.look.glyphs.severity(problem.severity);
            let line = format!("{glyph} {}", problem.text);
            inner.put(0, row, &line, of_severity(problem.severity));
            row += 1;
        }
    }
    let errors = node
        .cells
        .iter()
        .filter(|(_, cell)| !cell.last_error.is_empty());
    for (id, cell) in errors {
        for line in text::wrapped(&format!("{id}: {}", cell.last_error), width) {
            inner.put(0, row, &line, Role::Warn);
            row += 1;
        }
    }
    let told = model.shown().events().items().rev();
    for item in told.filter(|item| item.node.as_ref() == Some(&node.name)) {
        if row >= inner.height() {
            return;
        }
        super::events::short(&mut inner, row, item);
        row += 1;
    }
}
