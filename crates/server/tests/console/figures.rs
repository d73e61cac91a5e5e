//! Figures that three sides count, so that they can be compared: a manager's `/metrics`, the
//! console's totals, the callers' receipts. None of the sides is asked about another.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::system::Manager;

/// Counters; those at zero are left out of the maps.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    pub pushes: u64,
    pub delivered: u64,
    pub targets: BTreeMap<String, u64>,
    pub failed: BTreeMap<String, u64>,
}

impl Figures {
    /// What a manager counts.
    pub async fn of_manager(manager: &Manager) -> Self {
        let page = manager.get("/metrics").await.1;
        let total = |name| by_label(&page, name, None).values().sum();
        Self {
            pushes: total("push_manager_push_total"),
            delivered: total("push_manager_push_success_total"),
            targets: by_label(&page, "push_manager_push_targets_total", Some("outcome")),
            failed: by_label(&page, "push_manager_push_failed_total", Some("reason")),
        }
    }

    /// What these managers count together.
    pub async fn of_managers(managers: &[&Manager]) -> Self {
        let mut sum = Self::default();
        for manager in managers {
            sum.add(&Self::of_manager(manager).await);
        }
        sum
    }

    /// What the console says that the live managers count together.
    pub fn of_totals(document: &Value) -> Self {
        let totals = &document["totals"];
        Self {
            pushes: totals["pushes"].as_u64().expect("a count"),
            delivered: totals["delivered"].as_u64().expect("a count"),
            targets: counters(&totals["targets"]),
            failed: counters(&totals["failed"]),
        }
    }

    /// What came since.
    pub fn since(&self, base: &Self) -> Self {
        let Self {
            pushes,
            delivered,
            targets,
            failed,
        } = base;
        Self {
            pushes: self.pushes - pushes,
            delivered: self.delivered - delivered,
            targets: grown(&self.targets, targets),
            failed: grown(&self.failed, failed),
        }
    }

    fn add(&mut self, other: &Self) {
        let Self {
            pushes,
            delivered,
            targets,
            failed,
        } = other;
        self.pushes += pushes;
        self.delivered += delivered;
        for (label, count) in targets {
            *self.targets.entry(label.clone()).or_default() += count;
        }
        for (label, count) in failed {
            *self.failed.entry(label.clone()).or_default() += count;
        }
    }
}

/// The growth of each counter; those that stayed are left out.
pub fn grown(
    counts: &BTreeMap<String, u64>,
    base: &BTreeMap<String, u64>,
) -> BTreeMap<String, u64> {
    let grown = counts.iter().map(|(label, count)| {
        let before = base.get(label).copied().unwrap_or(0);
        (label.clone(), count - before)
    });
    grown.filter(|(_, count)| *count > 0).collect()
}

fn counters(map: &Value) -> BTreeMap<String, u64> {
    let map = map.as_object().expect("counters by label").iter();
    let counts = map.map(|(label, count)| (label.clone(), count.as_u64().expect("a count")));
    counts.filter(|(_, count)| *count > 0).collect()
}

/// A metric's series, summed by the value of a label, or all under the name "".
fn by_label(page: &str, name: &str, label: Option<&str>) -> BTreeMap<String, u64> {
    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    for line in page.lines() {
        let rest = line.strip_prefix(name).unwrap_or("");
        if !rest.starts_with(['{', ' ']) {
            continue;
        }
        let (labels, value) = rest.rsplit_once(' ').unwrap();
        let value: f64 = value.parse().unwrap();
        let key = label.map_or("", |label| {
            let (_, rest) = labels.split_once(&format!("{label}=\"")).unwrap();
            rest.split('"').next().unwrap()
        });
        *counts.entry(key.to_owned()).or_default() += value as u64;
    }
    counts.retain(|_, count| *count > 0);
    counts
}
