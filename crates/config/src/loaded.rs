//! A loaded configuration, and how it is shown and compared.

use std::collections::BTreeMap;

use crate::knob::{Kind, Knob};
use crate::knobs::{Config, knobs};
use crate::origin::Origin;

/// A configuration that passed every check.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The settings.
    pub config: Config,
    /// Where each knob that isn't at its default by omission was set; see [`Loaded::origin`].
    pub origins: BTreeMap<&'static str, Origin>,
    /// What is odd but does not stop the start, one line each.
    pub warnings: Vec<String>,
}

/// One knob as `config show` prints it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// The knob's key.
    pub key: &'static str,
    /// Its value as text; a secret is masked.
    pub value: String,
    /// Where it came from.
    pub origin: Origin,
}

impl Loaded {
    /// Where the value of a knob came from.
    pub fn origin(&self, key: &str) -> Origin {
        self.origins.get(key).cloned().unwrap_or(Origin::Default)
    }

    /// Every knob with its value and origin, in the order of the table.
    pub fn rows(&self) -> Vec<Row> {
        knobs()
            .iter()
            .map(|knob| Row {
                key: knob.key,
                value: knob.text(&self.config),
                origin: self.origin(knob.key),
            })
            .collect()
    }
}

impl Loaded {
    /// A YAML file with the knobs that were given and that `pick` takes, so that the defaults of
    /// whoever reads it apply to all others; secrets are left out.
    pub fn given_yaml(&self, pick: impl Fn(&Knob) -> bool) -> String {
        let given = |knob: &Knob| self.origins.contains_key(knob.key) && pick(knob);
        self.config.yaml_of(given)
    }
}

impl Config {
    /// A YAML file that loads to these settings; secrets are left out.
    pub fn to_yaml(&self) -> String {
        self.yaml_of(|_| true)
    }

    fn yaml_of(&self, pick: impl Fn(&Knob) -> bool) -> String {
        let mut text = String::new();
        let mut section = "";
        let shown = |knob: &&Knob| !knob.secret && pick(knob);
        for knob in knobs().iter().filter(shown) {
            if knob.section() != section {
                section = knob.section();
                text.push_str(section);
                text.push_str(":\n");
            }
            let value = yaml_value(knob, &knob.text(self));
            text.extend(["  ", knob.name(), ": ", &value, "\n"]);
        }
        text
    }
}

fn yaml_value(knob: &Knob, value: &str) -> String {
    match knob.kind {
        Kind::List if value.is_empty() => "[]".to_owned(),
        Kind::List => {
            let entries: Vec<String> = value.split(',').map(yaml_quoted).collect();
            format!("[{}]", entries.join(", "))
        }
        Kind::Text => yaml_quoted(value),
        Kind::Flag
        | Kind::Count
        | Kind::Port
        | Kind::Bytes
        | Kind::Duration
        | Kind::Ratio
        | Kind::Choice => value.to_owned(),
    }
}

/// A single-quoted YAML scalar; no value here holds a line break.
fn yaml_quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// The knobs in which two configurations differ: apply those that are reloadable, warn of the rest.
pub fn changed(old: &Config, new: &Config) -> Vec<&'static Knob> {
    knobs()
        .iter()
        .filter(|knob| knob.differs(old, new))
        .collect()
}
