//! The settings that change while running: their values now, and the one place
//! where a change is decided and carried out, whoever asks for it.
//!
//! What may be given is the configuration's to say; who may ask is the admin
//! API's.

use std::{
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use arc_swap::ArcSwap;
use push_manager_config::{Config, ConfigError, Knob, change, knob, knobs};
use tracing::info;

use crate::telemetry::{SetLevel, check_level};

/// What a request to the push API may hold, and how many are carried out at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of an id.
    pub max_id: usize,
    /// Bytes of `data` or `payload`.
    pub max_data: usize,
    /// Excluded users.
    pub max_excludes: usize,
    /// Pushes at a time.
    pub concurrent_pushes: usize,
}

impl Limits {
    /// As configured.
    pub fn of(config: &Config) -> Self {
        let limits = &config.limits;
        Self {
            max_id: limits.max_id,
            max_data: limits.max_data,
            max_excludes: limits.max_excludes,
            concurrent_pushes: limits.concurrent_pushes,
        }
    }
}

/// Why a setting stays as it is.
#[derive(Debug, thiserror::Error)]
pub enum TuneError {
    /// There is no such setting, or it takes effect at the next start only.
    #[error("{key} can't be changed while running; {known} can")]
    Fixed {
        /// As given.
        key: String,
        /// Those that can.
        known: String,
    },
    /// The value is out of bounds, or doesn't suit another setting.
    #[error("the value is refused")]
    Value(#[from] ConfigError),
    /// The log's filter refuses the level.
    #[error("log.level: {0}")]
    Level(String),
}

/// The settings now. Clones share them.
#[derive(Clone)]
pub struct Tuning {
    shared: Arc<Shared>,
}

struct Shared {
    configured: Config,
    current: Mutex<Config>,
    limits: ArcSwap<Limits>,
    revision: AtomicU64,
    set_level: Option<SetLevel>,
}

impl Tuning {
    /// As configured. Without `set_level` the log is left to whoever set it up.
    pub fn new(config: &Config, set_level: Option<SetLevel>) -> Self {
        let shared = Shared {
            configured: config.clone(),
            current: Mutex::new(config.clone()),
            limits: ArcSwap::from_pointee(Limits::of(config)),
            revision: AtomicU64::new(1),
            set_level,
        };
        Self {
            shared: Arc::new(shared),
        }
    }

    /// The push API's limits now.
    pub fn limits(&self) -> Limits {
        **self.shared.limits.load()
    }

    /// The settings that can be changed, in the configuration's order.
    pub fn knobs() -> impl Iterator<Item = &'static Knob> {
        knobs().iter().filter(|knob| knob.reloadable)
    }

    /// A setting's value now and its value at the start, as the configuration writes them.
    pub fn values(&self, knob: &Knob) -> (String, String) {
        let current = knob.text(&self.current());
        (current, knob.text(&self.shared.configured))
    }

    /// Grows with each change.
    pub fn revision(&self) -> u64 {
        self.shared.revision.load(Ordering::Acquire)
    }

    /// What [`Tuning::set`] would say, and the value as it would then be shown.
    pub fn check(&self, key: &str, value: &str, by: &str) -> Result<String, TuneError> {
        let (knob, changed) = checked(&self.current(), key, value, by)?;
        if knob.key == "log.level" {
            check_level(&changed.log.level).map_err(TuneError::Level)?;
        }
        Ok(knob.text(&changed))
    }

    /// Changes a setting at once, until it is changed again or the process
    /// ends. `by` is who asked. Gives the values before and after.
    pub fn set(&self, key: &str, value: &str, by: &str) -> Result<(String, String), TuneError> {
        let mut current = self.current();
        let (knob, changed) = checked(&current, key, value, by)?;
        if knob.differs(&current, &changed)
            && knob.key == "log.level"
            && let Some(set_level) = &self.shared.set_level
        {
            set_level(&changed.log.level).map_err(TuneError::Level)?;
        }
        let (from, to) = (knob.text(&current), knob.text(&changed));
        if from != to {
            self.shared.limits.store(Arc::new(Limits::of(&changed)));
            *current = changed;
            self.shared.revision.fetch_add(1, Ordering::AcqRel);
            info!(key = knob.key, from, to, by, "setting changed");
        }
        Ok((from, to))
    }

    fn current(&self) -> MutexGuard<'_, Config> {
        let current = self.shared.current.lock();
        current.unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Tuning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tuning")
            .field("limits", &self.limits())
            .field("revision", &self.revision())
            .finish_non_exhaustive()
    }
}

fn checked(
    config: &Config,
    key: &str,
    value: &str,
    by: &str,
) -> Result<(&'static Knob, Config), TuneError> {
    let Some(knob) = knob(key).filter(|knob| knob.reloadable) else {
        let known: Vec<_> = Tuning::knobs().map(|knob| knob.key).collect();
        let key = key.chars().take(64).collect::<String>();
        let key = key.escape_debug().to_string();
        let known = known.join(", ");
        return Err(TuneError::Fixed { key, known });
    };
    Ok((knob, change(config, key, value, by)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_takes_effect_at_once_and_shows_beside_the_configured_value() {
        let tuning = Tuning::new(&Config::default(), None);
        let before = tuning.revision();
        tuning.set("limits.concurrent_pushes", "3", "me").unwrap();
        assert_eq!(tuning.limits().concurrent_pushes, 3);
        let knob = knob("limits.concurrent_pushes").unwrap();
        assert_eq!(tuning.values(knob), ("3".into(), "4096".into()));
        assert!(tuning.revision() > before);
    }

    #[test]
    fn a_refused_change_changes_nothing_and_says_what_to_mend() {
        let tuning = Tuning::new(&Config::default(), None);
        let before = (tuning.limits(), tuning.revision());
        assert!(tuning.set("limits.max_data", "1GiB", "me").is_err());
        assert!(tuning.set("limits.max_id", "0", "me").is_err());
        assert!(tuning.set("log.level", "inof", "me").is_err());
        let error = tuning.set("grpc.port", "1", "me").unwrap_err();
        assert!(error.to_string().contains("limits.max_id"), "{error}");
        assert_eq!((tuning.limits(), tuning.revision()), before);
    }
}
