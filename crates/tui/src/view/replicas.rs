//! Replicas and the links to them.

use push_manager_proto::admin::Readiness;

use super::{
    layout, number,
    pen::{Pen, Piece},
    table::{self, Column},
    text,
    theme::{Role, of_replica},
};
use crate::{
    app::Model,
    replica::{Freshness, Link, Replica},
};

pub(super) fn draw(model: &Model, pen: &mut Pen<'_>) {
    let replicas: Vec<_> = model.listed().collect();
    let title = format!(
        "Replicas {}  source: {}",
        replicas.len(),
        model.options.source
    );
    let mut inner = pen.boxed(&title);
    if replicas.is_empty() {
        super::overview::nothing(model, &mut inner, false);
        return;
    }
    let columns = columns(inner.width());
    let names = columns.iter().map(|(column, _)| column.cell(column.name));
    inner.put(1, 0, &names.collect::<String>(), Role::Dim);
    let page = layout::replicas_page(inner.area.height).into();
    let shown = replicas.iter().skip(model.replicas.top).take(page);
    for (row, replica) in shown.enumerate() {
        line(model, &mut inner, row + 1, replica, &columns);
        if model.replicas.selected == Some(replica.id()) {
            inner.put(0, row + 1, inner.look.glyphs.cursor(), Role::Plain);
            inner.highlight(row + 1);
        }
    }
    detail(model, &mut inner, &replicas, replicas.len().min(page) + 2);
}

/// What a column tells.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fact {
    Letter,
    Target,
    Link,
    Age,
    Seq,
    Coalesced,
    Missed,
    Nodes,
    Rate,
    Version,
}

/// Columns that have room; what is left is the target's.
fn columns(width: usize) -> Vec<(Column, Fact)> {
    let all = [
        (Column::word("REP", 3, 99), Fact::Letter),
        (Column::word("TARGET", 16, 90), Fact::Target),
        (Column::word("LINK", 13, 95), Fact::Link),
        (Column::number("AGE", 5, 80), Fact::Age),
        (Column::number("SEQ", 8, 20), Fact::Seq),
        (Column::number("COALESCED", 9, 10), Fact::Coalesced),
        (Column::number("MISSED", 6, 30), Fact::Missed),
        (Column::number("NODES", 6, 70), Fact::Nodes),
        (Column::number("PUSH/s", 8, 60), Fact::Rate),
        (Column::word("VERSION", 10, 50), Fact::Version),
    ];
    let room = width.saturating_sub(1);
    let kept = table::fitting(&all.map(|(column, _)| column), room);
    let mut columns: Vec<_> = kept.into_iter().map(|at| all[at]).collect();
    let taken: usize = columns.iter().map(|(column, _)| column.width + 1).sum();
    let spare = room.saturating_sub(taken).min(30);
    let target = columns.iter_mut().find(|(_, fact)| *fact == Fact::Target);
    if let Some((target, _)) = target {
        target.width += spare;
    }
    columns
}

fn line(
    model: &Model,
    pen: &mut Pen<'_>,
    row: usize,
    replica: &Replica,
    columns: &[(Column, Fact)],
) {
    let freshness = replica.freshness(model.shown_at());
    let plain = if freshness == Freshness::Live {
        Role::Plain
    } else {
        Role::Dim
    };
    let mut at = 1;
    for (column, fact) in columns {
        let role = match fact {
            Fact::Letter | Fact::Target => Role::Plain,
            Fact::Link => of_replica(freshness),
            Fact::Age
            | Fact::Seq
            | Fact::Coalesced
            | Fact::Missed
            | Fact::Nodes
            | Fact::Rate
            | Fact::Version => plain,
        };
        let glyph = pen.look.glyphs.replica(freshness);
        at = pen.put(
            at,
            row,
            &column.cell(&value(model, replica, *fact, glyph)),
            role,
        );
    }
}

fn value(model: &Model, replica: &Replica, fact: Fact, glyph: &str) -> String {
    let now = model.shown_at();
    match fact {
        Fact::Letter => replica.id().to_string(),
        Fact::Target => replica.name().to_owned(),
        Fact::Link => format!("{glyph} {}", link(model, replica).0),
        Fact::Age => number::age(replica.age(now)),
        Fact::Seq => number::count(replica.seq()),
        Fact::Coalesced => number::count(replica.coalesced()),
        Fact::Missed => number::count(replica.events_missed()),
        Fact::Nodes => number::count(replica.node_count() as u64),
        Fact::Rate => {
            let rate = number::rate(model.linked().push_rate(replica.id()));
            // What is no longer true stands in brackets, and in no sum.
            if replica.freshness(now) == Freshness::Live {
                rate
            } else {
                format!("({rate})")
            }
        }
        Fact::Version => replica
            .info()
            .map(|info| info.version.clone())
            .unwrap_or_default(),
    }
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

fn detail(model: &Model, pen: &mut Pen<'_>, replicas: &[&Replica], from: usize) {
    let selected = |replica: &&&Replica| model.replicas.selected == Some(replica.id());
    let why = |replica: &Replica| -> Option<Piece> {
        let (_, why) = link(model, replica);
        (!why.is_empty()).then(|| (format!("{}: {why}", replica.id()), Role::Bad))
    };
    let mut lines = Vec::new();
    if let Some(replica) = replicas.iter().find(selected) {
        lines.extend(why(replica));
        lines.extend(described(replica));
    }
    // Why a link is lost is told of every one, under the cursor or not, as far as there is room.
    let others = replicas.iter().filter(|replica| !selected(replica));
    lines.extend(others.filter_map(|replica| why(replica)));
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

/// What a replica tells of itself.
fn described(replica: &Replica) -> Vec<Piece> {
    let mut lines = Vec::new();
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
    lines
}
