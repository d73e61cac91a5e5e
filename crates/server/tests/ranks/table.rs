//! Which module has which rank. docs/ARCHITECTURE.md shows the same table.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// How far up a module is. Leaves are below all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rank {
    Leaf,
    At(u8),
}

impl Rank {
    /// As the table shows it.
    pub fn label(self) -> String {
        match self {
            Rank::Leaf => "leaf".to_owned(),
            Rank::At(rank) => rank.to_string(),
        }
    }
}

impl fmt::Display for Rank {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Rank::Leaf => f.write_str("leaf"),
            Rank::At(rank) => write!(f, "rank {rank}"),
        }
    }
}

/// All modules of the crate.
pub const RANKS: &[(Rank, &[&str])] = &[
    (Rank::At(5), &["cli"]),
    (Rank::At(4), &["server", "dev", "settings"]),
    (Rank::At(3), &["api", "admin"]),
    (Rank::At(2), &["pipeline"]),
    (Rank::At(1), &["routing", "delivery"]),
    (Rank::At(0), &["pool"]),
    (
        Rank::Leaf,
        &[
            "advertise",
            "caller",
            "channel",
            "clock",
            "counts",
            "discovery",
            "error",
            "events",
            "ids",
            "locate",
            "message",
            "metrics",
            "outcome",
            "probes",
            "readiness",
            "registration",
            "telemetry",
            "timings",
            "trace",
            "tuning",
        ],
    ),
];

/// Calls allowed within a rank: whoever embeds the server starts it, and the
/// server is wired from the settings.
pub const BESIDE: &[(&str, &str)] = &[("dev", "server"), ("server", "settings")];

pub fn rank_of(module: &str) -> Option<Rank> {
    let found = RANKS.iter().find(|(_, modules)| modules.contains(&module));
    found.map(|(rank, _)| *rank)
}

/// The table in a markdown text that begins `| rank | modules |`: modules in
/// backticks, by the rank's label.
pub fn read(markdown: &str) -> BTreeMap<String, BTreeSet<String>> {
    let from_table = markdown
        .lines()
        .skip_while(|line| !line.starts_with("| rank | modules |"));
    let rows = from_table.skip(2).take_while(|line| line.starts_with('|'));
    rows.map(|row| {
        let mut cells = row.split('|').skip(1);
        let rank = cells.next().unwrap_or_default().trim().to_owned();
        let modules = cells.next().unwrap_or_default();
        let modules = modules.split('`').skip(1).step_by(2);
        (rank, modules.map(str::to_owned).collect())
    })
    .collect()
}
