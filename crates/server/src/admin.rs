//! The admin API: what consoles and other programs see of this replica, and
//! what operators do to it. Proto ⇄ domain: it reads snapshots and figures, and
//! sends orders to the tasks that own what they change.
//!
//! | file | subject |
//! |---|---|
//! | `table` | which rows a receiver lacks; pure |
//! | `frames` | rows as encoded parts that fit |
//! | `hub`, `watch` | sampling while someone watches; one subscriber's stream |
//! | `door`, `auth`, `strangers` | who may call and who was refused, and `Watch` without encoding twice |
//! | `rows`, `info`, `detail`, `journal` | figures as messages |
//! | `act` | what operators do, and the audit |

mod act;
mod auth;
mod detail;
mod door;
mod frames;
mod hub;
mod info;
mod journal;
mod rows;
mod service;
mod strangers;
mod table;
mod watch;

pub use self::{
    auth::Tokens,
    door::Door,
    frames::PART_BYTES,
    hub::{Hub, MOST_SUBSCRIBERS, SHORTEST_INTERVAL},
    info::Facts,
    service::{Admin, MOST_DETAIL_STREAMS},
};
