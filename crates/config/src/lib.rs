//! Every knob of Push-Manager in one place: its name, default, unit, bounds, environment variable and meaning.
//!
//! `knobs.rs` holds one declaration per knob; the typed [`Config`], the table [`knobs()`] and the
//! reference in `docs/configuration.md` all come from it. [`load()`] lays file, environment and flags
//! over the defaults and names every problem at once. This crate reads no files and no environment,
//! prints nothing and applies nothing: its caller brings the texts and acts on the result.

mod change;
mod check;
mod choice;
mod declare;
mod env;
mod error;
mod file;
mod given;
mod knob;
mod knobs;
mod load;
mod loaded;
mod markdown;
mod nearest;
mod origin;
mod rule;
mod secret;
mod shape;
mod sources;
mod tree;

pub use change::change;
pub use choice::{DiscoveryKind, LogFormat, Strategy};
pub use error::{ConfigError, Fault, MAX_PROBLEMS, Problem};
pub use file::MAX_FILE_BYTES;
pub use knob::{Kind, Knob};
pub use knobs::{
    Admin, Advertise, Config, Controller, Discovery, Drain, Etcd, Fanout, Grpc, Limits, Log,
    Manager, Metrics, Pool, Registration, Routing, Tracing, knobs,
};
pub use load::load;
pub use loaded::{Loaded, Row, changed};
pub use markdown::markdown;
pub use origin::Origin;
pub use secret::Secret;
pub use shape::Shape;
pub use sources::{File, Override, Sources};

/// What a section of knobs is about, e.g. that of `fanout`.
pub fn section_doc(section: &str) -> Option<String> {
    let (_, docs) = knobs::SECTIONS.iter().find(|(name, _)| *name == section)?;
    Some(knob::join_docs(docs))
}

/// The knob whose key this is, e.g. `fanout.deadline`.
pub fn knob(key: &str) -> Option<&'static Knob> {
    knobs().iter().find(|knob| knob.key == key)
}
