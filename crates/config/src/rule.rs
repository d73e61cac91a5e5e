//! What a knob's value may be: parsing, bounds, and the words for both.
//!
//! Each rule is pure and knows neither its knob nor where the value was given.

mod address;
mod bytes;
mod count;
mod duration;
mod list;
mod log_level;
mod text;
mod word;

pub(crate) use address::{Advertise, EtcdEndpoint, Host, HostPort, StaticNode, Url};
pub(crate) use bytes::Bytes;
pub(crate) use count::{Count, Port, Ratio};
pub(crate) use duration::Span;
pub(crate) use list::List;
pub(crate) use log_level::LogLevel;
pub(crate) use text::{Name, Password, Prefix, Text};
pub(crate) use word::{Flag, Word};

use crate::given::{Given, Refused};
use crate::knob::Kind;
use crate::shape::Shape;

/// How the value of one knob is read and written.
pub(crate) trait Rule {
    /// The typed value.
    type Value;

    /// The shape of the value.
    const KIND: Kind;

    /// Reads a value, refusing what is out of bounds.
    fn parse(&self, given: &Given) -> Result<Self::Value, Refused>;

    /// What may be given, so that `expected …` reads well.
    fn expected(&self) -> String;

    /// Writes a value so that `parse` reads it back equal (a secret is masked instead).
    fn show(&self, value: &Self::Value) -> String;

    /// The bounds as data.
    fn shape(&self) -> Shape;

    /// What a number counts; empty where that says nothing.
    fn unit(&self) -> &'static str {
        ""
    }
}

/// The kind of a rule, as a constant.
pub(crate) const fn kind_of<R: Rule>(_: &R) -> Kind {
    R::KIND
}
