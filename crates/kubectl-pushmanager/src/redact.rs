//! Leaves secrets out of what is written down.
//!
//! Pure. A name that looks like that of a secret loses its value, wherever it stands: a field, a
//! variable, an argument, an annotation, a line of a log or of a configuration. So does the user
//! part of a URL. Too much is masked rather than too little: `max_key_bytes = 9` loses its 9.
//! A secret that nothing names (a password in a sentence) is not found.

mod names;
mod object;
mod open;
mod text;

pub use self::{object::object, text::text};

/// Stands where something was left out.
pub const MASK: &str = "***";

#[cfg(test)]
pub(crate) mod tests;
