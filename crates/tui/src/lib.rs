//! pushtop: the terminal in which operators see and steer Push-Manager.
//!
//! ```text
//!  feed (tasks: links to replicas, etcd, Kubernetes, a recording)
//!    │ FeedEvent, over one bounded queue
//!    ▼
//!  app::update(Model, Msg) ─▶ Effect (act, copy, write a file …), done by `run`
//!    │ Model holds a Fleet: replicas merged, rates, history, problems
//!    ▼
//!  view::draw(&Model) ─▶ ratatui buffer ─▶ terminal, or a picture
//! ```
//!
//! `update` and `view` are pure: no clock, no I/O. `once` prints the same Fleet for scripts.

#![allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "figures are rounded for people to look at"
)]

pub mod app;
pub mod cli;
pub mod export;
pub mod feed;
pub mod filter;
#[doc(hidden)]
pub mod fixture;
pub mod fleet;
pub mod moment;
pub mod once;
pub mod picture;
pub mod replica;
pub mod run;
pub mod tape;
pub mod terminal;
pub mod view;

pub use moment::Moment;
