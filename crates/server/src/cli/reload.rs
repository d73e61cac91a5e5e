//! The configuration file, watched: what may change while running is applied,
//! the rest is named as waiting for a restart.

use std::path::Path;

use notify::{EventKind, RecursiveMode, Watcher};
use push_manager_config::{Config, Sources, changed, load};
use tokio::{
    sync::mpsc::{self, Receiver},
    time::{Duration, sleep},
};
use tracing::{debug, info, warn};

use super::options;
use crate::telemetry::Telemetry;

/// Editors and ConfigMap updates make several events: they are read as one.
const SETTLE: Duration = Duration::from_millis(200);

/// Applies changes of the file for ever. Without a file, or where the system
/// can't watch it, it only waits.
pub(super) async fn watch(
    path: Option<&Path>,
    mut sources: Sources,
    mut config: Config,
    telemetry: &Telemetry,
) {
    let Some((path, watched)) = path.and_then(|path| Some((path, start(path)?))) else {
        return std::future::pending().await;
    };
    let (_watcher, mut changes) = watched;
    while changes.recv().await.is_some() {
        sleep(SETTLE).await;
        while changes.try_recv().is_ok() {}
        let file = match options::read(path) {
            Ok(file) => file,
            Err(failed) => {
                warn!(error = failed.text, "configuration not reloaded");
                continue;
            }
        };
        sources.file = Some(file);
        match load(&sources) {
            Ok(loaded) => config = apply(config, loaded.config, telemetry),
            Err(error) => warn!(%error, "configuration not reloaded: the last good one stays"),
        }
    }
    std::future::pending::<()>().await;
}

fn apply(mut old: Config, new: Config, telemetry: &Telemetry) -> Config {
    let changed = changed(&old, &new);
    let waiting: Vec<_> = changed
        .iter()
        .filter(|knob| !knob.reloadable)
        .map(|knob| knob.key)
        .collect();
    if !waiting.is_empty() {
        warn!(
            keys = waiting.join(","),
            "changed knobs that take effect at the next start only"
        );
    }
    if old.log.level != new.log.level {
        match telemetry.set_level(&new.log.level) {
            Ok(()) => {
                info!(
                    from = old.log.level,
                    to = new.log.level,
                    "log level changed"
                );
                old.log.level = new.log.level;
            }
            Err(error) => warn!(error = super::with_causes(&error), "log level not changed"),
        }
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
