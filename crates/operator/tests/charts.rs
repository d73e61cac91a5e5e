//! The Helm charts: what they render, what the API server says of it, and that the server's chart
//! is what the operator builds.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]
#![allow(missing_docs, reason = "a test's name says what holds")]

#[path = "charts/alerts.rs"]
mod alerts;
#[path = "charts/capabilities.rs"]
mod capabilities;
#[path = "charts/drift.rs"]
mod drift;
#[path = "charts/lifecycle.rs"]
mod lifecycle;
#[path = "charts/openapi.rs"]
mod openapi;
#[path = "charts/render.rs"]
mod render;
#[path = "charts/rights.rs"]
mod rights;
#[path = "charts/run.rs"]
mod run;
#[path = "charts/schemas.rs"]
mod schemas;
#[path = "charts/security.rs"]
mod security;
#[path = "charts/values.rs"]
mod values;
#[path = "charts/works.rs"]
mod works;
