//! RPCs of all live replicas merged: windows, latency heat.

use std::collections::BTreeMap;

use histogram::SparseHistogram;
use push_manager_proto::admin::ApiRow;

use super::{
    Api, Percentiles, Series, Window,
    api::ApiWindow,
    history::{HEAT_BOUNDS_US, gained, merged, percentiles, read},
    timeline::{Entry, grown, rate},
    track::{Track, rate_between},
};
use crate::{
    moment::Moment,
    replica::{Freshness, Replica},
};

/// The push API's RPCs in the order in which they are shown; others follow by name.
const ORDER: [&str; 3] = ["PushToUser", "PushToRoom", "BroadcastMessage"];
/// Columns of the heat map.
const HEAT_COLUMNS: usize = 60;
/// Seconds in a column.
pub(super) const HEAT_SECONDS: u64 = 5;

/// Live replicas with their memory.
type Live<'a> = Vec<(&'a Replica, &'a Track)>;

/// Brings RPCs up to date; `point` adds a point to their histories, `column` one to their heat.
pub(super) fn apis(
    apis: &mut Vec<Api>,
    replicas: &[Replica],
    tracks: &[Track],
    now: Moment,
    (point, column): (bool, bool),
) {
    let live = live(replicas, tracks, now);
    for name in live
        .iter()
        .flat_map(|(replica, _)| replica.rows().apis.keys())
    {
        if !apis.iter().any(|api| api.name == *name) {
            apis.push(blank(name));
        }
    }
    apis.sort_by_key(|api| {
        let place = ORDER.iter().position(|name| *name == api.name);
        (place.unwrap_or(ORDER.len()), api.name.clone())
    });
    for api in apis {
        refresh(api, &live, now);
        if point {
            let rate = api
                .windows
                .get(&Window::Seconds10)
                .and(rate_now(&api.name, &live));
            api.rate_history.push(rate);
        }
        if column {
            push_column(api, heat_column(&api.name, &live, now));
        }
    }
}

/// Seconds and columns that nobody looked at.
pub(super) fn gaps(apis: &mut [Api], seconds: u64, columns: u64) {
    for api in apis {
        (0..seconds).for_each(|_| api.rate_history.push(None));
        let columns = columns.min(HEAT_COLUMNS as u64);
        (0..columns).for_each(|_| push_column(api, None));
    }
}

fn push_column(api: &mut Api, column: Option<Vec<u64>>) {
    if api.heat.len() >= HEAT_COLUMNS {
        api.heat.remove(0);
    }
    api.heat.push(column);
}

pub(super) fn live<'a>(replicas: &'a [Replica], tracks: &'a [Track], now: Moment) -> Live<'a> {
    let all = replicas.iter().zip(tracks);
    all.filter(|(replica, _)| replica.freshness(now) == Freshness::Live)
        .collect()
}

fn blank(name: &str) -> Api {
    Api {
        name: name.to_owned(),
        in_flight: 0,
        rate_history: Series::default(),
        requests: BTreeMap::new(),
        targets: BTreeMap::new(),
        failed: BTreeMap::new(),
        windows: BTreeMap::new(),
        heat: Vec::new(),
    }
}

fn refresh(api: &mut Api, live: &Live<'_>, now: Moment) {
    let rows = || {
        live.iter()
            .filter_map(|(replica, _)| replica.rows().apis.get(&api.name))
    };
    let in_flight = rows().map(|row| u64::from(row.in_flight)).sum();
    let requests = add_up(rows().map(|row| &row.requests));
    let targets = add_up(rows().map(|row| &row.targets));
    let failed = add_up(rows().map(|row| &row.failed));
    let windows = Window::ALL.map(|window| (window, over(&api.name, window, live, now)));
    (api.in_flight, api.requests, api.targets, api.failed) = (in_flight, requests, targets, failed);
    api.windows = windows.into();
}

/// The sum of cumulative counts by label.
pub(super) fn add_up<'a>(
    maps: impl Iterator<Item = &'a BTreeMap<String, u64>>,
) -> BTreeMap<String, u64> {
    let mut sum = BTreeMap::new();
    for (label, count) in maps.flatten() {
        let sum: &mut u64 = sum.entry(label.clone()).or_default();
        *sum = sum.saturating_add(*count);
    }
    sum
}

fn rate_now(name: &str, live: &Live<'_>) -> Option<f64> {
    let lines = live.iter().filter_map(|(_, track)| track.apis.get(name));
    lines
        .filter_map(|line| line.last_two())
        .filter_map(|(before, after)| rate_between(before, after, |row| answered(row)))
        .reduce(|sum, more| sum + more)
}

fn answered(row: &ApiRow) -> u64 {
    row.requests
        .values()
        .fold(0, |sum, more| sum.saturating_add(*more))
}

fn cancelled(row: &ApiRow) -> u64 {
    row.requests.get("CANCELLED").copied().unwrap_or(0)
}

fn answered_ok(row: &ApiRow) -> u64 {
    row.requests.get("OK").copied().unwrap_or(0)
}

type Row = std::sync::Arc<ApiRow>;

fn over(name: &str, window: Window, live: &Live<'_>, now: Moment) -> ApiWindow {
    let mut sum = ApiWindow::default();
    let mut latency: Option<SparseHistogram> = None;
    let (mut answers, mut failures) = (0_u64, 0_u64);
    for (replica, track) in live {
        let Some(line) = track.apis.get(name) else {
            continue;
        };
        let (Some(before), Some(after)) = (line.begin_of(window.length(), now), line.latest())
        else {
            continue;
        };
        let seconds = after.ns.saturating_sub(before.ns) as f64 / 1e9;
        sum.seconds = sum.seconds.max(seconds);
        let (all, left) = (
            growth(before, after, answered),
            growth(before, after, cancelled),
        );
        // Answered OK, and the push was a success; whoever left counts as neither. The difference
        // of the two growths, since the difference of the two counters may go back: a push is
        // counted as unsuccessful a little before its request as answered.
        let fine =
            growth(before, after, answered_ok)
                .saturating_sub(growth(before, after, |row| row.unsuccessful));
        let failed = all.saturating_sub(left).saturating_sub(fine);
        answers = answers.saturating_add(all.saturating_sub(left));
        failures = failures.saturating_add(failed);
        let per_second = |grown| rate(grown, before.ns, after.ns);
        add(&mut sum.rate, per_second(all));
        add(&mut sum.ok_rate, per_second(fine));
        add(&mut sum.failed_rate, per_second(failed));
        add(&mut sum.cancelled_rate, per_second(left));
        for (reason, now) in &after.figures.failed {
            let before_count = before.figures.failed.get(reason).copied().unwrap_or(0);
            let grown = grown(*now, before_count);
            if let (true, Some(rate)) = (grown > 0, per_second(grown)) {
                *sum.reasons.entry(reason.clone()).or_default() += rate;
            }
        }
        latency = join(latency, spread(replica, before, after));
    }
    sum.failed_ratio = (answers > 0).then(|| failures as f64 / answers as f64);
    sum.latency = latency.as_ref().map(percentiles).unwrap_or_default();
    sum
}

fn growth(before: &Entry<Row>, after: &Entry<Row>, counter: fn(&ApiRow) -> u64) -> u64 {
    grown(counter(&after.figures), counter(&before.figures))
}

fn add(sum: &mut Option<f64>, more: Option<f64>) {
    if let Some(more) = more {
        *sum = Some(sum.unwrap_or(0.0) + more);
    }
}

fn join(sum: Option<SparseHistogram>, more: Option<SparseHistogram>) -> Option<SparseHistogram> {
    match (sum, more) {
        (Some(sum), Some(more)) => Some(merged(sum, &more)),
        (one, other) => one.or(other),
    }
}

/// Latencies between two entries.
fn spread(replica: &Replica, before: &Entry<Row>, after: &Entry<Row>) -> Option<SparseHistogram> {
    if before.ns >= after.ns {
        return None;
    }
    let layout = replica.latency_layout();
    let now = read(layout, after.figures.latency.as_ref()?)?;
    let told = before.figures.latency.as_ref();
    match told.and_then(|told| read(layout, told)) {
        Some(before) => gained(&now, &before),
        None => Some(now),
    }
}

/// Latencies of all RPCs over a window.
pub(super) fn latency_of_all(live: &Live<'_>, window: Window, now: Moment) -> Percentiles {
    let mut sum = None;
    for (replica, track) in live {
        for line in track.apis.values() {
            if let (Some(before), Some(after)) =
                (line.begin_of(window.length(), now), line.latest())
            {
                sum = join(sum, spread(replica, before, after));
            }
        }
    }
    sum.as_ref().map(percentiles).unwrap_or_default()
}

/// The last seconds' latencies by row; nothing when no replica is live.
fn heat_column(name: &str, live: &Live<'_>, now: Moment) -> Option<Vec<u64>> {
    if live.is_empty() {
        return None;
    }
    let window = std::time::Duration::from_secs(HEAT_SECONDS);
    let mut column = vec![0_u64; HEAT_BOUNDS_US.len() + 1];
    for (replica, track) in live {
        let Some(line) = track.apis.get(name) else {
            continue;
        };
        let ends = line.begin_of(window, now).zip(line.latest());
        let Some(spread) = ends.and_then(|(before, after)| spread(replica, before, after)) else {
            continue;
        };
        for bucket in &spread {
            let row = HEAT_BOUNDS_US.partition_point(|bound| *bound <= bucket.start());
            column[row] = column[row].saturating_add(bucket.count());
        }
    }
    Some(column)
}
