//! Where a push goes: who is asked at which node, decided over a snapshot.
//!
//! Everything here is pure. Looking people up is [`crate::locate`]'s business,
//! calling nodes is [`crate::delivery`]'s.

mod plan;

pub use self::plan::{Known, Planned, PlannedCall, To, everyone, members, place, room_form};
