//! One of a few words: `true`, `false`, or the names of an enum.

use std::marker::PhantomData;

use super::Rule;
use crate::choice::Named;
use crate::given::{Given, Refused};
use crate::knob::Kind;
use crate::shape::Shape;

/// `true` or `false`.
pub(crate) struct Flag;

impl Rule for Flag {
    type Value = bool;
    const KIND: Kind = Kind::Flag;

    fn parse(&self, given: &Given) -> Result<bool, Refused> {
        match given.text()? {
            "true" => Ok(true),
            "false" => Ok(false),
            _ => Err(Refused::default()),
        }
    }

    fn expected(&self) -> String {
        "true or false".to_owned()
    }

    fn shape(&self) -> Shape {
        Shape::Flag
    }

    fn show(&self, value: &bool) -> String {
        value.to_string()
    }
}

/// One of an enum's names.
pub(crate) struct Word<T>(pub(crate) PhantomData<T>);

impl<T: Named> Rule for Word<T> {
    type Value = T;
    const KIND: Kind = Kind::Choice;

    fn parse(&self, given: &Given) -> Result<T, Refused> {
        let text = given.text()?;
        T::ALL
            .iter()
            .find(|(name, _)| *name == text)
            .map(|(_, value)| *value)
            .ok_or_else(Refused::default)
    }

    fn expected(&self) -> String {
        let names: Vec<&str> = T::ALL.iter().map(|(name, _)| *name).collect();
        match names.split_last() {
            Some((last, rest)) if !rest.is_empty() => format!("{} or {last}", rest.join(", ")),
            _ => names.join(""),
        }
    }

    fn shape(&self) -> Shape {
        Shape::Choice(T::ALL.iter().map(|(name, _)| *name).collect())
    }

    fn show(&self, value: &T) -> String {
        value.name().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Strategy;

    #[test]
    fn only_the_listed_words_are_taken() {
        let rule = Word::<Strategy>(PhantomData);
        assert_eq!(rule.parse(&Given::Text("auto".into())), Ok(Strategy::Auto));
        assert!(rule.parse(&Given::Text("AUTO".into())).is_err());
        assert_eq!(rule.expected(), "members, room or auto");
        assert!(Flag.parse(&Given::Text("yes".into())).is_err());
    }
}
