//! The program `pushtop`.

fn main() {}
