//! What someone gave for a knob, before it is understood, and how it is quoted back to them.

/// Longest piece of a given value that an error repeats, in characters.
const MAX_QUOTED: usize = 80;

/// A value as given: one text, or a YAML list of texts.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Given {
    /// One text.
    Text(String),
    /// A list of texts.
    List(Vec<String>),
}

/// Why a rule takes no such value; what was expected is the rule's own to say.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Refused {
    /// What to mend, where that is not plain from what was expected.
    pub(crate) hint: Option<String>,
}

impl Refused {
    /// A refusal that says more than what was expected.
    pub(crate) fn hint(text: impl Into<String>) -> Self {
        Self {
            hint: Some(text.into()),
        }
    }
}

impl Given {
    /// The text with blanks around it removed; a list is refused.
    pub(crate) fn text(&self) -> Result<&str, Refused> {
        match self {
            Self::Text(text) => Ok(text.trim()),
            Self::List(_) => Err(Refused::hint("a list does not fit here")),
        }
    }

    /// The entries: those of a list, or a text split at its commas.
    pub(crate) fn entries(&self) -> Vec<&str> {
        match self {
            Self::Text(text) if text.trim().is_empty() => Vec::new(),
            Self::Text(text) => text.split(',').map(str::trim).collect(),
            Self::List(entries) => entries.iter().map(|entry| entry.trim()).collect(),
        }
    }

    /// The value as an error repeats it.
    pub(crate) fn quoted(&self) -> String {
        match self {
            Self::Text(text) => quote(text),
            Self::List(entries) => {
                let shown: Vec<String> = entries.iter().take(4).map(|e| quote(e)).collect();
                let more = if entries.len() > 4 { ", …" } else { "" };
                format!("[{}{more}]", shown.join(", "))
            }
        }
    }
}

/// Quotes a text for an error: control characters escaped, long text cut, and
/// whatever stands before an `@` hidden, since it may be a password in a URL.
pub(crate) fn quote(text: &str) -> String {
    let text = match text.rsplit_once('@') {
        Some((_, rest)) => format!("***@{rest}"),
        None => text.to_owned(),
    };
    format!("{:?}", clip(&text))
}

/// A key as an error repeats it: readable, on one line, of bounded length.
pub(crate) fn plain(key: &str) -> String {
    clip(key).escape_debug().to_string()
}

fn clip(text: &str) -> String {
    if text.chars().count() <= MAX_QUOTED {
        return text.to_owned();
    }
    let head: String = text.chars().take(MAX_QUOTED).collect();
    format!("{head}…")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quoted_text_is_one_short_line_without_userinfo() {
        assert_eq!(quote("a\nb"), r#""a\nb""#);
        assert_eq!(quote("http://me:pw@etcd:2379"), r#""***@etcd:2379""#);
        assert_eq!(quote(&"x".repeat(500)).chars().count(), MAX_QUOTED + 3);
    }
}
