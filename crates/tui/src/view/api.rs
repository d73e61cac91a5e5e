//! One RPC: its figures, what each replica counts, and the latest failed pushes.

use std::time::{Duration, SystemTime};

use push_manager_proto::admin::FailedPush;

use super::{chart, events, layout, number, pen::Pen, table::Column, text, theme::Role};
use crate::{
    app::{Failed, Model},
    fleet::Api,
    replica::{Freshness, Replica, ReplicaId},
};

const PUSHES: [Column; 5] = [
    Column::word("TIME (UTC)", 12, 90),
    Column::word("REP", 3, 60),
    Column::number("TOOK", 7, 70),
    Column::number("TARGETS", 8, 50),
    Column::word("FAILED", 99, 80),
];
/// Lines that a failed push takes: its figures, then its id and what the caller was told.
const LINES: usize = 2;

pub(super) fn draw(model: &Model, name: &str, pen: &mut Pen<'_>) {
    let Some(api) = model.shown().apis().iter().find(|api| api.name == name) else {
        pen.put(
            1,
            0,
            &format!("{name}: no replica that is heard has it. Esc goes back."),
            Role::Plain,
        );
        return;
    };
    let (head, rest) = layout::rows(pen.area, 2);
    heading(model, api, &mut pen.part(head));
    let live = live(model);
    let (upper, lower) = layout::rows(rest, (live.len() as u16 + 3).clamp(4, rest.height / 2));
    replicas(model, &live, &mut pen.part(upper));
    failed(model, &live, &mut pen.part(lower));
}

fn live(model: &Model) -> Vec<ReplicaId> {
    let now = model.shown_at();
    let replicas = model.shown().replicas().iter();
    let live = replicas.filter(|replica| replica.freshness(now) == Freshness::Live);
    live.map(Replica::id).collect()
}

fn heading(model: &Model, api: &Api, pen: &mut Pen<'_>) {
    let window = model.pushes.window;
    let figures = api.windows.get(&window).cloned().unwrap_or_default();
    let latency = &figures.latency;
    let at = pen.put(1, 0, &format!("Pushes > {}", api.name), Role::Heading);
    let facts = format!(
        "{}: {}/s  failed {} %  in flight {}",
        window.label(),
        number::rate(figures.rate),
        number::percent(figures.failed_ratio),
        number::count(api.in_flight)
    );
    pen.put(at + 2, 0, &facts, Role::Plain);
    let times = format!(
        "p50 {}  p90 {}  p99 {}  p99.9 {}  max {} ms",
        number::millis(latency.p50),
        number::millis(latency.p90),
        number::millis(latency.p99),
        number::millis(latency.p999),
        number::millis(latency.max)
    );
    let at = pen.put(1, 1, &times, Role::Plain);
    let spark = pen.width().saturating_sub(at + 3).min(60);
    let line = chart::history(&api.rate_history, spark, pen.look.glyphs);
    pen.put(at + 2, 1, &line, Role::Series(0));
}

fn replicas(model: &Model, live: &[ReplicaId], pen: &mut Pen<'_>) {
    let mut inner = pen.boxed("by replica, since its start");
    let heading = format!(
        "{}{:>6}{:>12}{:>12}  {}",
        text::fit("", 3),
        "INFL",
        "PUSHES OK",
        "PUSHES FAIL",
        "ANSWERS"
    );
    inner.put(0, 0, &heading, Role::Dim);
    for (row, id) in live.iter().enumerate() {
        let at = inner.put(0, row + 1, &text::fit(&id.to_string(), 3), Role::Plain);
        let told = model
            .details
            .api(*id, model.now)
            .and_then(|told| told.api.as_ref());
        let Some(api) = told else {
            let why = model
                .details
                .untold(*id, model.now)
                .unwrap_or(unasked(model));
            inner.put(at + 1, row + 1, why, Role::Dim);
            continue;
        };
        let answers = api
            .requests
            .iter()
            .map(|(code, count)| format!("{code} {}", number::count(*count)));
        let line = format!(
            "{}{}{}  {}",
            text::fit_right(&number::count(api.in_flight.into()), 6),
            text::fit_right(&number::count(api.succeeded), 12),
            text::fit_right(&number::count(api.unsuccessful), 12),
            answers.collect::<Vec<_>>().join("  ")
        );
        inner.put(at, row + 1, &line, Role::Plain);
    }
}

/// Why there is nothing yet.
fn unasked(model: &Model) -> &'static str {
    if model.options.replay {
        "a recording does not hold this"
    } else if model.time == crate::app::TimeState::Live {
        "asking ..."
    } else {
        "told of the present alone: End"
    }
}

fn failed(model: &Model, live: &[ReplicaId], pen: &mut Pen<'_>) {
    let pushes = model.details.failed_pushes(model.now);
    let title = format!(
        "failed pushes, the latest {}, noted while looked at",
        pushes.len()
    );
    let mut inner = pen.boxed(&title);
    if pushes.is_empty() {
        let told = live
            .iter()
            .any(|id| model.details.api(*id, model.now).is_some());
        let (words, role) = if told {
            ("none since this was opened", Role::Good)
        } else {
            (unasked(model), Role::Dim)
        };
        inner.put(1, 0, words, role);
        return;
    }
    let names = PUSHES.map(|column| column.cell(column.name));
    inner.put(0, 0, names.concat().trim_end(), Role::Dim);
    let room = inner.height().saturating_sub(1) / LINES;
    for (place, failed) in pushes.iter().take(room).enumerate() {
        let row = 1 + place * LINES;
        let cells = PUSHES.iter().zip(cells(failed));
        let line = cells.map(|(column, text)| column.cell(&text));
        inner.put(0, row, line.collect::<String>().trim_end(), Role::Plain);
        let push = failed.push;
        let id = if push.push_id.is_empty() {
            "not carried out"
        } else {
            &push.push_id
        };
        let at = inner.put(5, row + 1, id, Role::Dim);
        inner.put(at + 2, row + 1, &push.message, Role::Warn);
    }
}

/// A row's texts in the order of [`PUSHES`].
fn cells(failed: &Failed<'_>) -> [String; PUSHES.len()] {
    let push = failed.push;
    [
        events::time(wall(push)),
        failed.replica.to_string(),
        number::age(Some(Duration::from_micros(push.took_us))),
        number::count(push.targets),
        reasons(push),
    ]
}

fn reasons(push: &FailedPush) -> String {
    let reasons = push.failed.iter();
    let told = reasons
        .map(|(reason, count)| format!("{} {}", reason.replace('_', " "), number::count(*count)));
    told.collect::<Vec<_>>().join(", ")
}

fn wall(push: &FailedPush) -> SystemTime {
    let told = push.wall_time.and_then(|time| time.try_into().ok());
    told.unwrap_or(SystemTime::UNIX_EPOCH)
}
