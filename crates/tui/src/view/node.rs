//! One node: what each replica knows of it, its charts, its events.

use std::collections::{BTreeMap, BTreeSet};

use push_manager_proto::admin::Hold;

use super::{
    chart::{self, Line, Stroke},
    glyphs, layout, number,
    pen::{Pen, Piece},
    spread, text,
    theme::{Role, of_node, of_severity},
};
use crate::{
    app::Model,
    fleet::{Cell, Node, NodeName, Series, history::Step},
    replica::{Freshness, ReplicaId},
};

/// Seconds shown in charts: as many as are kept finely.
const CHART_SECONDS: usize = 60;
/// What the table of replicas needs, frame included.
const REPLICAS_WIDTH: u16 = 62;
/// What the round trips need beside it, frame included.
const TIMES_WIDTH: u16 = 38;
/// Lines of a chart that can be read, frame included.
const CHART_HEIGHT: u16 = 4;
/// Lines of the calls, frame included, where they are wide.
const CALLS_HEIGHT: u16 = 5;
/// Lines of the round trips, frame included, where there is little room.
const TIMES_HEIGHT: u16 = 6;

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
    // Side by side where both have room.
    let lower = if rest.width >= REPLICAS_WIDTH + TIMES_WIDTH {
        let (upper, lower) = layout::rows(rest, table + CALLS_HEIGHT);
        let (left, right) = layout::columns(upper, REPLICAS_WIDTH);
        let (above, below) = layout::rows(left, table);
        replicas(node, &mut pen.part(above));
        calls(model, node, &mut pen.part(below));
        times(model, node, &mut pen.part(right));
        lower
    } else {
        let (upper, rest) = layout::rows(rest, table);
        replicas(node, &mut pen.part(upper));
        let left = rest.height.saturating_sub(CHART_HEIGHT);
        let (middle, lower) = layout::rows(rest, TIMES_HEIGHT.min(left).max(3));
        let (left, right) = layout::halves(middle);
        times(model, node, &mut pen.part(left));
        calls(model, node, &mut pen.part(right));
        lower
    };
    let (left, right) = layout::halves(lower);
    charts(node, &mut pen.part(left));
    events(model, node, &mut pen.part(right));
}

fn heading(model: &Model, node: &Node, pen: &mut Pen<'_>) {
    let (state, role) = super::nodes::state(model, node, pen.look.glyphs);
    let mut pieces = vec![
        (format!("Nodes > {}  ", node.name), Role::Heading),
        (state, role),
    ];
    if let Some(hold) = hold(node) {
        pieces.push((format!("  {hold}"), Role::Warn));
    }
    pieces.push((format!("  {}", node.address), Role::Plain));
    let instances = instances(node);
    if !instances.is_empty() {
        pieces.push((format!("  instance {instances}"), Role::Plain));
    }
    let registered = node.cells.values().filter(|cell| cell.revision > 0);
    if let Some(newest) = registered.max_by_key(|cell| cell.revision) {
        let told = format!("  rev {}  {}", newest.revision, newest.registration);
        pieces.push((told, Role::Dim));
    }
    pen.line(1, 0, &pieces);
}

fn live(node: &Node) -> impl Iterator<Item = (&ReplicaId, &Cell)> {
    let cells = node.cells.iter();
    cells.filter(|(_, cell)| cell.freshness == Freshness::Live)
}

/// Who holds the node, and for how long still: `drained, 7m12s left`.
fn hold(node: &Node) -> Option<String> {
    let held = || live(node).filter(|(_, cell)| cell.hold != Hold::Unspecified);
    let word = match held().map(|(_, cell)| cell.hold).max()? {
        Hold::Ejected => "ejected",
        Hold::Drained | Hold::Unspecified => "drained",
    };
    let everywhere = held().count() == live(node).count();
    let at = if everywhere {
        String::new()
    } else {
        let at: Vec<_> = held().map(|(id, _)| id.to_string()).collect();
        format!(" at {}", at.join(" "))
    };
    let left = held().filter_map(|(_, cell)| cell.hold_left).max();
    let left = left.map(|left| format!(", {} left", number::age(Some(left))));
    Some(format!("{word}{at}{}", left.unwrap_or_default()))
}

/// The instance that acts name; where replicas know different ones, each with who knows it.
fn instances(node: &Node) -> String {
    let mut known: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for (id, cell) in &node.cells {
        if !cell.instance.is_empty() {
            known
                .entry(&cell.instance)
                .or_default()
                .push(id.to_string());
        }
    }
    if let (1, Some(one)) = (known.len(), known.keys().next()) {
        return (*one).to_owned();
    }
    let known = known
        .into_iter()
        .map(|(instance, by)| format!("{instance} ({})", by.join(" ")));
    known.collect::<Vec<_>>().join(", ")
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
        // Rates of what was heard before say nothing: why they are not there stands there.
        let rates = if live {
            let (taken, failed) = (cell.delivered_rate, cell.failed_rate);
            text::fit_right(&number::rate(taken), 8) + &text::fit_right(&number::rate(failed), 7)
        } else {
            String::new()
        };
        let line = format!(
            "{}{:>6}{:>6}{}{rates}",
            text::fit_right(&number::age(Some(cell.since)), 7),
            cell.in_flight,
            number::share(Some(cell.queue_ratio)),
            text::fit_right(&number::middle_and_tail(&cell.rtt), 12),
        );
        let at = inner.put(at, row + 1, &line, role);
        match cell.freshness {
            Freshness::Live => at,
            Freshness::Stale => inner.put(at, row + 1, &text::fit_right("stale", 15), Role::Warn),
            Freshness::Down => inner.put(at, row + 1, &text::fit_right("down", 15), Role::Bad),
        };
    }
}

/// How round trips are spread: percentiles, bars, a second peak.
fn times(model: &Model, node: &Node, pen: &mut Pen<'_>) {
    let told: Vec<_> = live(node).map(|(id, _)| id.to_string()).collect();
    let mut inner = pen.boxed(&format!("RTT ms, 60s, merged {}", told.join("+")));
    let rtt = &node.rtt;
    let told = [
        ("p50", rtt.p50),
        ("p90", rtt.p90),
        ("p99", rtt.p99),
        ("p99.9", rtt.p999),
        ("max", rtt.max),
    ];
    let told = told.map(|(name, time)| (format!("{name} {}", number::millis(time)), Role::Plain));
    let mut told = told.to_vec();
    let wide = told.iter().map(|(fact, _)| text::width(fact) + 2);
    if wide.sum::<usize>() > inner.width() + 2 {
        // One line less for these is one more for the bars.
        told.remove(1);
    }
    let from = flow(&mut inner, &told, 2);
    let buckets = model.shown().round_trips(&node.name, model.shown_at());
    let peak = spread::second_peak(&buckets);
    let (_, below) = layout::rows(inner.area, from as u16);
    let (bars, last) = layout::rows(below, below.height.saturating_sub(peak.is_some().into()));
    if bars.height > 1 {
        spread::bars(&mut inner.part(bars), &buckets);
    }
    if let Some(peak) = peak {
        inner.part(last).put(0, 0, &peak, Role::Warn);
    }
}

fn calls(model: &Model, node: &Node, pen: &mut Pen<'_>) {
    let mut inner = pen.boxed("calls and targets");
    let mut lines = Vec::new();
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
    flow(&mut inner, &lines, 3);
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

/// Facts one after the other, each whole: a line takes as many as fit. Gives the line after them.
fn flow(pen: &mut Pen<'_>, facts: &[Piece], apart: usize) -> usize {
    let (mut at, mut row) = (0, 0);
    for (fact, role) in facts {
        if at > 0 && at + text::width(fact) > pen.width() {
            (at, row) = (0, row + 1);
        }
        at = pen.put(at, row, fact, *role) + apart;
    }
    row + 1
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
