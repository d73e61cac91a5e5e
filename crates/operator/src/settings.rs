//! From a spec to settings that hold, or all that is wrong with it. Pure.
//!
//! The API server refuses much of this at apply time already, by the schema; an object that was
//! stored before a rule, or that a cluster without the newest definition took, ends up here.

mod rules;

pub(crate) use rules::OWN_VARIABLES;

use push_manager_config::{Config, ConfigError, Loaded, Origin, Override, Problem, Sources, load};
use sha2::{Digest, Sha256};

use crate::{api::PushManagerSpec, knobs};

/// What a pod's end may take beyond the server's own notice and timeout, in seconds: leaving etcd,
/// closing connections, and the kubelet's own time.
const END_MARGIN: i64 = 15;
/// Least room between the server's own time to end and the kubelet's patience, in seconds.
const LEAST_MARGIN: i64 = 5;

/// What is decided of a PushManager before anything is built.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The server's configuration.
    pub config: Config,
    /// The configuration file: what the user gave, and no default that a version may change.
    pub yaml: String,
    /// Over what of the file only a restart brings into effect.
    pub hash: String,
    /// The image of the pods.
    pub image: String,
    /// How long a pod may take to end, in seconds.
    pub grace: i64,
    /// What is odd but works.
    pub advice: Vec<String>,
}

/// What is wrong with a spec, a line each, with what to mend.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", problems.join("; "))]
pub struct Invalid {
    /// The problems, bounded as those of a configuration are.
    pub problems: Vec<String>,
}

/// Settles a spec. `repository` is where images of versions are.
pub fn settle(name: &str, spec: &PushManagerSpec, repository: &str) -> Result<Settings, Invalid> {
    let mut problems = rules::broken(name, spec);
    let loaded = match load(&sources(spec)) {
        Ok(loaded) => Some(loaded),
        Err(error) => {
            problems.extend(told(&error));
            None
        }
    };
    if let Some(loaded) = &loaded {
        problems.extend(rules::broken_with(
            spec,
            &loaded.config,
            least_grace(loaded),
        ));
    }
    match loaded {
        Some(loaded) if problems.is_empty() => Ok(settled(spec, repository, loaded)),
        _ => Err(Invalid { problems }),
    }
}

fn settled(spec: &PushManagerSpec, repository: &str, loaded: Loaded) -> Settings {
    let grace = least_grace(&loaded) - LEAST_MARGIN + END_MARGIN;
    let image = spec.image.clone();
    Settings {
        yaml: loaded.given_yaml(|_| true),
        hash: format!("{:016x}", hash(&loaded.given_yaml(|knob| !knob.reloadable))),
        image: image.unwrap_or_else(|| format!("{repository}:{}", spec.version)),
        grace: spec.termination_grace_period_seconds.unwrap_or(grace),
        advice: loaded
            .warnings
            .into_iter()
            .chain(rules::advice(spec))
            .collect(),
        config: loaded.config,
    }
}

fn sources(spec: &PushManagerSpec) -> Sources {
    let ours = knobs::OPERATOR_DEFAULTS.iter();
    let ours = ours.map(|(key, value)| Override::named("the operator", *key, *value));
    let overrides = ours.chain(knobs::given(spec)).collect();
    Sources {
        overrides,
        ..Sources::default()
    }
}

fn told(error: &ConfigError) -> Vec<String> {
    error.problems().iter().map(line).collect()
}

/// The field that was given, and beside it the one that is wrong, where that is another.
fn line(problem: &Problem) -> String {
    let Origin::Flag(given) = &problem.origin else {
        return problem.to_string();
    };
    let meant = push_manager_config::knob(&problem.key).and_then(knobs::field);
    let meant = meant.map(|field| format!("spec.{}.{}", field.section, field.name));
    let fault = problem.fault.to_string().replace("(flag spec.", "(spec.");
    match meant {
        Some(meant) if meant != *given => format!("{given}: {meant}: {fault}"),
        _ => format!("{given}: {fault}"),
    }
}

/// The shortest time that a pod must have to end, in seconds.
fn least_grace(loaded: &Loaded) -> i64 {
    let drain = loaded.config.drain.notice + loaded.config.drain.timeout;
    let seconds = drain.as_secs() + u64::from(drain.subsec_nanos() > 0);
    i64::try_from(seconds).unwrap_or(i64::MAX / 2) + LEAST_MARGIN
}

/// Enough of a SHA-256 to tell configurations apart, short enough to read out.
fn hash(text: &str) -> u64 {
    let digest = Sha256::digest(text.as_bytes());
    let start = digest.iter().take(8);
    start.fold(0_u64, |hash, byte| hash << 8 | u64::from(*byte))
}
