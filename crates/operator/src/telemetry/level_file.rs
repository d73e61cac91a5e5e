//! The file that holds the log's level: a key of a ConfigMap, say, which people edit.

use std::{path::Path, time::Duration};

/// How often it is read: Kubernetes itself takes up to a minute to bring a change.
const EVERY: Duration = Duration::from_secs(5);
/// Longest level, in bytes.
const MAX: usize = 1024;

/// Follows the file for ever. A level that is none, or a file that is not there, changes nothing.
pub async fn follow(file: &Path, set: impl Fn(&str) -> Result<(), String>) {
    let mut last = String::new();
    loop {
        let read = tokio::fs::read_to_string(file).await.unwrap_or_default();
        let level = read.trim();
        if level != last && !level.is_empty() && level.len() <= MAX {
            match set(level) {
                Ok(()) => tracing::info!(level, "the log's level changed"),
                Err(error) => tracing::warn!(error, "the log's level stays as it is"),
            }
            level.clone_into(&mut last);
        }
        tokio::time::sleep(EVERY).await;
    }
}
