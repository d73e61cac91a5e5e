//! The messages, clients and servers of `proto/`, generated; nothing by hand but this file.

/// The package `pubsub`: what business servers, the Controller-Manager and Connect-Nodes speak.
#[allow(
    missing_docs,
    unreachable_pub,
    clippy::pedantic,
    clippy::allow_attributes_without_reason,
    reason = "generated code; the fields are documented in the .proto files"
)]
pub mod pubsub {
    tonic::include_proto!("pubsub");
}

/// Our own packages, by the paths that generated code refers to.
pub mod pushmanager {
    /// What consoles and other programs ask a replica.
    pub mod admin {
        /// The package `pushmanager.admin.v1`.
        #[allow(
            missing_docs,
            unreachable_pub,
            clippy::pedantic,
            clippy::allow_attributes_without_reason,
            reason = "generated code; the fields are documented in the .proto files"
        )]
        pub mod v1 {
            tonic::include_proto!("pushmanager.admin.v1");
        }
    }

    /// What consoles write down.
    pub mod recording {
        /// The package `pushmanager.recording.v1`.
        #[allow(
            missing_docs,
            unreachable_pub,
            clippy::pedantic,
            clippy::allow_attributes_without_reason,
            reason = "generated code; the fields are documented in the .proto files"
        )]
        pub mod v1 {
            tonic::include_proto!("pushmanager.recording.v1");
        }
    }
}

pub use pushmanager::{admin::v1 as admin, recording::v1 as recording};

/// The file descriptors of everything in [`pubsub`], for server reflection.
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/pubsub.bin"));

/// The file descriptors of everything in [`admin`], for server reflection.
pub const ADMIN_DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/admin.bin"));
