//! Where a value came from.

use std::fmt;

/// The place that a value was given at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Nowhere: the built-in default.
    Default,
    /// A file.
    File {
        /// The file's name as the caller gave it.
        name: String,
        /// The line, from 1; 0 when no line applies.
        line: u64,
    },
    /// An environment variable.
    Env(String),
    /// A command line flag, e.g. `--set`.
    Flag(String),
}

impl Origin {
    /// The form that starts a problem's line: a file's name and line need no word before them.
    pub(crate) fn prefix(&self) -> String {
        match self {
            Self::File { name, line: 0 } => name.clone(),
            Self::File { name, line } => format!("{name}:{line}"),
            Self::Default | Self::Env(_) | Self::Flag(_) => self.to_string(),
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File { .. } => write!(f, "file {}", self.prefix()),
            Self::Env(name) => write!(f, "env {name}"),
            Self::Flag(name) => write!(f, "flag {name}"),
        }
    }
}
