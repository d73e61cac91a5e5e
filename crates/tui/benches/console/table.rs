//! The figures, as they come in.

use std::process::ExitCode;

/// Figures with their bounds.
pub struct Table {
    broken: Vec<String>,
}

impl Table {
    pub fn new() -> Self {
        println!("{:<58} {:>12} {:>12}", "what", "figure", "bound");
        Self { broken: Vec::new() }
    }

    /// A figure that is only told, e.g. a floor.
    pub fn tell(&mut self, what: &str, figure: f64, unit: &str) {
        println!("{what:<58} {:>12}", with_unit(figure, unit));
    }

    /// A figure that must not be more than its bound.
    pub fn hold(&mut self, what: &str, figure: f64, bound: f64, unit: &str) {
        let holds = figure <= bound;
        println!(
            "{what:<58} {:>12} {:>12}{}",
            with_unit(figure, unit),
            with_unit(bound, unit),
            if holds { "" } else { "  BROKEN" }
        );
        if !holds {
            self.broken.push(what.to_owned());
        }
    }

    pub fn verdict(self) -> ExitCode {
        if self.broken.is_empty() {
            return ExitCode::SUCCESS;
        }
        eprintln!("bounds broken: {}", self.broken.join("; "));
        ExitCode::FAILURE
    }
}

fn with_unit(figure: f64, unit: &str) -> String {
    let digits = if figure < 10.0 { 2 } else { 0 };
    format!("{figure:.digits$} {unit}")
}

/// The value that half of them don't exceed.
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
