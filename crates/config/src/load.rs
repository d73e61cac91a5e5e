//! Lays file, environment and flags over the defaults.

use std::collections::BTreeMap;

use crate::check;
use crate::env;
use crate::error::{ConfigError, Fault, Problem, Problems};
use crate::file;
use crate::given::{Given, Refused, plain};
use crate::knob::Knob;
use crate::knobs::Config;
use crate::loaded::Loaded;
use crate::nearest::nearest_key;
use crate::origin::Origin;
use crate::sources::{Override, Sources};

/// Loads a configuration: defaults < file < environment < flags. Either every given
/// value is good, or the error names all that are not.
pub fn load(sources: &Sources) -> Result<Loaded, ConfigError> {
    let mut layers = Layers::default();
    if let Some(file) = &sources.file {
        for entry in file::entries(file, &mut layers.problems) {
            layers.set(entry.knob, &entry.given, entry.origin);
        }
    }
    for entry in env::entries(&sources.env, &mut layers.warnings) {
        layers.set(entry.knob, &entry.given, Origin::Env(entry.variable));
    }
    for given in &sources.overrides {
        layers.flag(given);
    }
    layers.finish()
}

#[derive(Default)]
struct Layers {
    config: Config,
    origins: BTreeMap<&'static str, Origin>,
    problems: Problems,
    warnings: Vec<String>,
}

impl Layers {
    fn set(&mut self, knob: &'static Knob, given: &Given, origin: Origin) {
        match (knob.set)(&mut self.config, given) {
            Ok(()) => {
                self.origins.insert(knob.key, origin);
            }
            Err(refused) => self.problems.push(refusal(knob, given, origin, refused)),
        }
    }

    fn flag(&mut self, given: &Override) {
        let origin = Origin::Flag(given.flag.clone());
        let fault = match (crate::knob(&given.key), &given.value) {
            (Some(knob), Some(value)) => {
                return self.set(knob, &Given::Text(value.clone()), origin);
            }
            (Some(_), None) => Fault::Unreadable {
                what: "a value is missing, expected key=value".to_owned(),
            },
            (None, _) => Fault::UnknownKey {
                nearest: nearest_key(&given.key).map(ToOwned::to_owned),
            },
        };
        self.problems.push(Problem {
            origin,
            key: plain(&given.key),
            fault,
        });
    }

    fn finish(mut self) -> Result<Loaded, ConfigError> {
        check::relations(&self.config, &self.origins, &mut self.problems);
        self.problems.into_result()?;
        check::advice(&self.config, &mut self.warnings);
        Ok(Loaded {
            config: self.config,
            origins: self.origins,
            warnings: self.warnings,
        })
    }
}

/// What is said of a value that a knob's rule refuses.
pub(crate) fn refusal(knob: &Knob, given: &Given, origin: Origin, refused: Refused) -> Problem {
    let link = match &origin {
        Origin::Env(variable) => env::service_link_hint(knob, variable, given),
        Origin::Default | Origin::File { .. } | Origin::Flag(_) => None,
    };
    let given = if knob.secret {
        "a secret that is not shown".to_owned()
    } else {
        given.quoted()
    };
    Problem {
        origin,
        key: knob.key.to_owned(),
        fault: Fault::BadValue {
            given,
            expected: knob.expected(),
            hint: link.or(refused.hint),
        },
    }
}
