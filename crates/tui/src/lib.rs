//! pushtop.
