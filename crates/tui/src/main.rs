//! pushtop.
fn main() {}
