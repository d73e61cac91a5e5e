//! The language that picks nodes: `state=failed`, `queue>80%`, `rtt.p99>100ms`, `name~"push-2*"`,
//! `and`, `or`, `not`, parentheses; a bare word is part of a name. Pure.
//!
//! What isn't known (a rate before the second look, the percentile of nothing) matches no
//! comparison; `not` is the plain opposite, so `not rtt.p99>1ms` holds for it.

mod eval;
mod field;
mod lex;
mod parse;

pub(crate) use self::eval::word;
use self::parse::Expression;
pub use self::{field::Field, lex::duration};
use crate::fleet::Node;

/// The longest filter, in characters.
pub const LONGEST: usize = 1_000;

/// A filter that was understood.
#[derive(Clone, Debug, PartialEq)]
pub struct Filter {
    text: String,
    /// Nothing = everything.
    expression: Option<Expression>,
}

/// Why a text is no filter.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct FilterError {
    /// Where, in characters from 0.
    pub at: usize,
    /// What is wrong, and what may stand there.
    pub message: String,
}

impl Filter {
    /// Reads a filter; nothing picks everything.
    pub fn parse(text: &str) -> Result<Self, FilterError> {
        if text.chars().count() > LONGEST {
            return Err(FilterError {
                at: LONGEST,
                message: format!("a filter is at most {LONGEST} characters long"),
            });
        }
        Ok(Self {
            text: text.trim().to_owned(),
            expression: parse::parse(text)?,
        })
    }

    /// As it was written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether a node is picked.
    pub fn matches(&self, node: &Node) -> bool {
        self.expression
            .as_ref()
            .is_none_or(|expression| eval::holds(expression, node))
    }
}

#[cfg(test)]
mod tests;
