//! The past: in memory for stepping back, in files for later.

mod file;
mod packed;
mod record;
mod ring;
#[cfg(test)]
mod tests;

pub use self::{
    file::{Recorder, Recording, RecordingError},
    ring::Tape,
};
