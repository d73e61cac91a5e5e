//! Replicas and the links to them.

use push_manager_proto::admin::Readiness;

use super::{
    number,
    pen::Pen,
    text,
    theme::{Role, of_replica},
};
use crate::{
    app::Model,
    replica::{Freshness, Link, Replica},
};

pub(super) fn draw(model: &Model, pen: &mut Pen<'_>) {
    let title = format!("Replicas  source: {}", model.options.source);
    let mut inner = pen.boxed(&title);
    let replicas = model.shown().replicas();
    if replicas.is_empty() {
        super::overview::nothing(model, &mut inner, false);
        return;
    }
    let name = (inner.width().saturating_sub(78)).clamp(14, 40);
    let heading = format!(
        "  {}{}{}{:>6}{:>9}{:>7}{:>7}{:>8}{:>8}  {}",
        text::fit("REP", 4),
        text::fit("TARGET", name + 1),
        text::fit("LINK", 12),
        "AGE",
        "SEQ",
        "COALES",
        "MISSED",
        "NODES",
        "PUSH/s",
        text::fit("VERSION", 10)
    );
    inner.put(0, 0, &heading, Role::Dim);
    for (row, replica) in replicas.iter().enumerate() {
        line(model, &mut inner, row + 1, replica, name);
        if model.replicas.selected == Some(replica.id()) {
            inner.put(0, row + 1, inner.look.glyphs.cursor(), Role::Plain);
            inner.highlight(row + 1);
        }
    }
    detail(model, &mut inner, replicas.len() + 2);
}

fn line(model: &Model, pen: &mut Pen<'_>, row: usize, replica: &Replica, name: usize) {
    let now = model.shown_at();
    let freshness = replica.freshness(now);
    let at = pen.put(
        2,
        row,
        &text::fit(&replica.id().to_string(), 4),
        Role::Plain,
    );
    let at = pen.put(at, row, &text::fit(replica.name(), name + 1), Role::Plain);
    let (word, why) = link(model, replica);
    let word = format!("{} {word}", pen.look.glyphs.replica(freshness));
    let at = pen.put(at, row, &text::fit(&word, 12), of_replica(freshness));
    let rate = number::rate(model.shown().push_rate(replica.id()));
    // What is no longer true stands in brackets, and in no sum.
    let rate = if freshness == Freshness::Live {
        rate
    } else {
        format!("({rate})")
    };
    let version = replica
        .info()
        .map(|info| info.version.clone())
        .unwrap_or_default();
    let line = format!(
        "{}{}{}{}{}{}  {}",
        text::fit_right(&number::age(replica.age(now)), 6),
        text::fit_right(&number::count(replica.seq()), 9),
        text::fit_right(&number::count(replica.coalesced()), 7),
        text::fit_right(&number::count(replica.events_missed()), 7),
        text::fit_right(&replica.node_count().to_string(), 8),
        text::fit_right(&rate, 8),
        text::fit(&version, 10)
    );
    let role = if freshness == Freshness::Live {
        Role::Plain
    } else {
        Role::Dim
    };
    let at = pen.put(at, row, &line, role);
    pen.put(at + 1, row, &why, Role::Bad);
}

fn link(model: &Model, replica: &Replica) -> (String, String) {
    let now = model.shown_at();
    match replica.link() {
        Link::Connecting => ("connecting".to_owned(), String::new()),
        Link::Live if replica.freshness(now) == Freshness::Live => {
            ("live".to_owned(), String::new())
        }
        Link::Live => ("STALE".to_owned(), String::new()),
        Link::Retrying { why, again_at } => (
            format!("retry {}", number::age(Some(again_at.since(now)))),
            why.clone(),
        ),
        Link::Refused { why } => ("REFUSED".to_owned(), why.clone()),
        Link::Gone => ("gone".to_owned(), String::new()),
    }
}

fn detail(model: &Model, pen: &mut Pen<'_>, from: usize) {
    let selected = model
        .replicas
        .selected
        .and_then(|id| model.shown().replica(id));
    let Some(replica) = selected else { return };
    let mut lines = Vec::new();
    if let (_, why) = link(model, replica)
        && !why.is_empty()
    {
        lines.push((why, Role::Bad));
    }
    if let Some(info) = replica.info() {
        let epoch = replica
            .epoch()
            .map(|epoch| format!("{epoch:x}"))
            .unwrap_or_default();
        lines.push((
            format!(
                "{}  instance {}  epoch {epoch}  gRPC {}  metrics {}",
                info.manager_id, info.instance_id, info.grpc_address, info.metrics_address
            ),
            Role::Plain,
        ));
        let source = match info.discovery_kind.as_str() {
            "etcd" => format!("etcd at {}", info.etcd_endpoints.join(", ")),
            other => other.to_owned(),
        };
        lines.push((
            format!(
                "nodes from {source}  Controller {}",
                info.controller_address
            ),
            Role::Plain,
        ));
    }
    if let Some(row) = replica.row() {
        let ready = match row.readiness() {
            Readiness::Ready => "ready".to_owned(),
            Readiness::Draining => "shutting down".to_owned(),
            Readiness::Waiting | Readiness::Unspecified => format!("not ready: {}", row.not_ready),
        };
        let discovery = if row.discovery_up {
            "up".to_owned()
        } else {
            row.discovery_error.clone()
        };
        lines.push((
            format!(
                "{ready}  discovery {discovery}  nodes {} ({} lingering)  memory {} MiB",
                row.nodes,
                row.lingering,
                row.resident_bytes >> 20
            ),
            Role::Plain,
        ));
    }
    let width = pen.width().saturating_sub(2);
    let wrapped = lines.iter().flat_map(|(line, role)| {
        text::wrapped(line, width)
            .into_iter()
            .map(move |line| (line, *role))
    });
    for (row, (line, role)) in wrapped.enumerate() {
        pen.put(2, from + row, &line, role);
    }
}
