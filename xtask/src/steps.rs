//! Steps with a title and a time, and the summary at the end.

use std::time::{Duration, Instant};

use crate::failure::Result;
use crate::process::took;

/// Counts steps and remembers how long each took.
#[derive(Debug)]
pub(crate) struct Steps {
    total: usize,
    done: Vec<(String, Duration)>,
}

impl Steps {
    pub(crate) fn new(total: usize) -> Self {
        Self {
            total,
            done: Vec::new(),
        }
    }

    /// Runs one step; the first that fails is the last.
    pub(crate) fn step<T>(&mut self, title: &str, run: impl FnOnce() -> Result<T>) -> Result<T> {
        let number = self.done.len() + 1;
        eprintln!("\n==> [{number}/{}] {title}", self.total);
        let started = Instant::now();
        let result = run();
        let time = started.elapsed();
        let word = if result.is_ok() { "done" } else { "FAILED" };
        eprintln!("    {word} in {}", took(time));
        self.done.push((title.to_owned(), time));
        if result.is_err() {
            self.summary(&format!("stopped at step {number} of {}", self.total));
        }
        result
    }

    pub(crate) fn summary(&self, heading: &str) {
        let all: Duration = self.done.iter().map(|(_, time)| *time).sum();
        eprintln!("\n{heading}, after {}:", took(all));
        for (title, time) in &self.done {
            eprintln!("  {:>12}  {title}", took(*time));
        }
    }
}
