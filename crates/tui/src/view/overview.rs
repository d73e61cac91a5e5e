//! The overview: rates, latencies, problems, RPCs.

use super::{
    chart::{self, Line, Stroke},
    layout, number,
    pen::Pen,
    text,
    theme::{Role, of_severity},
};
use crate::{
    app::Model,
    fleet::{Problem, Subject, Window, history::Step},
    replica::{Freshness, Link},
};

/// Most seconds shown in charts.
const CHART_SECONDS: usize = 300;
/// Names shown of a problem's nodes.
const MOST_NAMES: usize = 3;

pub(super) fn draw(model: &Model, pen: &mut Pen<'_>) {
    let (upper, lower) = layout::rows(pen.area, layout::overview_upper(pen.area.height));
    let (left, right) = layout::halves(upper);
    rates(model, &mut pen.part(left));
    latencies(model, &mut pen.part(right));
    let (left, right) = layout::halves(lower);
    problems(model, &mut pen.part(left));
    apis(model, &mut pen.part(right));
}

fn rates(model: &Model, pen: &mut Pen<'_>) {
    let totals = model.shown().totals();
    let seconds = chart::points_in(pen.width(), pen.look.glyphs, CHART_SECONDS);
    let pushes = totals.push_history.points(Step::Second, seconds);
    let most = pushes.iter().flatten().copied().fold(f32::NAN, f32::max);
    let most = most.is_finite().then_some(f64::from(most));
    let title = format!(
        "push/s  now {}  max {}  {}",
        number::rate(totals.push_rate),
        number::rate(most),
        chart::span(seconds as u64)
    );
    let mut inner = pen.boxed(&title);
    let line = Line {
        points: &pushes,
        mark: '*',
        stroke: Stroke::Solid,
    };
    chart::lines(&mut inner, &[line]);
}

fn latencies(model: &Model, pen: &mut Pen<'_>) {
    let totals = model.shown().totals();
    let minute = totals
        .latency
        .get(&Window::Minute)
        .copied()
        .unwrap_or_default();
    let [p50, p95, p99] = [minute.p50, minute.p95, minute.p99].map(number::millis);
    let figures = format!("p50 {p50}  p95 {p95}  p99 {p99}");
    let seconds = chart::points_in(pen.width(), pen.look.glyphs, CHART_SECONDS);
    // Where there is little room the figures stay, and the words go.
    let title = if pen.width() < 50 {
        format!("ms {figures}")
    } else {
        format!("latency ms  {figures}  {}", chart::span(seconds as u64))
    };
    let series = [
        &totals.p50_history,
        &totals.p95_history,
        &totals.p99_history,
    ];
    let points = series.map(|series| series.points(Step::Second, seconds));
    let strokes = [
        ('5', Stroke::Solid),
        ('+', Stroke::Dashed),
        ('9', Stroke::Dotted),
    ];
    let lines: Vec<_> = points
        .iter()
        .zip(strokes)
        .map(|(points, (mark, stroke))| Line {
            points,
            mark,
            stroke,
        })
        .collect();
    pen.boxed(&title);
    let last = pen.height().saturating_sub(1);
    let mut at = pen.width().saturating_sub(22);
    for (name, (number, line)) in ["p50", "p95", "p99"].iter().zip(lines.iter().enumerate()) {
        let sample = line.sample(pen.look.glyphs);
        at = pen.put(
            at,
            last,
            &format!(" {name} {sample}"),
            Role::Series(number as u8),
        );
    }
    pen.put(at, last, " ", Role::Plain);
    let inside = pen.inside();
    chart::lines(&mut pen.part(inside), &lines);
}

fn problems(model: &Model, pen: &mut Pen<'_>) {
    let problems = model.shown().problems();
    let mut inner = pen.boxed(&format!("Problems ({})  Enter = jump", problems.len()));
    if problems.is_empty() {
        if model.shown().nodes().is_empty() {
            nothing(model, &mut inner, false);
        } else {
            inner.put(1, 0, "none", Role::Good);
        }
        return;
    }
    let rows = inner.height();
    // The area may be another one than the model knows of, in a picture.
    let least = (model.overview.selected + 1).saturating_sub(rows);
    let top = model.overview.top.clamp(least, model.overview.selected);
    for (row, (at, problem)) in problems.iter().enumerate().skip(top).take(rows).enumerate() {
        let glyph = inner.look.glyphs.severity(problem.severity);
        inner.put(0, row, glyph, of_severity(problem.severity));
        let end = inner.put(2, row, &problem.text, Role::Plain);
        inner.put(end + 2, row, &names(problem), Role::Dim);
        if at == model.overview.selected {
            inner.highlight(row);
        }
    }
    // Whoever hears no replica reads here what to do.
    let left = inner.height().saturating_sub(problems.len() + 1) as u16;
    if model.shown().totals().counted.is_empty() && left > 0 {
        let (_, below) = layout::rows(inner.area, inner.area.height - left);
        nothing(model, &mut inner.part(below), false);
    }
}

fn names(problem: &Problem) -> String {
    let Subject::Nodes(nodes) = &problem.subject else {
        return String::new();
    };
    let shown: Vec<_> = nodes
        .iter()
        .take(MOST_NAMES)
        .map(ToString::to_string)
        .collect();
    let more = nodes.len().saturating_sub(MOST_NAMES);
    let more = if more > 0 {
        format!(" +{more}")
    } else {
        String::new()
    };
    shown.join(" ") + &more
}

fn apis(model: &Model, pen: &mut Pen<'_>) {
    let mut inner = pen.boxed("APIs, 60 s");
    let width = inner.width();
    let spark = width.saturating_sub(38).min(60);
    let heading = format!(
        "{}{:>8}{:>7}{:>6}{:>7}",
        text::fit("API", 9),
        "rate/s",
        "ok%",
        "p50",
        "p99"
    );
    let at = inner.put(0, 0, &heading, Role::Dim);
    if spark > 0 {
        inner.put(at + 1, 0, &chart::history_span(spark), Role::Dim);
    }
    for (row, api) in model.shown().apis().iter().enumerate() {
        let minute = api
            .windows
            .get(&Window::Minute)
            .cloned()
            .unwrap_or_default();
        let ok = minute.failed_ratio.map(|failed| 1.0 - failed);
        let line = format!(
            "{}{:>8}{:>7}{:>6}{:>7}",
            text::fit(short_name(&api.name), 9),
            number::rate(minute.rate),
            number::percent(ok),
            number::millis(minute.latency.p50),
            number::millis(minute.latency.p99)
        );
        let failing = minute.failed_ratio.is_some_and(|ratio| ratio > 0.01);
        let role = if failing { Role::Warn } else { Role::Plain };
        let at = inner.put(0, row + 1, &line, role);
        let line = chart::history(&api.rate_history, spark, inner.look.glyphs);
        inner.put(at + 1, row + 1, &line, Role::Series(0));
    }
}

/// `PushToRoom` as `ToRoom`.
pub(super) fn short_name(api: &str) -> &str {
    let short = api.strip_prefix("Push").unwrap_or(api);
    short.strip_suffix("Message").unwrap_or(short)
}

/// What to do while there is nothing to show.
pub(super) fn nothing(model: &Model, pen: &mut Pen<'_>, filtered: bool) {
    let lines = if filtered {
        vec!["No node matches the filter. Esc shows all again.".to_owned()]
    } else {
        links(model)
    };
    let width = pen.width().saturating_sub(2);
    let wrapped = lines.iter().flat_map(|line| text::wrapped(line, width));
    for (row, line) in wrapped.enumerate() {
        pen.put(1, row, &line, Role::Plain);
    }
}

fn links(model: &Model) -> Vec<String> {
    let mut lines = Vec::new();
    let now = model.shown_at();
    for replica in model.shown().replicas() {
        let name = replica.name();
        match replica.link() {
            Link::Connecting => lines.push(format!("Connecting to {name} ...")),
            Link::Live if replica.freshness(now) == Freshness::Live => {
                lines.push(format!(
                    "{name} knows no nodes: none is registered, or it is not ready."
                ));
            }
            Link::Live => lines.push(format!("{name} says nothing.")),
            Link::Retrying { why, again_at } => lines.push(format!(
                "No replica answers at {name}: {why}; next try in {}.",
                number::age(Some(again_at.since(now)))
            )),
            Link::Refused { why } => lines.push(format!("{name}: {why}")),
            Link::Gone => {}
        }
    }
    if lines.is_empty() {
        lines.push(format!("Looking for replicas: {}", model.options.source));
    } else if model.shown().totals().counted.is_empty() {
        lines.push(
            "Start one with `push-manager dev --demo`, or name another with --addr.".to_owned(),
        );
    }
    lines
}
