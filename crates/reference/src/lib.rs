//! Peers to develop, test and start with: a Connect-Node that holds real WebSocket clients, and a
//! Controller-Manager that knows who is where.
//!
//! Both speak the protocols of `proto/` and nothing else: this crate knows nothing of
//! Push-Manager's server. Each can be embedded in another program ([`node::Node`],
//! [`controller::Controller`]) or run as a program of its own (`push-manager-node`,
//! `push-manager-controller`). Who may connect is not decided here: put a proxy that checks
//! tokens in front of the node's HTTP port.

pub mod controller;
pub mod node;
pub mod telemetry;

mod etcd;
mod grpc;
mod id;
mod life;
mod listener;
mod trace;

/// The room under which a node reports users who are in no room, so that they can be found too.
///
/// Answers never name it as a room of the user, and it is not counted as a room.
pub const LOBBY: &str = "@lobby";

/// Why a [`node::Node`] or a [`controller::Controller`] could not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// An address could not be bound.
    #[error("cannot bind {what} at {address}")]
    Bind {
        /// What was to listen there, for example `grpc`.
        what: &'static str,
        /// The address asked for.
        address: std::net::SocketAddr,
        /// What the system said.
        source: std::io::Error,
    },
    /// A setting is not usable.
    #[error("{setting} is not usable: {given:?}; expected {expected}")]
    Setting {
        /// The setting's name.
        setting: &'static str,
        /// What was given.
        given: String,
        /// What would have been right.
        expected: &'static str,
    },
    /// The descriptors for server reflection are broken.
    #[error("cannot offer server reflection")]
    Reflection(#[from] tonic_reflection::server::Error),
}
