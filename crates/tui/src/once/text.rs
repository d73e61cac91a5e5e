//! The document as a table for people, in plain ASCII columns.

use unicode_width::UnicodeWidthStr;

use super::Document;

/// The whole document.
pub fn of(document: &Document) -> String {
    let totals = &document.totals;
    let mut lines = vec![format!(
        "replicas {} live{}   nodes {} ({} ready, {} failed)   push/s {}   delivered {}   failed {}",
        totals.counted.len(),
        if totals.left_out.is_empty() {
            String::new()
        } else {
            format!(", without {}", totals.left_out.join(" "))
        },
        totals.nodes.get("all").copied().unwrap_or(0),
        totals.nodes.get("ready").copied().unwrap_or(0),
        totals.nodes.get("failed").copied().unwrap_or(0),
        number(totals.pushes_per_s),
        totals.delivered,
        totals
            .failed
            .values()
            .fold(0_u64, |sum, more| sum.saturating_add(*more)),
    )];
    lines.push(String::new());
    lines.extend(problems(document));
    lines.extend(table(
        &[
            "REP", "TARGET", "LINK", "AGE", "NODES", "PUSH/s", "VERSION", "",
        ],
        document.replicas.iter().map(|replica| {
            vec![
                replica.replica.clone(),
                replica.target.clone(),
                if replica.link == "live" {
                    replica.freshness
                } else {
                    replica.link
                }
                .to_owned(),
                replica
                    .age_ms
                    .map_or_else(unknown, |age| format!("{:.1}s", age / 1e3)),
                replica.nodes.to_string(),
                number(replica.pushes_per_s),
                replica.version.clone(),
                replica.why.clone(),
            ]
        }),
    ));
    lines.extend(table(
        &[
            "API", "RATE/s", "OK/s", "FAIL/s", "INFL", "p50 ms", "p99 ms",
        ],
        document.apis.iter().map(|api| {
            vec![
                api.api.clone(),
                number(api.requests_per_s),
                number(api.ok_per_s),
                number(api.failed_per_s),
                api.in_flight.to_string(),
                number(api.latency.p50_ms),
                number(api.latency.p99_ms),
            ]
        }),
    ));
    lines.extend(table(
        &[
            "NODE", "STATE", "INFL", "QUEUE", "p50 ms", "p99 ms", "ERR%", "PUSH/s", "ADDRESS",
        ],
        document.nodes.iter().map(|node| {
            vec![
                node.id.clone(),
                node.state.to_owned(),
                node.in_flight
                    .map_or_else(unknown, |calls| calls.to_string()),
                node.queue_ratio
                    .map_or_else(unknown, |ratio| format!("{:.0}%", ratio * 100.0)),
                number(node.rtt.p50_ms),
                number(node.rtt.p99_ms),
                number(node.failed_ratio.map(|ratio| ratio * 100.0)),
                number(node.delivered_per_s),
                node.address.clone(),
            ]
        }),
    ));
    lines.join("\n")
}

fn problems(document: &Document) -> Vec<String> {
    if document.problems.is_empty() {
        return vec!["no problems".to_owned(), String::new()];
    }
    let told = document.problems.iter().map(|problem| {
        let nodes = problem
            .nodes
            .iter()
            .take(5)
            .cloned()
            .collect::<Vec<_>>()
            .join(" ");
        format!("{:<8} {}  {nodes}", problem.severity, problem.text)
            .trim_end()
            .to_owned()
    });
    told.chain([String::new()]).collect()
}

/// Stands for what nobody knows.
fn unknown() -> String {
    "-".to_owned()
}

fn number(value: Option<f64>) -> String {
    value.map_or_else(unknown, |value| format!("{value:.1}"))
}

/// Columns as wide as their widest cell, and an empty line after. Each row has a cell for each heading.
pub fn table(heading: &[&str], rows: impl Iterator<Item = Vec<String>>) -> Vec<String> {
    let heading = heading.iter().map(|name| (*name).to_owned()).collect();
    let all: Vec<Vec<String>> = std::iter::once(heading).chain(rows).collect();
    let columns = all[0].len();
    let widths: Vec<usize> = (0..columns)
        .map(|column| all.iter().map(|row| row[column].width()).max().unwrap_or(0))
        .collect();
    let mut lines: Vec<String> = all
        .iter()
        .map(|row| {
            let cells = row
                .iter()
                .zip(&widths)
                .map(|(cell, width)| format!("{cell}{}  ", " ".repeat(width - cell.width())));
            cells.collect::<String>().trim_end().to_owned()
        })
        .collect();
    lines.push(String::new());
    lines
}
