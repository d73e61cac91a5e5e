//! What is written, measured and alerted.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Knobs;

/// Logs, traces, metrics, alerts.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Observability {
    /// Has the Prometheus operator scrape the instances, where its ServiceMonitor is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service_monitor: Option<ServiceMonitor>,
    /// Alert rules for this PushManager, where the Prometheus operator's PrometheusRule is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alerts: Option<Alerts>,
    /// A ConfigMap with a Grafana dashboard, which Grafana's sidecar picks up by its label.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grafana_dashboard: Option<GrafanaDashboard>,
    /// The knobs.
    #[serde(flatten)]
    #[schemars(skip)]
    pub knobs: Knobs,
}

/// How metrics are scraped.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ServiceMonitor {
    /// Whether there is one.
    #[serde(default = "yes")]
    pub enabled: bool,
    /// How often to scrape, e.g. `30s`. Absent: as Prometheus is set up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 16), regex(pattern = "^[0-9]+(ms|s|m)$"))]
    pub interval: Option<String>,
    /// Labels by which Prometheus selects it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(length(max = 64))]
    pub labels: BTreeMap<String, String>,
}

/// Alert rules.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Alerts {
    /// Whether there are any.
    #[serde(default = "yes")]
    pub enabled: bool,
    /// Labels by which Prometheus selects them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(length(max = 64))]
    pub labels: BTreeMap<String, String>,
}

/// A dashboard.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct GrafanaDashboard {
    /// Whether there is one.
    #[serde(default = "yes")]
    pub enabled: bool,
    /// Labels by which Grafana's sidecar selects it. Absent or empty: `grafana_dashboard: "1"`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(length(max = 64))]
    pub labels: BTreeMap<String, String>,
}

const fn yes() -> bool {
    true
}
