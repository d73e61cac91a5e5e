//! What can be wrong with a configuration, one line a problem.

use std::fmt;

use crate::origin::Origin;

/// Most problems that one error keeps; the rest are counted.
pub const MAX_PROBLEMS: usize = 100;

/// Everything that is wrong with the given configuration.
#[derive(Debug, thiserror::Error)]
pub struct ConfigError {
    problems: Vec<Problem>,
    left_out: usize,
}

impl ConfigError {
    /// The problems, at most [`MAX_PROBLEMS`], in the order file, environment, flags, cross-checks.
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.problems.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{problem}")?;
        }
        match self.left_out {
            0 => Ok(()),
            more => write!(f, "\nand {more} more problems"),
        }
    }
}

/// One thing to mend.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Where it was given.
    pub origin: Origin,
    /// The key concerned; empty when it is the whole file.
    pub key: String,
    /// What is wrong.
    pub fault: Fault,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.origin.prefix())?;
        if !self.key.is_empty() {
            write!(f, "{}: ", self.key)?;
        }
        write!(f, "{}", self.fault)
    }
}

/// What is wrong with a key or a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// No knob has this key.
    UnknownKey {
        /// The knob or section that was probably meant.
        nearest: Option<String>,
    },
    /// The value is outside what the knob takes.
    BadValue {
        /// The value in quotes, or what stands for it when it must not be shown.
        given: String,
        /// What may be given.
        expected: String,
        /// What to mend, where there is more to say.
        hint: Option<String>,
    },
    /// The same key is given twice in one file.
    Duplicate {
        /// The line of the first.
        first: u64,
    },
    /// The text could not be taken apart.
    Unreadable {
        /// Why.
        what: String,
    },
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownKey { nearest: None } => f.write_str("unknown key"),
            Self::UnknownKey {
                nearest: Some(nearest),
            } => write!(f, "unknown key; did you mean {nearest}?"),
            Self::BadValue {
                given,
                expected,
                hint,
            } => {
                write!(f, "got {given}, expected {expected}")?;
                match hint {
                    Some(hint) => write!(f, "; {hint}"),
                    None => Ok(()),
                }
            }
            Self::Duplicate { first } => write!(f, "given twice, first on line {first}"),
            Self::Unreadable { what } => f.write_str(what),
        }
    }
}

/// Collects problems up to the bound.
#[derive(Debug, Default)]
pub(crate) struct Problems {
    kept: Vec<Problem>,
    left_out: usize,
}

impl Problems {
    pub(crate) fn push(&mut self, problem: Problem) {
        if self.kept.len() < MAX_PROBLEMS {
            self.kept.push(problem);
        } else {
            self.left_out += 1;
        }
    }

    /// Whether further problems would only be counted.
    pub(crate) fn full(&self) -> bool {
        self.kept.len() >= MAX_PROBLEMS
    }

    /// Whether a problem with this key was kept.
    pub(crate) fn about(&self, key: &str) -> bool {
        self.kept.iter().any(|problem| problem.key == key)
    }

    pub(crate) fn into_result(self) -> Result<(), ConfigError> {
        if self.kept.is_empty() {
            return Ok(());
        }
        Err(ConfigError {
            problems: self.kept,
            left_out: self.left_out,
        })
    }
}
