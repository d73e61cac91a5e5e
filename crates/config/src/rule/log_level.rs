//! The filter of log lines: a level, or a level per target.
//!
//! Only what commonly goes wrong is checked here; the server's filter has the last word.

use super::Rule;
use crate::given::{Given, Refused};
use crate::knob::Kind;
use crate::shape::Shape;

const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];

/// Longest filter, in bytes.
const MAX_FILTER: usize = 1024;

/// A filter such as `info` or `push_manager=debug,h2=warn`.
pub(crate) struct LogLevel;

impl Rule for LogLevel {
    type Value = String;
    const KIND: Kind = Kind::Text;

    fn parse(&self, given: &Given) -> Result<String, Refused> {
        let text = given.text()?;
        // Span filters (`target[span{field}]=level`) may hold commas: left to the server.
        let spans = text.contains('[') && !text.contains(char::is_control);
        if !text.is_empty()
            && text.len() <= MAX_FILTER
            && (spans || text.split(',').all(is_directive))
        {
            return Ok(text.to_owned());
        }
        Err(Refused::default())
    }

    fn expected(&self) -> String {
        format!(
            "a level ({}) or levels for targets such as info,push_manager=debug,h2=warn",
            LEVELS.join(", ")
        )
    }

    fn shape(&self) -> Shape {
        Shape::Text {
            min: 1,
            max: MAX_FILTER,
        }
    }

    fn show(&self, value: &String) -> String {
        value.clone()
    }
}

/// A bare word must be a level: elsewhere it would be taken for a target and open it wide.
fn is_directive(text: &str) -> bool {
    let target_char = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | ':' | '-' | '.');
    match text.trim().split_once('=') {
        None => is_level(text.trim()),
        Some((target, level)) => {
            !target.is_empty() && target.chars().all(target_char) && is_level(level)
        }
    }
}

fn is_level(text: &str) -> bool {
    LEVELS.iter().any(|level| level.eq_ignore_ascii_case(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelt_level_is_refused_rather_than_taken_for_a_target() {
        let parse = |text: &str| LogLevel.parse(&Given::Text(text.to_owned()));
        for good in [
            "info",
            "WARN",
            "push_manager=debug,h2=warn",
            "info, a::b=trace",
            "[push]=info",
        ] {
            assert!(parse(good).is_ok(), "{good}");
        }
        for bad in ["", "inof", "info,", "a=loud", "=info", "a b=info"] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }
}
