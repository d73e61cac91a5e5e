//! The operator against a real API server and real controllers. What a kubelet would do is told
//! by a stand-in; the rest is as users run it: kubectl, the shipped role, the program.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    missing_docs,
    unreachable_pub,
    reason = "a test fails by panicking"
)]

#[path = "support/objects.rs"]
mod objects;
#[path = "support/operator.rs"]
mod operator;

#[path = "cluster/children.rs"]
mod children;
#[path = "cluster/election.rs"]
mod election;
#[path = "cluster/household.rs"]
mod household;
#[path = "cluster/outage.rs"]
mod outage;
#[path = "cluster/ownership.rs"]
mod ownership;
#[path = "cluster/permissions.rs"]
mod permissions;
#[path = "cluster/quiet.rs"]
mod quiet;
#[path = "cluster/rollout.rs"]
mod rollout;
#[path = "cluster/scaling.rs"]
mod scaling;
#[path = "cluster/schema.rs"]
mod schema;
#[path = "cluster/telemetry.rs"]
mod telemetry;
#[path = "cluster/upgrade.rs"]
mod upgrade;
