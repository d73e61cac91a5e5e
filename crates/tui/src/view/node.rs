//! One node: what each replica knows of it, its charts, its events.

use super::{
    chart::{self, Line},
    glyphs, layout, number,
    pen::Pen,
    text,
    theme::{Role, of_node, of_severity},
};
use crate::{
    app::Model,
    fleet::{Node, NodeName, history::Step},
    replica::Freshness,
};

/// Seconds shown in charts: as many as are kept finely.
const CHART_SECONDS: usize = 60;
/// What the table of replicas needs, frame included.
const REPLICAS_WIDTH: u16 = 62;

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
    heading(node, &mut pen.part(head));
    let upper = (node.cells.len() as u16 + 4).clamp(7, (rest.height / 2).max(7));
    let (upper, lower) = layout::rows(rest, upper);
    let (left, right) = layout::columns(upper, REPLICAS_WIDTH);
    replicas(node, &mut pen.part(left));
    figures(node, &mut pen.part(right));
    let (left, right) = layout::halves(lower);
    charts(node, &mut pen.part(left));
    events(model, node, &mut pen.part(right));
}

fn heading(node: &Node, pen: &mut Pen<'_>) {
    let glyph = pen.look.glyphs.node(node.word);
    let state = format!("{glyph} {}", glyphs::word(node.word));
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
        (state, of_node(node.word)),
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
        let rtt = format!(
            "{}/{}",
            number::millis(cell.rtt.p50),
            number::millis(cell.rtt.p99)
        );
        let line = format!(
            "{}{:>6}{:>6}{}{}{}",
            text::fit_right(&number::age(Some(cell.since)), 7),
            cell.in_flight,
            format!("{:.0}%", cell.queue_ratio * 100.0),
            text::fit_right(&rtt, 12),
            text::fit_right(&number::rate(cell.delivered_rate), 8),
            text::fit_right(&number::rate(cell.failed_rate), 7)
        );
        let at = inner.put(at, row + 1, &line, role);
        if !live {
            inner.put(at + 1, row + 1, "stale", Role::Warn);
        }
    }
}

fn figures(node: &Node, pen: &mut Pen<'_>) {
    let mut inner = pen.boxed("round trips and failures, 60 s");
    let rtt = &node.rtt;
    let line = format!(
        "p50 {}  p90 {}  p99 {}  p99.9 {}  max {} ms",
        number::millis(rtt.p50),
        number::millis(rtt.p90),
        number::millis(rtt.p99),
        number::millis(rtt.p999),
        number::millis(rtt.max)
    );
    inner.put(0, 0, &line, Role::Plain);
    let line = format!(
        "in flight {} (oldest {})  waiting {} (oldest {})  connections {}",
        node.in_flight,
        number::age(node.oldest_in_flight),
        node.queued,
        number::age(node.oldest_queued),
        node.connections
    );
    inner.put(0, 1, &line, Role::Plain);
    let line = format!(
        "delivered {}  offline {}  failed {}",
        number::count(node.delivered),
        number::count(node.offline),
        number::count(node.failed)
    );
    inner.put(0, 2, &line, Role::Plain);
    for (row, (reason, failed)) in node.failed_by_reason.iter().enumerate() {
        let line = format!("  {reason} {}", number::count(*failed));
        inner.put(0, row + 3, &line, Role::Warn);
    }
}

fn charts(node: &Node, pen: &mut Pen<'_>) {
    let series = [
        &node.rate_history,
        &node.queue_history,
        &node.in_flight_history,
    ];
    let names = ["delivered/s", "queue share", "in flight"];
    let height = pen.area.height / 3;
    let mut area = pen.area;
    for (place, (series, name)) in series.into_iter().zip(names).enumerate() {
        let last = place == 2;
        let (upper, rest) = layout::rows(area, if last { area.height } else { height });
        area = rest;
        let points = series.points(Step::Second, CHART_SECONDS);
        let now = points.last().copied().flatten().map(f64::from);
        let mut part = pen.part(upper);
        let mut inner = part.boxed(&format!("{name}  now {}  60s", number::rate(now)));
        chart::lines(
            &mut inner,
            &[Line {
                points: &points,
                mark: '*',
            }],
        );
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
