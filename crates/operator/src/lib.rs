//! The Push-Manager operator: a PushManager resource becomes a Deployment and all around it.
//!
//! `api` is what users write, `crd` its definition; `settings` decides what a spec means,
//! `children` build the objects, `diff` tells whether they are as they should be; `reconcile` is
//! the five steps over them. `watch`, `live`, `pods` and `kinds` hold what is known of the
//! cluster; `lease` decides who works; `operator` wires it all. What runs in the pods is the
//! server's business, its knobs are `crates/config`'s.

mod alerts;
pub mod api;
pub mod backoff;
pub mod chart;
pub mod children;
pub mod cli;
pub mod conditions;
pub mod contest;
pub mod crd;
pub mod diff;
pub mod events;
pub mod fields;
pub mod http;
pub mod kinds;
pub mod knobs;
pub mod lease;
pub mod live;
pub mod metrics;
pub mod names;
pub mod operator;
pub mod pods;
pub mod quantity;
pub mod rbac;
pub mod reconcile;
pub mod settings;
pub mod telemetry;
pub mod told;
pub mod watch;
pub mod yaml;
