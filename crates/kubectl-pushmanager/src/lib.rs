//! `kubectl pushmanager`: what a PushManager does, and what to do with it.
//!
//! ```text
//!  cli ─▶ cluster (API server), admin (a pod's admin API by port-forward)   ask, each in its time
//!    │        │
//!    ▼        ▼
//!  status, drain, logs, diagnose: gather ─▶ judge ─▶ text or JSON           the latter two pure
//!                           │
//!                           └─▶ redact: no secret is written down           pure
//! ```
//!
//! It knows the PushManager as an object with fields that may be there, neither the operator nor the
//! server; what a fleet is, and its problems, are pushtop's.

#![allow(
    clippy::cast_precision_loss,
    reason = "figures are rounded for people to look at"
)]

pub mod admin;
pub mod cli;
pub mod cluster;
pub mod diagnose;
pub mod drain;
pub mod logs;
pub mod pod;
pub mod redact;
pub mod status;
pub mod top;
pub mod words;
