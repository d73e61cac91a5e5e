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

/// The file descriptors of everything in [`pubsub`], for server reflection.
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/pubsub.bin"));
