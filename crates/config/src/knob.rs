//! One row of the table of knobs: what is said about a knob, and how to set and show it.
//!
//! Bounds and parsing belong to the knob's rule (`rule.rs`).

use crate::Config;
use crate::given::{Given, Refused};
use crate::shape::Shape;

/// The shape of a knob's value, for those who render forms or schemas.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Free or constrained text.
    Text,
    /// A list of texts, written with commas where only one text fits.
    List,
    /// `true` or `false`.
    Flag,
    /// A whole number.
    Count,
    /// A TCP port.
    Port,
    /// A number of bytes.
    Bytes,
    /// A length of time.
    Duration,
    /// A number between two bounds, such as a share.
    Ratio,
    /// One of a few words.
    Choice,
}

/// A knob: its name, what may be given, and where.
#[derive(Debug)]
pub struct Knob {
    /// Section and name, e.g. `fanout.deadline`.
    pub key: &'static str,
    /// The contract's environment variable, if it names one; see also [`Knob::pm_env`].
    pub env: Option<&'static str>,
    /// Whether a change takes effect without a restart.
    pub reloadable: bool,
    /// Whether the value must never be shown.
    pub secret: bool,
    /// The shape of the value.
    pub kind: Kind,
    pub(crate) docs: &'static [&'static str],
    pub(crate) unit: fn() -> &'static str,
    pub(crate) shape: fn() -> Shape,
    pub(crate) expected: fn() -> String,
    pub(crate) set: fn(&mut Config, &Given) -> Result<(), Refused>,
    pub(crate) show: fn(&Config) -> String,
    pub(crate) differs: fn(&Config, &Config) -> bool,
}

impl Knob {
    /// What the knob does, in a sentence or two.
    pub fn doc(&self) -> String {
        join_docs(self.docs)
    }

    /// The section, e.g. `fanout`.
    pub fn section(&self) -> &'static str {
        self.split().0
    }

    /// The name within its section, e.g. `deadline`.
    pub fn name(&self) -> &'static str {
        self.split().1
    }

    /// What a number counts, e.g. `bytes`; empty where that says nothing.
    pub fn unit(&self) -> &'static str {
        (self.unit)()
    }

    /// The bounds as data.
    pub fn shape(&self) -> Shape {
        (self.shape)()
    }

    /// What may be given, bounds and units included.
    pub fn expected(&self) -> String {
        (self.expected)()
    }

    /// The default, written as one would write it.
    pub fn default_text(&self) -> String {
        self.text(&Config::default())
    }

    /// This knob's value in `config`, written so that it reads back equal; a secret is masked.
    pub fn text(&self, config: &Config) -> String {
        (self.show)(config)
    }

    /// Whether two configurations differ in this knob.
    pub fn differs(&self, a: &Config, b: &Config) -> bool {
        (self.differs)(a, b)
    }

    /// The environment variable that every knob has, e.g. `PM_FANOUT_DEADLINE`.
    pub fn pm_env(&self) -> String {
        format!("PM_{}", self.key.replace('.', "_").to_ascii_uppercase())
    }

    fn split(&self) -> (&'static str, &'static str) {
        self.key.split_once('.').unwrap_or(("", self.key))
    }
}

/// Joins the lines of a doc comment into one paragraph.
pub(crate) fn join_docs(lines: &[&str]) -> String {
    let lines: Vec<&str> = lines.iter().map(|line| line.trim()).collect();
    lines.join(" ").trim().to_owned()
}

/// Marks that a declaration may carry.
#[derive(Clone, Copy)]
pub(crate) struct Marks {
    pub(crate) reloadable: bool,
    pub(crate) secret: bool,
}

impl Marks {
    pub(crate) const NONE: Self = Self {
        reloadable: false,
        secret: false,
    };

    pub(crate) const fn reloadable(self) -> Self {
        Self {
            reloadable: true,
            ..self
        }
    }

    pub(crate) const fn secret(self) -> Self {
        Self {
            secret: true,
            ..self
        }
    }
}
