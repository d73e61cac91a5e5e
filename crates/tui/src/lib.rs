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

pub mod app;
pub mod feed;
pub mod filter;
pub mod fleet;
pub mod moment;
pub mod replica;
pub mod view;

pub use moment::Moment;
