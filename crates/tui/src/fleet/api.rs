//! One RPC of the push API over all live replicas.

use std::collections::BTreeMap;

use super::{Percentiles, Series, Window};

/// One RPC.
#[derive(Clone, Debug, PartialEq)]
pub struct Api {
    /// Its name, e.g. `PushToRoom`.
    pub name: String,
    /// Requests being answered.
    pub in_flight: u64,
    /// Answered requests a second, a point a second.
    pub rate_history: Series,
    /// Cumulative, since the replicas' epochs.
    pub requests: BTreeMap<String, u64>,
    /// Cumulative targets by outcome.
    pub targets: BTreeMap<String, u64>,
    /// Cumulative failed targets by reason.
    pub failed: BTreeMap<String, u64>,
    /// Figures by window.
    pub windows: BTreeMap<Window, ApiWindow>,
    /// How requests were spread over latencies, a column of 5 s each, the newest last: for each
    /// column the count in each of [`super::history::HEAT_BOUNDS_US`]'s rows. `None` = no data.
    pub heat: Vec<Option<Vec<u64>>>,
}

/// An RPC's figures over a window.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ApiWindow {
    /// Time that the figures cover, in seconds: shorter than the window while it fills.
    pub seconds: f64,
    /// Requests answered a second.
    pub rate: Option<f64>,
    /// Answered OK with `success`, a second.
    pub ok_rate: Option<f64>,
    /// Answered with an error or without `success`, a second.
    pub failed_rate: Option<f64>,
    /// Callers who left, a second.
    pub cancelled_rate: Option<f64>,
    /// Failed of all answered, 0 to 1.
    pub failed_ratio: Option<f64>,
    /// Failed targets by reason, a second.
    pub reasons: BTreeMap<String, f64>,
    /// Time to the answer.
    pub latency: Percentiles,
}
