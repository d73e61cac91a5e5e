//! redact only for now
#![allow(missing_docs)]
pub mod redact;
