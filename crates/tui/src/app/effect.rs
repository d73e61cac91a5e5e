//! What `update` asks to be done outside.

use std::path::PathBuf;

use super::ActWish;
use crate::{feed::Look, moment::Moment, replica::ReplicaId};

/// The format of an export.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExportFormat {
    /// Comma-separated values with a heading.
    Csv,
    /// JSON.
    Json,
}

/// Something to do.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// End.
    Quit,
    /// Put text on the clipboard (OSC 52).
    Copy(String),
    /// Ask every live replica that the wish names; answers come as `Msg::Acted`.
    Act(ActWish),
    /// Ask replicas for their settings; answers come as `Msg::Settings`.
    AskSettings(Vec<ReplicaId>),
    /// Write text to a file; `Msg::Done` follows.
    Write {
        /// Where; never overwrites.
        path: PathBuf,
        /// What.
        text: String,
    },
    /// Write what is on the screen to a file (`.svg`, `.ansi`, else plain text); `Msg::Done` follows.
    Snapshot(PathBuf),
    /// Begin a recording, or end the one that runs.
    Record(Option<PathBuf>),
    /// Have every replica tell of this in detail, and of nothing else.
    Look(Option<Look>),
    /// Play the recording from another moment on; `anew` when that is before what was played.
    Seek {
        /// Which.
        to: Moment,
        /// From its beginning.
        anew: bool,
    },
    /// Play the recording at another speed.
    Speed(f64),
    /// Make a replica's link anew at once.
    Reconnect(ReplicaId),
    /// Suspend the console (Ctrl-Z).
    Suspend,
    /// Redraw everything.
    Redraw,
}
