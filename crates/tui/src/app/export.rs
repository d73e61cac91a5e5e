//! What leaves the console: the clipboard, files, recordings. The texts are made here; writing is
//! left to whoever carries effects out.

use std::path::PathBuf;

use super::{Effect, ExportFormat, Model, Screen, cursor};
use crate::export;

pub(super) fn copy(model: &mut Model) -> Vec<Effect> {
    let text = match model.screen {
        Screen::Overview => {
            let problem = model.shown().problems().get(model.overview.selected);
            problem.map(|problem| problem.text.clone())
        }
        Screen::Nodes | Screen::Node(_) => cursor::node(model).map(|name| name.to_string()),
        Screen::Pushes => model.pushes.selected.clone(),
        Screen::Api(ref name) => Some(name.clone()),
        Screen::Events => cursor::event(model).map(export::event_line),
        Screen::Replicas => {
            let replica = model
                .replicas
                .selected
                .and_then(|id| model.shown().replica(id));
            replica.map(|replica| replica.name().to_owned())
        }
    };
    let Some(text) = text else { return Vec::new() };
    model.say("copied, where the terminal allows it");
    vec![Effect::Copy(text)]
}

pub(super) fn write(model: &mut Model, format: ExportFormat) -> Vec<Effect> {
    let table = export::table(model);
    let (text, extension) = match format {
        ExportFormat::Csv => (table.to_csv(), "csv"),
        ExportFormat::Json => (table.to_json(), "json"),
    };
    let path = file(model, table.name, extension);
    vec![Effect::Write { path, text }]
}

pub(super) fn snapshot(model: &mut Model) -> Vec<Effect> {
    vec![Effect::Snapshot(file(model, "screen", "svg"))]
}

pub(super) fn record(model: &mut Model) -> Vec<Effect> {
    if model.recording.take().is_some() {
        return vec![Effect::Record(None)];
    }
    if model.options.replay {
        model.complain("a recording is played already");
        return Vec::new();
    }
    let path = file(model, "recording", "pmrec");
    model.recording = Some(path.clone());
    vec![Effect::Record(Some(path))]
}

/// A name that tells when: in the folder that the console was started in.
fn file(model: &Model, what: &str, extension: &str) -> PathBuf {
    let since = model.wall.duration_since(std::time::UNIX_EPOCH);
    let stamp = export::stamp(since.unwrap_or_default());
    PathBuf::from(format!("pushtop-{what}-{stamp}.{extension}"))
}
