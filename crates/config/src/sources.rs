//! What a configuration is loaded from: texts that the caller has already fetched.

use std::collections::BTreeMap;
use std::fmt;

/// Everything that may set a knob, from the weakest to the strongest.
#[derive(Clone, Default)]
pub struct Sources {
    /// The configuration file, if there is one.
    pub file: Option<File>,
    /// The environment; variables that are not ours are ignored.
    pub env: BTreeMap<String, String>,
    /// Flags in the order given; of two for one key the later wins.
    pub overrides: Vec<Override>,
}

/// A configuration file's name and text.
#[derive(Clone, Default)]
pub struct File {
    /// The name to show in errors.
    pub name: String,
    /// The YAML text, at most [`MAX_FILE_BYTES`](crate::MAX_FILE_BYTES).
    pub text: String,
}

/// A knob set on the command line.
#[derive(Clone)]
pub struct Override {
    /// The flag to name in errors, e.g. `--set` or `--grpc-port`.
    pub flag: String,
    /// The knob's key.
    pub key: String,
    /// The value; `None` when the flag's argument had no `=`.
    pub value: Option<String>,
}

impl Override {
    /// The argument of `--set`: `key=value`. One without `=` becomes a problem when loaded.
    pub fn set(argument: &str) -> Self {
        let (key, value) = match argument.split_once('=') {
            Some((key, value)) => (key, Some(value.to_owned())),
            None => (argument, None),
        };
        Self {
            flag: "--set".to_owned(),
            key: key.trim().to_owned(),
            value,
        }
    }

    /// A flag of its own for one knob, e.g. `--grpc-port` for `grpc.port`.
    pub fn named(
        flag: impl Into<String>,
        key: impl Into<String>,
        value: impl Into<String>,
    ) -> Self {
        Self {
            flag: flag.into(),
            key: key.into(),
            value: Some(value.into()),
        }
    }
}

/// Names only: file, environment and flags may hold passwords, ours or others'.
impl fmt::Debug for Sources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sources")
            .field("file", &self.file)
            .field("env", &self.env.keys())
            .field("overrides", &self.overrides)
            .finish()
    }
}

impl fmt::Debug for File {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("File")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Override {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Override")
            .field("flag", &self.flag)
            .field("key", &self.key)
            .finish_non_exhaustive()
    }
}
