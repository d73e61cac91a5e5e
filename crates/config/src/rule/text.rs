//! Texts: names, key prefixes, passwords.

use super::Rule;
use crate::given::{Given, Refused};
use crate::knob::Kind;
use crate::secret::{MASK, Secret};
use crate::shape::Shape;

/// Longest free text, in characters.
pub(super) const MAX_TEXT: usize = 1024;

/// A name without blanks or control characters.
pub(crate) struct Name {
    pub(crate) max: usize,
}

impl Rule for Name {
    type Value = String;
    const KIND: Kind = Kind::Text;

    fn parse(&self, given: &Given) -> Result<String, Refused> {
        let text = given.text()?;
        let fits = (1..=self.max).contains(&text.chars().count());
        if fits && !text.contains(is_blank) {
            return Ok(text.to_owned());
        }
        Err(Refused::default())
    }

    fn expected(&self) -> String {
        format!("a name of 1 to {} characters without blanks", self.max)
    }

    fn shape(&self) -> Shape {
        Shape::Text {
            min: 1,
            max: self.max,
        }
    }

    fn show(&self, value: &String) -> String {
        value.clone()
    }
}

/// Any text on one line, or nothing.
pub(crate) struct Text;

impl Rule for Text {
    type Value = String;
    const KIND: Kind = Kind::Text;

    fn parse(&self, given: &Given) -> Result<String, Refused> {
        let text = given.text()?;
        if text.chars().count() > MAX_TEXT || text.contains(char::is_control) {
            return Err(Refused::default());
        }
        Ok(text.to_owned())
    }

    fn expected(&self) -> String {
        format!("at most {MAX_TEXT} characters on one line")
    }

    fn shape(&self) -> Shape {
        Shape::Text {
            min: 0,
            max: MAX_TEXT,
        }
    }

    fn show(&self, value: &String) -> String {
        value.clone()
    }
}

/// A prefix of etcd keys; it ends in `/`, lest `node` also match `node-exporter`.
pub(crate) struct Prefix;

impl Rule for Prefix {
    type Value = String;
    const KIND: Kind = Kind::Text;

    fn parse(&self, given: &Given) -> Result<String, Refused> {
        let text = given.text()?;
        let clean = !text.contains(is_blank) && !text.contains(',');
        if clean && text.len() <= MAX_TEXT && text.ends_with('/') {
            return Ok(text.to_owned());
        }
        Err(Refused::default())
    }

    fn expected(&self) -> String {
        "a key prefix that ends in '/' such as connect-node/".to_owned()
    }

    fn shape(&self) -> Shape {
        Shape::Text {
            min: 1,
            max: MAX_TEXT,
        }
    }

    fn show(&self, value: &String) -> String {
        value.clone()
    }
}

/// A secret, taken as it is: blanks may belong to it, line breaks never do.
pub(crate) struct Password;

impl Rule for Password {
    type Value = Secret;
    const KIND: Kind = Kind::Text;

    fn parse(&self, given: &Given) -> Result<Secret, Refused> {
        given.text()?;
        match given {
            Given::Text(text) if text.contains(char::is_control) => Err(Refused::hint(
                "it holds a line break or another control character; \
                 was it made from a file that ends in one?",
            )),
            Given::Text(text) if text.chars().count() <= MAX_TEXT => Ok(Secret::new(text)),
            Given::Text(_) | Given::List(_) => Err(Refused::default()),
        }
    }

    fn expected(&self) -> String {
        format!("at most {MAX_TEXT} characters on one line")
    }

    fn shape(&self) -> Shape {
        Shape::Text {
            min: 0,
            max: MAX_TEXT,
        }
    }

    fn show(&self, value: &Secret) -> String {
        let shown = if value.is_empty() { "" } else { MASK };
        shown.to_owned()
    }
}

fn is_blank(c: char) -> bool {
    c.is_whitespace() || c.is_control()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: impl Into<String>) -> Given {
        Given::Text(text.into())
    }

    #[test]
    fn names_are_short_and_without_blanks() {
        let rule = Name { max: 253 };
        assert_eq!(rule.parse(&text(" push-1 ")), Ok("push-1".to_owned()));
        assert!(rule.parse(&text("é".repeat(253))).is_ok());
        for bad in ["", "a b", "a\u{7}b"] {
            assert!(rule.parse(&text(bad)).is_err(), "{bad:?}");
        }
        assert!(rule.parse(&text("x".repeat(254))).is_err());
    }

    #[test]
    fn prefixes_end_in_a_slash() {
        assert!(Prefix.parse(&text("/services/connect-node/")).is_ok());
        for bad in ["", "connect-node", "a b/", "a,b/"] {
            assert!(Prefix.parse(&text(bad)).is_err(), "{bad}");
        }
    }

    #[test]
    fn passwords_keep_their_blanks_and_are_masked() {
        let secret = Password.parse(&text(" p w ")).unwrap();
        assert_eq!(secret.expose(), " p w ");
        assert_eq!(Password.show(&secret), "***");
        assert!(Password.parse(&text("pw\n")).is_err());
        assert!(Password.parse(&Given::List(vec!["pw".into()])).is_err());
    }
}
