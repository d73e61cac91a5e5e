//! RPCs: rates, percentiles, failures by reason, latency over time.

use super::{
    chart, layout, number,
    overview::short_name,
    pen::Pen,
    table::{self, Column},
    text,
    theme::Role,
};
use crate::{
    app::Model,
    fleet::{Api, Window, api::ApiWindow, history::HEAT_BOUNDS_US},
};

const COLUMNS: [Column; 11] = [
    Column::word("API", 10, 99),
    Column::number("RATE/s", 7, 90),
    Column::number("OK/s", 7, 60),
    Column::number("FAIL/s", 6, 80),
    Column::number("CANC/s", 6, 20),
    Column::number("INFL", 6, 50),
    Column::number("p50", 6, 70),
    Column::number("p90", 6, 10),
    Column::number("p99", 6, 85),
    Column::number("p99.9", 6, 40),
    Column::number("max ms", 7, 30),
];

pub(super) fn draw(model: &Model, pen: &mut Pen<'_>) {
    let apis = model.shown().apis();
    let height = layout::pushes_upper(pen.area.height, apis.len());
    let (upper, lower) = layout::rows(pen.area, height);
    table(model, &mut pen.part(upper));
    let selected = model.pushes.selected.as_ref();
    let Some(api) = apis.iter().find(|api| Some(&api.name) == selected) else {
        let mut rest = pen.part(lower);
        let mut inner = rest.boxed("");
        super::overview::nothing(model, &mut inner, false);
        return;
    };
    let (left, right) = layout::halves(lower);
    reasons(model, api, &mut pen.part(left));
    heat(api, &mut pen.part(right));
}

fn table(model: &Model, pen: &mut Pen<'_>) {
    let counted = model.shown().totals().counted.len();
    let window = model.pushes.window;
    let others: Vec<_> = Window::ALL
        .iter()
        .map(|other| {
            if *other == window {
                format!("[{}]", other.label())
            } else {
                other.label().to_owned()
            }
        })
        .collect();
    let title = format!(
        "APIs  window {}  merged from {counted} replica{}",
        others.join(" "),
        if counted == 1 { "" } else { "s" }
    );
    let mut inner = pen.boxed(&title);
    let kept = table::fitting(&COLUMNS, inner.width().saturating_sub(1));
    let taken: usize = kept.iter().map(|at| COLUMNS[*at].width + 1).sum();
    let spark = inner.width().saturating_sub(taken + 2).min(60);
    let names = kept.iter().map(|at| COLUMNS[*at].cell(COLUMNS[*at].name));
    let at = inner.put(1, 0, &names.collect::<String>(), Role::Dim);
    if spark > 8 {
        inner.put(at + 1, 0, &chart::history_span(spark), Role::Dim);
    }
    for (row, api) in model.shown().apis().iter().enumerate() {
        let figures = api.windows.get(&window).cloned().unwrap_or_default();
        let is_cursor = model.pushes.selected.as_ref() == Some(&api.name);
        let cursor = if is_cursor {
            inner.look.glyphs.cursor()
        } else {
            " "
        };
        let role = if figures.failed_ratio.is_some_and(|ratio| ratio > 0.01) {
            Role::Warn
        } else {
            Role::Plain
        };
        let figures = figures_of(api, &figures);
        let cells = kept.iter().map(|at| COLUMNS[*at].cell(&figures[*at]));
        let line = cursor.to_owned() + &cells.collect::<String>();
        let at = inner.put(0, row + 1, &line, role);
        if spark > 8 {
            let line = chart::history(&api.rate_history, spark, inner.look.glyphs);
            inner.put(at + 1, row + 1, &line, Role::Series(0));
        }
        if is_cursor {
            inner.highlight(row + 1);
        }
    }
}

/// A row's texts in the order of [`COLUMNS`].
fn figures_of(api: &Api, figures: &ApiWindow) -> [String; COLUMNS.len()] {
    let latency = &figures.latency;
    [
        short_name(&api.name).to_owned(),
        number::rate(figures.rate),
        number::rate(figures.ok_rate),
        number::rate(figures.failed_rate),
        number::rate(figures.cancelled_rate),
        number::count(api.in_flight),
        number::millis(latency.p50),
        number::millis(latency.p90),
        number::millis(latency.p99),
        number::millis(latency.p999),
        number::millis(latency.max),
    ]
}

fn reasons(model: &Model, api: &Api, pen: &mut Pen<'_>) {
    let figures = api
        .windows
        .get(&model.pushes.window)
        .cloned()
        .unwrap_or_default();
    let name = short_name(&api.name);
    let mut inner = pen.boxed(&format!("{name}  failed targets by reason"));
    let sum: f64 = figures.reasons.values().sum();
    if sum <= 0.0 {
        inner.put(1, 0, "none in this window", Role::Good);
        return;
    }
    let mut reasons: Vec<_> = figures.reasons.iter().collect();
    reasons.sort_by(|(_, one), (_, other)| other.total_cmp(one));
    // Name, rate, spaces and percent take 36 columns; the bar has what is left.
    let bar = inner.width().saturating_sub(36).min(40);
    for (row, (reason, rate)) in reasons.into_iter().enumerate() {
        let share = rate / sum;
        let line = format!(
            "{}{}/s  {} {:>3.0}%",
            text::fit(&reason.replace('_', " "), 19),
            text::fit_right(&number::short(*rate), 6),
            chart::bar(share, bar, inner.look.glyphs),
            share * 100.0
        );
        inner.put(0, row, &line, Role::Warn);
    }
}

fn heat(api: &Api, pen: &mut Pen<'_>) {
    let name = short_name(&api.name);
    let mut inner = pen.boxed(&format!("{name}  latency, 5 s a column"));
    let rows = HEAT_BOUNDS_US.len() + 1;
    let (width, height) = (inner.width(), inner.height());
    let shown = rows.min(height);
    let columns = width.saturating_sub(7);
    let skip = api.heat.len().saturating_sub(columns);
    let most = api
        .heat
        .iter()
        .flatten()
        .flatten()
        .copied()
        .max()
        .unwrap_or(0);
    for row in 0..shown {
        // The slowest stands at the top.
        let bucket = rows - 1 - row;
        let label = match HEAT_BOUNDS_US.get(bucket) {
            Some(bound) if *bound >= 1_000_000 => format!("<{}s", bound / 1_000_000),
            Some(bound) if *bound >= 1_000 => format!("<{}ms", bound / 1_000),
            Some(bound) => format!("<{:.1}ms", *bound as f64 / 1e3),
            None => "more".to_owned(),
        };
        inner.put(0, row, &text::fit_right(&label, 6), Role::Dim);
        let offset = 7 + columns - (api.heat.len() - skip);
        for (at, column) in api.heat[skip..].iter().enumerate() {
            let glyphs = inner.look.glyphs;
            let (glyph, role) = match column {
                None => (glyphs.gap(), Role::Dim),
                Some(counts) => match counts.get(bucket).copied().unwrap_or(0) {
                    0 => (" ", Role::Dim),
                    count => {
                        let share = count as f64 / most as f64;
                        let shade = (share * 4.0).ceil().clamp(1.0, 4.0) as usize - 1;
                        (glyphs.shades()[shade], Role::Series(0))
                    }
                },
            };
            inner.put(offset + at, row, glyph, role);
        }
    }
}
