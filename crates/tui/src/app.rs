//! The console's state and what changes it: `update(Model, Msg)`, pure. What must be done outside
//! (acting, copying, writing files) is given back as [`Effect`]s.

pub mod act;
pub mod details;
pub mod effect;
pub mod keymap;
pub mod model;
pub mod msg;

mod acting;
mod command;
mod cursor;
mod export;
mod order;
mod overlay;
mod time;
mod update;

pub use self::{
    act::{ActDialog, ActPart, ActStage, ActTarget, ActWish, Answer},
    acting::word as verb_word,
    details::{Details, Failed},
    effect::{Effect, ExportFormat},
    keymap::{Action, Binding, Context},
    model::{
        EventsState, Model, NodesState, Notice, Options, Overlay, OverviewState, PushesState,
        ReplicasState, Screen, SortKey, TimeState,
    },
    msg::Msg,
    order::{EventsBy, OrderedBy},
    time::Playing,
    update::update,
};

#[cfg(test)]
mod tests;
