//! The push API: proto ⇄ domain, and nothing else.
//!
//! [`convert`] is the only place where requests are validated; [`layer`]
//! counts answers, those of requests that never reach a handler included.

mod convert;
mod gate;
mod layer;
mod push;

pub use self::{gate::Entered, layer::CountAnswers, push::PushApi};
