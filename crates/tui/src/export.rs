//! A view as a table of text, in CSV and JSON.

use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};

use serde_json::{Map, Value};

use crate::{
    app::{Model, Screen},
    fleet::{EventItem, Window},
    once,
};

/// A view: what it is called, its columns, its rows.
#[derive(Clone, Debug, PartialEq)]
pub struct Table {
    /// Such as `nodes`.
    pub name: &'static str,
    /// The names of the columns.
    pub columns: Vec<String>,
    /// As many values as columns in each.
    pub rows: Vec<Vec<Value>>,
}

/// The view on the screen, with its filter, order and window.
pub fn table(model: &Model) -> Table {
    let window = match model.screen {
        Screen::Pushes | Screen::Api(_) => model.pushes.window,
        Screen::Overview | Screen::Nodes | Screen::Node(_) | Screen::Events | Screen::Replicas => {
            Window::Minute
        }
    };
    // While one replica is shown alone, the others are listed all the same.
    let fleet = match model.screen {
        Screen::Replicas => model.linked(),
        _ => model.shown(),
    };
    let view = once::Document::over(fleet, model.shown_at(), model.wall, window);
    let (name, rows) = match &model.screen {
        Screen::Overview => ("problems", values(&view.problems)),
        Screen::Nodes => ("nodes", values(&nodes(model, &view))),
        Screen::Node(name) => {
            let node = view.nodes.iter().filter(|node| node.id == *name.0);
            ("node", values(&node.collect::<Vec<_>>()))
        }
        Screen::Pushes => ("apis", values(&view.apis)),
        Screen::Api(name) => {
            let api = view.apis.iter().filter(|api| api.api == *name);
            ("api", values(&api.collect::<Vec<_>>()))
        }
        Screen::Events => ("events", values(&events(model))),
        Screen::Replicas => ("replicas", values(&view.replicas)),
    };
    flatten(name, rows)
}

/// The marked nodes, or all that are shown, in their order.
fn nodes<'a>(model: &Model, view: &'a once::Document) -> Vec<&'a once::NodeDoc> {
    let (order, marked) = (&model.nodes.order, &model.nodes.marked);
    let by_name: HashMap<&str, _> = view
        .nodes
        .iter()
        .map(|node| (node.id.as_str(), node))
        .collect();
    let wanted = order
        .iter()
        .filter(|name| marked.is_empty() || marked.contains(*name));
    wanted
        .filter_map(|name| by_name.get(&*name.0).copied())
        .collect()
}

/// The events that are shown, in their order.
fn events(model: &Model) -> Vec<once::Event> {
    let items = model.shown().events().items();
    let by_id: HashMap<u64, _> = items.map(|item| (item.id, item)).collect();
    let order = model.events.order.iter();
    let found = order.filter_map(|id| by_id.get(id).copied());
    found.map(once::Event::of).collect()
}

fn values<T: serde::Serialize>(rows: &[T]) -> Vec<Value> {
    rows.iter()
        .filter_map(|row| serde_json::to_value(row).ok())
        .collect()
}

/// Objects within objects become columns with dots.
fn flatten(name: &'static str, objects: Vec<Value>) -> Table {
    let (mut columns, mut seen) = (Vec::new(), HashSet::new());
    let mut flat = Vec::with_capacity(objects.len());
    for object in objects {
        let mut row = Map::new();
        spread(&mut row, "", object);
        for column in row.keys() {
            if seen.insert(column.clone()) {
                columns.push(column.clone());
            }
        }
        flat.push(row);
    }
    let rows = flat.into_iter().map(|mut row| {
        let cells = columns
            .iter()
            .map(|column| row.remove(column).unwrap_or(Value::Null));
        cells.collect()
    });
    Table {
        name,
        rows: rows.collect(),
        columns: columns.clone(),
    }
}

fn spread(row: &mut Map<String, Value>, prefix: &str, value: Value) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                let name = if prefix.is_empty() {
                    name
                } else {
                    format!("{prefix}.{name}")
                };
                spread(row, &name, value);
            }
        }
        value => {
            row.insert(prefix.to_owned(), value);
        }
    }
}

impl Table {
    /// Comma-separated, quoted as RFC 4180 says. A cell that a spreadsheet would take for a formula
    /// gets an apostrophe before it.
    pub fn to_csv(&self) -> String {
        let heading = self
            .columns
            .iter()
            .map(|name| cell(name))
            .collect::<Vec<_>>();
        let rows = self.rows.iter().map(|row| {
            let cells = row.iter().map(|value| match value {
                Value::Null => String::new(),
                Value::String(text) => cell(text),
                Value::Array(items) => {
                    let items = items.iter().map(|item| match item {
                        Value::String(text) => text.clone(),
                        other => other.to_string(),
                    });
                    cell(&items.collect::<Vec<_>>().join(" "))
                }
                other => other.to_string(),
            });
            cells.collect::<Vec<_>>().join(",")
        });
        std::iter::once(heading.join(","))
            .chain(rows)
            .map(|line| line + "\r\n")
            .collect()
    }

    /// A list of objects.
    pub fn to_json(&self) -> String {
        let rows = self.rows.iter().map(|row| {
            let fields = self.columns.iter().cloned().zip(row.iter().cloned());
            Value::Object(fields.collect())
        });
        let list = Value::Array(rows.collect());
        serde_json::to_string_pretty(&list).unwrap_or_default() + "\n"
    }
}

fn cell(text: &str) -> String {
    let formula = text.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let text = if formula {
        format!("'{text}")
    } else {
        text.to_owned()
    };
    if text.contains(['"', ',', '\n', '\r', '\'']) {
        return format!("\"{}\"", text.replace('"', "\"\""));
    }
    text
}

/// An event in one line.
pub fn event_line(item: &EventItem) -> String {
    let node = item
        .node
        .as_ref()
        .map(ToString::to_string)
        .unwrap_or_default();
    let since = item
        .wall
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap_or_default();
    format!("{} {} {node} {}", stamp(since), item.kind, item.message)
}

/// A time of day and date, in UTC, that can stand in a file's name: `20261122-235239`.
pub fn stamp(since_epoch: Duration) -> String {
    let seconds = since_epoch.as_secs();
    let (days, rest) = (seconds / 86_400, seconds % 86_400);
    let (year, month, day) = date(days);
    let (hour, minute, second) = (rest / 3_600, rest / 60 % 60, rest % 60);
    format!("{year:04}{month:02}{day:02}-{hour:02}{minute:02}{second:02}")
}

/// The date so many days after 1 January 1970.
pub(crate) fn date(days: u64) -> (u64, u64, u64) {
    let leap = |year: u64| {
        year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
    };
    let (mut year, mut left) = (1970, days);
    loop {
        let length = if leap(year) { 366 } else { 365 };
        if left < length {
            break;
        }
        left -= length;
        year += 1;
    }
    let february = if leap(year) { 29 } else { 28 };
    let mut month = 1;
    for length in [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] {
        if left < length {
            break;
        }
        left -= length;
        month += 1;
    }
    (year, month, left + 1)
}

#[cfg(test)]
mod tests {
    use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

    use super::*;
    use crate::app::{Msg, update};

    #[test]
    fn a_cell_can_neither_break_its_row_nor_run_as_a_formula() {
        assert_eq!(cell("plain"), "plain");
        assert_eq!(cell("a,\"b\"\n"), "\"a,\"\"b\"\"\n\"");
        assert_eq!(cell("=1+1"), "\"'=1+1\"");
        assert_eq!(cell("-"), "\"'-\"");
    }

    fn exported(keys: &str) -> Table {
        let mut model = crate::fixture::watched(&crate::fixture::Scenario::story(), 75);
        for letter in keys.chars() {
            let key = match letter {
                '\n' => KeyCode::Enter,
                letter => KeyCode::Char(letter),
            };
            let key = KeyEvent::new(key, KeyModifiers::NONE);
            drop(update(&mut model, Msg::Key(key)));
        }
        table(&model)
    }

    fn column(table: &Table, name: &str) -> Vec<Value> {
        let at = table.columns.iter().position(|column| column == name);
        let at = at.unwrap_or_else(|| panic!("{name} in {:?}", table.columns));
        table.rows.iter().map(|row| row[at].clone()).collect()
    }

    #[test]
    fn an_export_has_the_window_of_the_screen_and_says_which() {
        for (keys, seconds, covered) in [("3", 60, 60.0), ("3ttt", 10, 10.0), ("3tt", 3_600, 75.0)]
        {
            let table = exported(keys);
            assert_eq!(column(&table, "window_s"), vec![Value::from(seconds); 3]);
            for told in column(&table, "covered_s") {
                let told = told.as_f64().unwrap();
                assert!((told - covered).abs() <= 1.0, "{keys}: {told}");
            }
        }
        let (short, long) = (exported("3ttt"), exported("3"));
        assert_ne!(
            column(&short, "latency.count"),
            column(&long, "latency.count")
        );
    }

    #[test]
    fn an_export_has_the_rows_of_the_screen_in_their_order() {
        let table = exported("2sS/push\n");
        assert_eq!(table.rows.len(), 12);
        assert_eq!(column(&table, "id")[0], "push-203");
        let table = exported("2j\n");
        assert_eq!((table.name, table.rows.len()), ("node", 1));
        assert_eq!(exported("4").rows.len(), 5);
    }

    #[test]
    fn stamps_are_dates() {
        assert_eq!(stamp(Duration::ZERO), "19700101-000000");
        assert_eq!(stamp(Duration::from_secs(1_709_164_799)), "20240228-235959");
        assert_eq!(stamp(Duration::from_hours(474_768)), "20240229-000000");
        assert_eq!(stamp(Duration::from_secs(1_795_391_559)), "20261122-235239");
    }
}
