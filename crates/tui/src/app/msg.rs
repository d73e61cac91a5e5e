//! What reaches the console.

use std::time::SystemTime;

use crossterm::event::{KeyEvent, MouseEvent};

use crate::{feed::FeedEvent, moment::Moment};

/// Something that happened.
#[derive(Clone, Debug)]
pub enum Msg {
    /// A key was pressed.
    Key(KeyEvent),
    /// The mouse, where it is switched on.
    Mouse(MouseEvent),
    /// Text was pasted.
    Paste(String),
    /// The terminal has another size: columns, rows.
    Resize(u16, u16),
    /// Time passed.
    Tick {
        /// The console's own time.
        now: Moment,
        /// The clock on the wall.
        wall: SystemTime,
    },
    /// A link learnt something.
    Feed(FeedEvent),
    /// The recording that is played ends; why, where it ends early.
    Ended(Option<String>),
    /// An effect was carried out, or failed; in words for the status line.
    Done(Result<String, String>),
    /// A replica answered an act (its plan, for a dry run), or why not.
    Acted {
        /// The wish's number.
        wish: u64,
        /// Which replica.
        replica: crate::replica::ReplicaId,
        /// Its answer, or the error in words.
        answer: Result<Box<push_manager_proto::admin::ActResponse>, String>,
    },
    /// A replica told its settings, or why not.
    Settings {
        /// Which replica.
        replica: crate::replica::ReplicaId,
        /// Its answer, or the error in words.
        answer: Result<Box<push_manager_proto::admin::GetSettingsResponse>, String>,
    },
}
