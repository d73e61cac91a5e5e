//! `/metrics`, `/healthz` and `/readyz`.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use axum::{
    Router,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use kube::runtime::reflector::Store;

use crate::{live::LiveObjects, metrics::Metrics, reconcile::Guarded};

const EXPOSITION: &str = "text/plain; version=0.0.4; charset=utf-8";

/// What the pages are made from.
#[derive(Clone)]
pub struct Pages {
    /// The metrics.
    pub metrics: Arc<Metrics>,
    /// Whether the API server answers this instance, as last seen.
    pub ready: Arc<AtomicBool>,
    /// The children that are known.
    pub live: Arc<LiveObjects>,
    /// The PushManagers that are known.
    pub stores: Stores,
}

/// The PushManagers that are known, by scope.
#[derive(Clone, Default)]
pub struct Stores(Arc<Mutex<Vec<Store<Guarded>>>>);

impl std::fmt::Debug for Stores {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Stores").finish_non_exhaustive()
    }
}

impl Stores {
    /// All of them.
    pub fn objects(&self) -> Vec<Arc<Guarded>> {
        let stores = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        stores.iter().flat_map(Store::state).collect()
    }
}

impl Pages {
    /// Adds those of one scope.
    pub fn add(&self, store: Store<Guarded>) {
        let mut stores = self.stores.0.lock().unwrap_or_else(PoisonError::into_inner);
        stores.push(store);
    }
}

impl std::fmt::Debug for Pages {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pages").finish_non_exhaustive()
    }
}

/// The routes.
pub fn routes(pages: Pages) -> Router {
    Router::new()
        .route("/metrics", get(metrics))
        // Alive means that this answers at all.
        .route("/healthz", get(async || "ok\n"))
        .route("/readyz", get(readiness))
        .with_state(pages)
}

async fn readiness(State(pages): State<Pages>) -> Response {
    if pages.ready.load(Ordering::Relaxed) {
        return "ready\n".into_response();
    }
    let why = "not ready: the API server was not reached yet, or does not answer\n";
    (StatusCode::SERVICE_UNAVAILABLE, why).into_response()
}

async fn metrics(State(pages): State<Pages>) -> Response {
    count(&pages);
    match pages.metrics.render() {
        Ok(text) => ([(header::CONTENT_TYPE, EXPOSITION)], text).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")).into_response(),
    }
}

/// What is counted when someone asks.
fn count(pages: &Pages) {
    let metrics = &pages.metrics;
    for (kind, count, bytes) in pages.live.sizes() {
        let set = |gauge: &prometheus::IntGaugeVec, value: usize| {
            let value = i64::try_from(value).unwrap_or(i64::MAX);
            gauge.with_label_values(&[kind.kind]).set(value);
        };
        set(&metrics.watched_objects, count);
        set(&metrics.watched_bytes, bytes);
    }
    let mut counts: HashMap<(&str, &str), i64> = HashMap::new();
    for condition in CONDITIONS {
        for status in ["True", "False", "Unknown"] {
            counts.insert((condition, status), 0);
        }
    }
    for object in pages.stores.objects() {
        let Ok(pm) = &object.0 else {
            // Can't be read: wrong for sure, and no more is known.
            *counts.entry(("Degraded", "True")).or_default() += 1;
            continue;
        };
        let status = pm.status.as_ref();
        let conditions = status.map_or(&[][..], |status| &status.conditions);
        for condition in CONDITIONS {
            let said = conditions.iter().find(|said| said.type_ == condition);
            // No instance is wanted: that there is none is nothing to be woken for.
            if said.is_some_and(|said| said.reason == "ScaledToZero") {
                continue;
            }
            let status = match said.map(|said| said.status.as_str()) {
                Some("True") => "True",
                Some("False") => "False",
                Some(_) | None => "Unknown",
            };
            *counts.entry((condition, status)).or_default() += 1;
        }
    }
    for ((condition, status), count) in counts {
        metrics
            .objects
            .with_label_values(&[condition, status])
            .set(count);
    }
}

const CONDITIONS: [&str; 4] = ["Available", "Progressing", "Degraded", "Paused"];
