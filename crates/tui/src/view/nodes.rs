//! The table of nodes: rows for the page alone.

use super::{
    chart, glyphs, number,
    pen::Pen,
    text,
    theme::{Role, of_node, of_severity},
};
use crate::{
    app::{Model, NodesState, SortKey},
    fleet::{Node, NodeName, NodeWord},
    replica::{Freshness, Link, ReplicaId},
};

/// A column: what it is, its width, and how soon it goes when there is no room (the lowest first).
#[derive(Clone, Copy, PartialEq, Eq)]
enum Column {
    Name,
    State,
    Replicas,
    InFlight,
    Bar,
    Queue,
    Rtt,
    Errors,
    Rate,
    Spark,
    Age,
    Oldest,
    Address,
    Sign,
}

struct Table {
    columns: Vec<(Column, usize)>,
    replicas: Vec<ReplicaId>,
}

/// Columns in the order of the screen; width and weight.
const COLUMNS: [(Column, usize, u8); 14] = [
    (Column::Name, 14, 255),
    (Column::State, 9, 250),
    (Column::Replicas, 0, 100),
    (Column::InFlight, 6, 120),
    (Column::Bar, 6, 60),
    (Column::Queue, 5, 200),
    (Column::Rtt, 11, 150),
    (Column::Errors, 6, 160),
    (Column::Rate, 7, 170),
    (Column::Spark, 12, 70),
    (Column::Age, 7, 130),
    (Column::Oldest, 7, 40),
    (Column::Address, 24, 20),
    (Column::Sign, 2, 240),
];
/// No name gets more.
const WIDEST_NAME: usize = 40;
/// Of the spark line, where there is room.
const WIDEST_SPARK: usize = 60;

pub(super) fn draw(model: &Model, pen: &mut Pen<'_>) {
    let state = &model.nodes;
    let all = model.shown().nodes().len();
    let mut title = vec![format!("Nodes {}/{all}", state.order.len())];
    if !state.filter_text.is_empty() {
        title.push(format!("filter: {}", text::cut(&state.filter_text, 40)));
    }
    let arrow = if state.reversed {
        ("▲", "^")
    } else {
        ("▼", "v")
    };
    let arrow = pen.look.glyphs.pick(arrow.0, arrow.1);
    title.push(format!("sort: {} {arrow}", sort_label(state.sort)));
    if state.frozen {
        title.push("frozen".to_owned());
    }
    if !state.marked.is_empty() {
        title.push(format!("{} marked", state.marked.len()));
    }
    let mut inner = pen.boxed(&title.join("  "));
    if state.order.is_empty() {
        super::overview::nothing(model, &mut inner, all > 0);
        return;
    }
    let table = Table::fitting(model, inner.width());
    table.heading(&mut inner);
    let page = inner.height().saturating_sub(1);
    for (row, (at, name)) in self::page(state, page).enumerate() {
        if let Some(node) = model.shown().node(name) {
            let is_cursor = at == state.selected_at;
            table.row(model, &mut inner, row + 1, node, is_cursor);
        }
    }
}

/// The names on the page with their places in the order: rows are made for these alone.
pub(super) fn page(state: &NodesState, rows: usize) -> impl Iterator<Item = (usize, &NodeName)> {
    state.order.iter().enumerate().skip(state.top).take(rows)
}

fn sort_label(key: SortKey) -> &'static str {
    match key {
        SortKey::Problem => "PROBLEM",
        SortKey::Name => "NODE",
        SortKey::State => "STATE",
        SortKey::InFlight => "INFL",
        SortKey::Queue => "QUEUE",
        SortKey::Rtt => "RTT",
        SortKey::Errors => "ERR%",
        SortKey::Rate => "PUSH/s",
        SortKey::Age => "AGE",
    }
}

impl Table {
    /// As many columns as fit; what is left is the name's, then the spark line's.
    fn fitting(model: &Model, width: usize) -> Self {
        let present = model.shown().replicas().iter();
        let present = present.filter(|replica| *replica.link() != Link::Gone);
        let replicas: Vec<ReplicaId> = present.map(crate::replica::Replica::id).take(16).collect();
        let mut columns: Vec<(Column, usize, u8)> = COLUMNS
            .into_iter()
            .filter(|(column, _, _)| match column {
                Column::Replicas => replicas.len() > 1,
                Column::Oldest | Column::Address => model.nodes.wide || width > 150,
                _ => true,
            })
            .map(|(column, width, weight)| match column {
                Column::Replicas => {
                    let width = replicas.len() * (widest(&replicas) + 1) - 1;
                    (column, width, weight)
                }
                _ => (column, width, weight),
            })
            .collect();
        // The cursor and marks take two columns.
        let taken = |columns: &[(Column, usize, u8)]| -> usize {
            2 + columns.iter().map(|(_, width, _)| width + 1).sum::<usize>()
        };
        while taken(&columns) > width && columns.len() > 1 {
            let lightest = (0..columns.len())
                .min_by_key(|at| columns[*at].2)
                .unwrap_or(0);
            columns.remove(lightest);
        }
        for (wanted, most) in [(Column::Name, WIDEST_NAME), (Column::Spark, WIDEST_SPARK)] {
            let spare = width.saturating_sub(taken(&columns));
            if let Some(column) = columns.iter_mut().find(|(column, _, _)| *column == wanted) {
                column.1 = (column.1 + spare).min(most);
            }
        }
        let columns = columns
            .into_iter()
            .map(|(column, width, _)| (column, width));
        Self {
            columns: columns.collect(),
            replicas,
        }
    }

    fn heading(&self, pen: &mut Pen<'_>) {
        let mut at = 2;
        for (column, width) in &self.columns {
            let wide = widest(&self.replicas);
            let letters = self.replicas.iter();
            let letters: Vec<_> = letters.map(|id| text::fit(&id.to_string(), wide)).collect();
            let name = match column {
                Column::Name => "NODE",
                Column::State => "STATE",
                Column::Replicas => &letters.join(" "),
                Column::InFlight => "INFL",
                Column::Bar => "QUEUE",
                Column::Queue => "QUE%",
                Column::Rtt => "RTT p50/p99",
                Column::Errors => "ERR%",
                Column::Rate => "PUSH/s",
                Column::Spark => &chart::history_span(*width),
                Column::Age => "AGE",
                Column::Oldest => "OLDEST",
                Column::Address => "ADDRESS",
                Column::Sign => "!",
            };
            let name = if column.is_number() {
                text::fit_right(name, *width)
            } else {
                text::fit(name, *width)
            };
            pen.put(at, 0, &name, Role::Dim);
            at += width + 1;
        }
    }

    fn row(&self, model: &Model, pen: &mut Pen<'_>, row: usize, node: &Node, is_cursor: bool) {
        let glyphs = pen.look.glyphs;
        if is_cursor {
            pen.put(0, row, glyphs.cursor(), Role::Plain);
        }
        if model.nodes.marked.contains(&node.name) {
            pen.put(1, row, "*", Role::Warn);
        }
        let mut at = 2;
        for (column, width) in &self.columns {
            if *column == Column::Replicas {
                self.cells(pen, at, row, node);
            } else {
                let (value, role) = match (column, node.word) {
                    (Column::State, _) => state(model, node, glyphs),
                    (_, NodeWord::Gone) => unknown(*column, node),
                    _ => value(*column, *width, node, glyphs),
                };
                let value = if column.is_number() {
                    text::fit_right(&value, *width)
                } else {
                    text::fit(&value, *width)
                };
                pen.put(at, row, &value, role);
            }
            at += width + 1;
        }
        if is_cursor {
            pen.highlight(row);
        }
    }

    /// The state by each replica; those that are not live are dim.
    fn cells(&self, pen: &mut Pen<'_>, from: usize, row: usize, node: &Node) {
        let wide = widest(&self.replicas);
        for (place, id) in self.replicas.iter().enumerate() {
            let (glyph, role) = match node.cells.get(id) {
                None => (" ", Role::Dim),
                Some(cell) if cell.freshness != Freshness::Live => {
                    (pen.look.glyphs.node(cell.word), Role::Dim)
                }
                Some(cell) => (pen.look.glyphs.node(cell.word), of_node(cell.word)),
            };
            pen.put(from + place * (wide + 1), row, glyph, role);
        }
    }
}

/// Columns of the longest letter: after z comes aa.
fn widest(replicas: &[ReplicaId]) -> usize {
    let widths = replicas.iter().map(|id| text::width(&id.to_string()));
    widths.max().unwrap_or(1)
}

impl Column {
    fn is_number(self) -> bool {
        match self {
            Column::InFlight
            | Column::Queue
            | Column::Rtt
            | Column::Errors
            | Column::Rate
            | Column::Age
            | Column::Oldest => true,
            Column::Name
            | Column::State
            | Column::Replicas
            | Column::Bar
            | Column::Spark
            | Column::Address
            | Column::Sign => false,
        }
    }
}

/// A node's state as it is shown, and what it means.
pub(super) fn state(model: &Model, node: &Node, glyphs: super::Glyphs) -> (String, Role) {
    let glyph = glyphs.node(node.word);
    // Nobody says that it is gone while nobody says anything.
    let word = if node.word == NodeWord::Gone && super::header::is_unheard(model) {
        "STALE"
    } else {
        glyphs::word(node.word)
    };
    (format!("{glyph} {word}"), of_node(node.word))
}

/// What stands where no live replica knows the node: no figure, not zero.
fn unknown(column: Column, node: &Node) -> (String, Role) {
    match column {
        Column::Name => (node.name.to_string(), Role::Dim),
        Column::Address => (node.address.clone(), Role::Dim),
        Column::State | Column::Sign | Column::Replicas | Column::Spark | Column::Bar => {
            (String::new(), Role::Dim)
        }
        Column::InFlight
        | Column::Queue
        | Column::Rtt
        | Column::Errors
        | Column::Rate
        | Column::Age
        | Column::Oldest => (number::UNKNOWN.to_owned(), Role::Dim),
    }
}

fn value(column: Column, width: usize, node: &Node, glyphs: super::Glyphs) -> (String, Role) {
    let full = if node.queue_ratio > 0.8 {
        Role::Warn
    } else {
        Role::Plain
    };
    match column {
        Column::Name => (node.name.to_string(), Role::Plain),
        // Written by who knows the whole model.
        Column::State | Column::Replicas => (String::new(), Role::Plain),
        Column::InFlight => (number::count(node.in_flight), Role::Plain),
        Column::Bar => (chart::bar(node.queue_ratio, width, glyphs), full),
        Column::Queue => (number::share(Some(node.queue_ratio)), full),
        Column::Rtt => (number::middle_and_tail(&node.rtt), Role::Plain),
        Column::Errors => {
            let bad = node.failed_ratio.is_some_and(|ratio| ratio > 0.01);
            let role = if bad { Role::Warn } else { Role::Plain };
            (number::percent(node.failed_ratio), role)
        }
        Column::Rate => (number::rate(node.delivered_rate), Role::Plain),
        Column::Spark => (
            chart::history(&node.rate_history, width, glyphs),
            Role::Series(0),
        ),
        Column::Age => (number::age(node.since), Role::Plain),
        Column::Oldest => (number::age(node.oldest_in_flight), Role::Plain),
        Column::Address => (node.address.clone(), Role::Dim),
        Column::Sign => match node.warning {
            Some(warning) => (glyphs.severity(warning).to_owned(), of_severity(warning)),
            None => (String::new(), Role::Plain),
        },
    }
}
