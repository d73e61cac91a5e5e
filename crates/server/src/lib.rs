//! Push-Manager: takes pushes from business servers over gRPC, asks the
//! Controller-Manager who is where, and fans out to the Connect-Nodes that it
//! discovers.
//!
//! docs/ARCHITECTURE.md draws the modules and their ranks: each calls only
//! lower ones.

pub mod admin;
pub mod advertise;
pub mod api;
pub mod caller;
pub mod channel;
pub mod cli;
pub mod clock;
pub mod counts;
pub mod delivery;
pub mod dev;
pub mod discovery;
pub mod error;
pub mod events;
pub mod ids;
pub mod locate;
pub mod message;
pub mod metrics;
pub mod outcome;
pub mod pipeline;
pub mod pool;
pub mod probes;
pub mod readiness;
pub mod registration;
pub mod routing;
pub mod server;
pub mod settings;
pub mod telemetry;
pub mod timings;
pub mod trace;
pub mod tuning;
