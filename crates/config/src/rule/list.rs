//! Lists: a YAML list, or one text with commas.

use std::collections::BTreeSet;

use super::Rule;
use crate::given::{Given, Refused, quote};
use crate::knob::Kind;
use crate::rule::text::MAX_TEXT;
use crate::shape::Shape;

/// A bounded list without repetitions, each entry by one rule.
pub(crate) struct List<R> {
    pub(crate) item: R,
    pub(crate) min: usize,
    pub(crate) max: usize,
}

impl<R: Rule<Value = String>> Rule for List<R> {
    type Value = Vec<String>;
    const KIND: Kind = Kind::List;

    fn parse(&self, given: &Given) -> Result<Vec<String>, Refused> {
        let entries = given.entries();
        if !(self.min..=self.max).contains(&entries.len()) {
            return Err(Refused::hint(format!("{} entries", entries.len())));
        }
        let mut seen = BTreeSet::new();
        let mut values = Vec::with_capacity(entries.len());
        for entry in entries {
            let value = self
                .item
                .parse(&Given::Text(entry.to_owned()))
                .map_err(|refused| in_entry(entry, refused))?;
            if !seen.insert(value.clone()) {
                return Err(Refused::hint(format!("{} is there twice", quote(entry))));
            }
            values.push(value);
        }
        Ok(values)
    }

    fn expected(&self) -> String {
        let item = self.item.expected();
        format!(
            "a list of {} to {} entries, each {item}",
            self.min, self.max
        )
    }

    fn shape(&self) -> Shape {
        let item_max = match self.item.shape() {
            Shape::Text { max, .. } => max,
            _ => MAX_TEXT,
        };
        Shape::List {
            min: self.min,
            max: self.max,
            item_max,
        }
    }

    fn show(&self, value: &Vec<String>) -> String {
        value.join(",")
    }
}

fn in_entry(entry: &str, refused: Refused) -> Refused {
    let entry = quote(entry);
    Refused::hint(match refused.hint {
        Some(hint) => format!("entry {entry}: {hint}"),
        None => format!("entry {entry} is not"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rule::Prefix;

    #[test]
    fn lists_come_from_commas_or_yaml_lists_alike() {
        let rule = List {
            item: Prefix,
            min: 1,
            max: 2,
        };
        let list =
            |entries: &[&str]| Given::List(entries.iter().map(ToString::to_string).collect());
        let both = Ok(vec!["a/".to_owned(), "b/".to_owned()]);
        assert_eq!(rule.parse(&Given::Text("a/, b/".into())), both);
        assert_eq!(rule.parse(&list(&["a/", "b/"])), both);
        assert_eq!(
            rule.parse(&Given::Text("a/,b".into())),
            Err(Refused::hint("entry \"b\" is not"))
        );
        assert_eq!(
            rule.parse(&list(&["a/", "a/"])),
            Err(Refused::hint("\"a/\" is there twice"))
        );
        assert_eq!(rule.parse(&list(&[])), Err(Refused::hint("0 entries")));
        assert!(rule.parse(&Given::Text("a/,,b/".into())).is_err());
    }
}
