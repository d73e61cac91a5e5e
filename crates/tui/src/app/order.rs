//! Which rows a table shows, and in which order; made anew only when something changed.

use std::{cmp::Ordering, collections::BTreeSet};

use push_manager_proto::admin::EventLevel;

use super::{Model, SortKey, TimeState};
use crate::{
    filter::Filter,
    fleet::{EventItem, Node, NodeName, Window},
    replica::ReplicaId,
};

/// The sort key after this one, in the order of the columns.
pub(super) fn next(key: SortKey) -> SortKey {
    match key {
        SortKey::Problem => SortKey::Name,
        SortKey::Name => SortKey::State,
        SortKey::State => SortKey::InFlight,
        SortKey::InFlight => SortKey::Queue,
        SortKey::Queue => SortKey::Rtt,
        SortKey::Rtt => SortKey::Errors,
        SortKey::Errors => SortKey::Rate,
        SortKey::Rate => SortKey::Age,
        SortKey::Age => SortKey::Problem,
    }
}

/// The window after this one.
pub(super) fn next_window(window: Window) -> Window {
    let at = Window::ALL.iter().position(|other| *other == window);
    Window::ALL[(at.unwrap_or(0) + 1) % Window::ALL.len()]
}

/// Brings the rows of all tables up to date.
pub(super) fn refresh(model: &mut Model) {
    refresh_nodes(model);
    refresh_events(model);
    refresh_problems(model);
    let apis = model.shown().apis();
    let known = |name: &String| apis.iter().any(|api| api.name == *name);
    if !model.pushes.selected.as_ref().is_some_and(known) {
        model.pushes.selected = apis.first().map(|api| api.name.clone());
    }
    refresh_replicas(model);
}

fn refresh_replicas(model: &mut Model) {
    let ids: Vec<_> = model.listed().map(crate::replica::Replica::id).collect();
    let page = crate::view::page_rows(model);
    let state = &mut model.replicas;
    let at = ids.iter().position(|id| state.selected == Some(*id));
    let at = at.unwrap_or(0);
    state.selected = ids.get(at).copied();
    state.top = scrolled(state.top, at, ids.len(), page);
}

/// The cursor stays on its problem; where that is over, at its place.
fn refresh_problems(model: &mut Model) {
    let page = crate::view::problem_rows(model.size);
    let problems = model.past.as_deref().unwrap_or(&model.fleet).problems();
    let state = &mut model.overview;
    let kept = state.held.as_ref();
    let at = kept.and_then(|held| problems.iter().position(|other| held.is(other)));
    let last = problems.len().saturating_sub(1);
    state.selected = at.unwrap_or(state.selected.min(last));
    if at.is_none() {
        state.held = None;
    }
    state.top = scrolled(state.top, state.selected, problems.len(), page);
}

/// What the order of nodes was made of.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct OrderedBy {
    revision: u64,
    shown: Shown,
    sort: SortKey,
    reversed: bool,
    filter: String,
    frozen: bool,
}

/// Which fleet is shown: revisions of different ones are not to be compared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Shown {
    time: TimeState,
    only: Option<ReplicaId>,
}

impl Shown {
    fn of(model: &Model) -> Self {
        Self {
            time: model.time,
            only: model.only,
        }
    }
}

fn refresh_nodes(model: &mut Model) {
    let by = OrderedBy {
        revision: model.shown().revision(),
        shown: Shown::of(model),
        sort: model.nodes.sort,
        reversed: model.nodes.reversed,
        filter: model.nodes.filter_text.clone(),
        frozen: model.nodes.frozen,
    };
    if by != model.nodes.ordered_by {
        let order = if model.nodes.frozen && !model.nodes.order.is_empty() {
            frozen(model)
        } else {
            sorted(model)
        };
        model.nodes.order = order;
        model.nodes.ordered_by = by;
        // Who is marked is acted on in the present, whatever past is looked at.
        let nodes = model.fleet.nodes();
        model.nodes.marked.retain(|name| nodes.contains_key(name));
    }
    keep_cursor(model);
}

/// The order stands; who came stands at its end.
fn frozen(model: &Model) -> Vec<NodeName> {
    let nodes = model.shown().nodes();
    let there = model
        .nodes
        .order
        .iter()
        .filter(|name| nodes.contains_key(*name));
    let mut order: Vec<NodeName> = there.cloned().collect();
    let known: BTreeSet<NodeName> = order.iter().cloned().collect();
    order.extend(
        sorted(model)
            .into_iter()
            .filter(|name| !known.contains(name)),
    );
    order
}

fn sorted(model: &Model) -> Vec<NodeName> {
    let state = &model.nodes;
    let nodes = model.shown().nodes().values();
    let shown = nodes.filter(|node| {
        state
            .filter
            .as_ref()
            .is_none_or(|filter| filter.matches(node))
    });
    let mut rows: Vec<(Weight, &Node)> = shown
        .map(|node| (Weight::of(node, state.sort), node))
        .collect();
    rows.sort_by(|(one, first), (other, second)| {
        let by_weight = other.compare(*one);
        let by_weight = if state.reversed {
            by_weight.reverse()
        } else {
            by_weight
        };
        let by_name = natural(&first.name.0, &second.name.0);
        let by_name = if state.reversed && state.sort == SortKey::Name {
            by_name.reverse()
        } else {
            by_name
        };
        by_weight.then(by_name)
    });
    rows.into_iter()
        .map(|(_, node)| node.name.clone())
        .collect()
}

/// What a row is sorted by, the heaviest first; nothing known is lightest.
#[derive(Clone, Copy, Debug)]
struct Weight(f64);

impl Weight {
    fn of(node: &Node, key: SortKey) -> Self {
        let known = |value: Option<f64>| value.unwrap_or(-1.0);
        Self(match key {
            SortKey::Problem => node
                .warning
                .map_or(0.0, |warning| 1.0 + f64::from(warning as u8)),
            SortKey::Name => 0.0,
            SortKey::State => -f64::from(node.word as u8),
            SortKey::InFlight => node.in_flight as f64,
            SortKey::Queue => node.queue_ratio,
            SortKey::Rtt => known(node.rtt.p99.map(|time| time.as_secs_f64())),
            SortKey::Errors => known(node.failed_ratio),
            SortKey::Rate => known(node.delivered_rate),
            SortKey::Age => known(node.since.map(|age| age.as_secs_f64())),
        })
    }

    fn compare(self, other: Self) -> Ordering {
        self.0.total_cmp(&other.0)
    }
}

/// Text as people count: push-2 before push-10.
pub(super) fn natural(one: &str, other: &str) -> Ordering {
    let (mut left, mut right) = (one.chars().peekable(), other.chars().peekable());
    loop {
        let order = match (left.peek(), right.peek()) {
            (None, None) => return one.cmp(other),
            (None, Some(_)) => return Ordering::Less,
            (Some(_), None) => return Ordering::Greater,
            (Some(a), Some(b)) if a.is_ascii_digit() && b.is_ascii_digit() => {
                number(&mut left).cmp(&number(&mut right))
            }
            (Some(a), Some(b)) => {
                let order = a.cmp(b);
                left.next();
                right.next();
                order
            }
        };
        if order != Ordering::Equal {
            return order;
        }
    }
}

fn number(chars: &mut std::iter::Peekable<std::str::Chars<'_>>) -> u128 {
    let mut number = 0_u128;
    while let Some(digit) = chars.peek().and_then(|digit| digit.to_digit(10)) {
        number = number.saturating_mul(10).saturating_add(u128::from(digit));
        chars.next();
    }
    number
}

/// The cursor stays on its node; where that is gone, at its place.
fn keep_cursor(model: &mut Model) {
    let page = crate::view::page_rows(model);
    let state = &mut model.nodes;
    let at = state
        .selected
        .as_ref()
        .and_then(|name| state.order.iter().position(|other| other == name));
    let last = state.order.len().saturating_sub(1);
    state.selected_at = at.unwrap_or(state.selected_at.min(last));
    state.selected = state.order.get(state.selected_at).cloned();
    state.top = scrolled(state.top, state.selected_at, state.order.len(), page);
}

/// The first row to show so that the cursor is on the page, and the page is full where it can be.
pub(super) fn scrolled(top: usize, at: usize, rows: usize, page: usize) -> usize {
    let page = page.max(1);
    let top = top.min(rows.saturating_sub(page));
    top.clamp((at + 1).saturating_sub(page), at)
}

/// Takes a filter in; what is no filter is refused by whoever typed it.
pub(super) fn set_filter(model: &mut Model, text: &str, filter: Filter) {
    let text = text.trim();
    text.clone_into(&mut model.nodes.filter_text);
    model.nodes.filter = (!text.is_empty()).then_some(filter);
    model.nodes.frozen = false;
}

pub(super) fn clear_filter(model: &mut Model) {
    model.nodes.filter_text.clear();
    model.nodes.filter = None;
}

/// Shows only the nodes that have a problem of this kind.
pub(super) fn filter_problem(model: &mut Model, kind: &str) {
    let text = format!("problem={kind}");
    if let Ok(filter) = Filter::parse(&text) {
        set_filter(model, &text, filter);
    }
}

/// What the order of events was made of.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct EventsBy {
    newest: Option<u64>,
    count: usize,
    shown: Shown,
    level: Option<EventLevel>,
    kind: String,
    text: String,
    node: Option<NodeName>,
}

fn refresh_events(model: &mut Model) {
    let by = {
        let events = model.shown().events();
        EventsBy {
            newest: events.items().map(|item| item.id).max(),
            count: events.items().len(),
            shown: Shown::of(model),
            level: model.events.level,
            kind: model.events.kind.clone(),
            text: model.events.text.clone(),
            node: model.events.node.clone(),
        }
    };
    if by != model.events.ordered_by {
        let items = model.shown().events().items().rev();
        let shown = items
            .filter(|item| is_shown(model, item))
            .map(|item| item.id);
        model.events.order = shown.collect();
        model.events.ordered_by = by;
    }
    let page = crate::view::page_rows(model);
    let state = &mut model.events;
    if state.selected.is_some_and(|id| !state.order.contains(&id)) {
        state.selected = None;
    }
    let at = state
        .selected
        .and_then(|id| state.order.iter().position(|other| *other == id));
    state.top = scrolled(state.top, at.unwrap_or(0), state.order.len(), page);
}

fn is_shown(model: &Model, item: &EventItem) -> bool {
    let state = &model.events;
    let grave = state
        .level
        .is_none_or(|least| item.level as i32 >= least as i32);
    let text = state.text.to_lowercase();
    let found = text.is_empty()
        || item.message.to_lowercase().contains(&text)
        || item.kind.contains(&text)
        || item.actor.to_lowercase().contains(&text)
        || item
            .node
            .as_ref()
            .is_some_and(|node| node.0.to_lowercase().contains(&text));
    grave
        && found
        && item.kind.starts_with(&state.kind)
        && state
            .node
            .as_ref()
            .is_none_or(|node| item.node.as_ref() == Some(node))
}

pub(super) fn next_level(model: &mut Model) {
    model.events.level = match model.events.level {
        None | Some(EventLevel::Unspecified | EventLevel::Info) => Some(EventLevel::Warn),
        Some(EventLevel::Warn) => Some(EventLevel::Error),
        Some(EventLevel::Error | EventLevel::Audit) => None,
    };
}

pub(super) fn toggle_kind(model: &mut Model) {
    let kind = super::cursor::event(model).map(|item| item.kind.clone());
    model.events.kind = match kind {
        Some(kind) if model.events.kind.is_empty() => kind,
        _ => String::new(),
    };
}

pub(super) fn events_are_narrowed(model: &Model) -> bool {
    let state = &model.events;
    state.level.is_some()
        || state.node.is_some()
        || !state.kind.is_empty()
        || !state.text.is_empty()
}

pub(super) fn widen_events(model: &mut Model) {
    let state = &mut model.events;
    (state.level, state.node) = (None, None);
    state.kind.clear();
    state.text.clear();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_ordered_as_people_count() {
        let mut names = [
            "push-10",
            "push-2",
            "push-2b",
            "push-02",
            "push",
            "推送-9",
            "推送-10",
        ];
        names.sort_by(|one, other| natural(one, other));
        assert_eq!(
            names,
            [
                "push",
                "push-02",
                "push-2",
                "push-2b",
                "push-10",
                "推送-9",
                "推送-10"
            ]
        );
    }

    #[test]
    fn the_cursor_is_always_on_the_page() {
        for rows in 0..30 {
            for at in 0..rows.max(1) {
                for top in 0..40 {
                    let top = scrolled(top, at, rows, 7);
                    assert!(top <= at && at < top + 7, "{top} {at} {rows}");
                }
            }
        }
    }
}
