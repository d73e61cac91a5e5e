//! One knob changed while running, by the same rules as when loaded.

use std::collections::BTreeMap;

use crate::check;
use crate::error::{ConfigError, Fault, Problem, Problems};
use crate::given::{Given, plain};
use crate::knobs::Config;
use crate::load::refusal;
use crate::nearest::nearest_key;
use crate::origin::Origin;

/// The configuration with `key` set to `value`, written as a file would write it. Bounds and the
/// relations between knobs hold, or the error says which doesn't. `by` names where the value was
/// given. Whether the knob may change while running is the caller's to decide.
pub fn change(config: &Config, key: &str, value: &str, by: &str) -> Result<Config, ConfigError> {
    let origin = Origin::Flag(by.to_owned());
    let mut problems = Problems::default();
    let mut changed = config.clone();
    match crate::knob(key) {
        Some(knob) => {
            let given = Given::Text(value.to_owned());
            match (knob.set)(&mut changed, &given) {
                Ok(()) => {
                    let origins = BTreeMap::from([(knob.key, origin)]);
                    check::relations(&changed, &origins, &mut problems);
                }
                Err(refused) => problems.push(refusal(knob, &given, origin, refused)),
            }
        }
        None => problems.push(Problem {
            origin,
            key: plain(key),
            fault: Fault::UnknownKey {
                nearest: nearest_key(key).map(ToOwned::to_owned),
            },
        }),
    }
    problems.into_result()?;
    Ok(changed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_obeys_bounds_and_relations() {
        let config = Config::default();
        let set = |key, value| change(&config, key, value, "SET");
        let changed = set("limits.concurrent_pushes", "7").unwrap();
        assert_eq!(changed.limits.concurrent_pushes, 7);
        let text = set("limits.concurrent_pushes", "0")
            .unwrap_err()
            .to_string();
        assert!(text.contains("a whole number from 1"), "{text}");
        let text = set("limits.max_data", "9MiB").unwrap_err().to_string();
        assert!(text.contains("limits.max_message"), "{text}");
        let text = set("limits.concurent_pushes", "7").unwrap_err().to_string();
        assert!(text.contains("limits.concurrent_pushes"), "{text}");
    }
}
