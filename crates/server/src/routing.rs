//! Where a push goes: who is asked at which node, decided over a snapshot.
//!
//! Everything here is pure. Looking people up is [`crate::locate`]'s business,
//! calling nodes is [`crate::delivery`]'s.

mod members;
mod plan;
mod scatter;

pub use self::{
    members::{Members, Place},
    plan::{Asked, Known, Planned, PlannedCall, To, Via, everyone, place, room_form},
};
