//! The configuration file, watched: what may change while running is applied,
//! the rest is named as waiting for a restart.

use std::path::Path;

use notify::{EventKind, RecursiveMode, Watcher};
use push_manager_config::{Config, Sources, change, changed, load};
use tokio::{
    sync::mpsc::{self, Receiver},
    time::{Duration, sleep},
};
use tracing::{debug, warn};

use super::options;
use crate::{
    events::{EventLog, Kind, Level, News},
    tuning::Tuning,
};

/// Editors and ConfigMap updates make several events: they are read as one.
const SETTLE: Duration = Duration::from_millis(200);

/// Who asks for the change, as messages name it.
const BY: &str = "the configuration file";

/// Applies changes of the file for ever. Without a file, or where the system
/// can't watch it, it only waits.
pub(super) async fn watch(
    path: Option<&Path>,
    mut sources: Sources,
    mut config: Config,
    tuning: &Tuning,
    events: &EventLog,
) {
    let Some((path, watched)) = path.and_then(|path| Some((path, start(path)?))) else {
        return std::future::pending().await;
    };
    let (_watcher, mut changes) = watched;
    // Once at the beginning: the file may have changed after it was read and before it was watched.
    loop {
        match options::read(path) {
            Ok(file) => {
                sources.file = Some(file);
                match load(&sources) {
                    Ok(loaded) => config = apply(config, &loaded.config, tuning, events),
                    Err(error) => {
                        warn!(%error, "configuration not reloaded: the last good one stays");
                    }
                }
            }
            Err(failed) => warn!(error = failed.text, "configuration not reloaded"),
        }
        if changes.recv().await.is_none() {
            break;
        }
        sleep(SETTLE).await;
        while changes.try_recv().is_ok() {}
    }
    std::future::pending::<()>().await;
}

/// Gives the configuration that is in force now, as far as the file says.
fn apply(mut old: Config, new: &Config, tuning: &Tuning, events: &EventLog) -> Config {
    let mut waiting = Vec::new();
    for knob in changed(&old, new) {
        let value = knob.text(new);
        if !knob.reloadable {
            waiting.push(knob.key);
            continue;
        }
        match tuning.set(knob.key, &value, BY) {
            Ok((from, to)) if from != to => {
                let message = format!("{} is {to} now, was {from}", knob.key);
                events.record(News::new(Level::Audit, Kind::ActionSet, message).by(BY));
            }
            Ok(_) => {}
            Err(error) => {
                let error = super::with_causes(&error);
                warn!(key = knob.key, error, "setting not changed");
                continue;
            }
        }
        if let Ok(changed) = change(&old, knob.key, &value, BY) {
            old = changed;
        }
    }
    if !waiting.is_empty() {
        let keys = waiting.join(",");
        warn!(
            keys,
            "changed knobs that take effect at the next start only"
        );
    }
    old
}

type Watched = (notify::RecommendedWatcher, Receiver<()>);

/// Watches the folder, since editors and ConfigMaps replace the file itself.
fn start(path: &Path) -> Option<Watched> {
    let (tell, changes) = mpsc::channel(1);
    let watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
        // Reading the file is an access event: only what changes it counts.
        if event.is_ok_and(|event| !matches!(event.kind, EventKind::Access(_))) {
            // Full means that a change is already waiting to be read.
            let waiting = tell.try_send(()).is_err();
            debug!(waiting, "the configuration's folder changed");
        }
    });
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let watching = watcher.and_then(|mut watcher| {
        watcher.watch(folder, RecursiveMode::NonRecursive)?;
        Ok(watcher)
    });
    match watching {
        Ok(watcher) => Some((watcher, changes)),
        Err(error) => {
            warn!(%error, "the configuration file can't be watched: changes need a restart");
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Epoch;

    #[test]
    fn a_setting_that_the_file_changes_is_in_the_audit_like_an_operators() {
        let (old, events) = (Config::default(), EventLog::new(Epoch::begin()));
        let tuning = Tuning::new(&old, None);
        let mut new = old.clone();
        new.limits.max_excludes = 7;
        new.grpc.port = 1;
        let now = apply(old, &new, &tuning, &events);
        apply(now, &new, &tuning, &events);
        let (told, _) = events.after(0, usize::MAX);
        assert_eq!(told.len(), 1, "{told:?}");
        let news = &told[0].news;
        assert_eq!((news.level, news.kind), (Level::Audit, Kind::ActionSet));
        assert_eq!(news.actor.as_deref(), Some(BY));
        let message = &news.message;
        assert!(
            message.starts_with("limits.max_excludes is 7 now"),
            "{message}"
        );
    }
}
