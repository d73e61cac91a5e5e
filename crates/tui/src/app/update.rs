//! What each message changes.

use super::{Effect, Model, Msg};

/// Takes a message in; gives what is to be done outside. Pure.
pub fn update(model: &mut Model, msg: Msg) -> Vec<Effect> {
    match msg {
        Msg::Resize(columns, rows) => model.size = (columns, rows),
        Msg::Tick { now, wall } => {
            model.now = now;
            model.wall = wall;
            model.fleet.tick(now);
        }
        Msg::Feed(event) => model.fleet.take_in(event),
        Msg::Key(_)
        | Msg::Mouse(_)
        | Msg::Paste(_)
        | Msg::Done(_)
        | Msg::Acted { .. }
        | Msg::Settings { .. } => {}
    }
    Vec::new()
}
