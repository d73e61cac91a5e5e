//! Knobs.
