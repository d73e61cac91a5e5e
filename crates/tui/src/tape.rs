//! The past: in memory for stepping back, in files for later.

mod ring;

pub use self::ring::Tape;
