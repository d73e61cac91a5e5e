//! `/metrics`, `/healthz` and `/readyz` over HTTP.

use std::sync::Arc;

use axum::{
    Router,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};

use crate::{metrics::Metrics, readiness::Readiness};

const EXPOSITION: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The routes.
pub fn routes(metrics: Arc<Metrics>, readiness: Readiness) -> Router {
    Router::new()
        .route("/metrics", get(show_metrics).with_state(metrics))
        // Alive means that this answers at all.
        .route("/healthz", get(async || "ok\n"))
        .route("/readyz", get(show_readiness).with_state(readiness))
}

async fn show_metrics(State(metrics): State<Arc<Metrics>>) -> Response {
    match metrics.render() {
        Ok(text) => ([(header::CONTENT_TYPE, EXPOSITION)], text).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")).into_response(),
    }
}

async fn show_readiness(State(readiness): State<Readiness>) -> Response {
    match readiness.state().why_not() {
        None => "ready\n".into_response(),
        Some(why) => (
            StatusCode::SERVICE_UNAVAILABLE,
            format!("not ready: {why}\n"),
        )
            .into_response(),
    }
}
