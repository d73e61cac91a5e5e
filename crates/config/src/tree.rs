//! YAML as a small tree that keeps lines and the text as written.
//!
//! It says nothing about what the keys mean; that is `file.rs`.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_saphyr::options::{DuplicateKeyPolicy, NonFiniteFloatPolicy};
use serde_saphyr::{Error, Location, Options, Spanned, UserMessageFormatter};

/// Deepest nesting read; the configuration itself needs three levels.
const MAX_DEPTH: usize = 16;
/// Most scalars, lists and mappings read, aliases expanded.
const MAX_NODES: usize = 50_000;

/// A value with the place it stands at.
pub(crate) type Node = Spanned<Yaml>;

/// A mapping's key with the place it stands at.
pub(crate) type Key = Spanned<String>;

/// A YAML value.
#[derive(Debug)]
pub(crate) enum Yaml {
    /// Nothing, or `null`.
    Null,
    /// A text, quoted or not.
    Text(String),
    /// A plain scalar that YAML takes for a number or a boolean, in YAML's own words.
    Plain(String),
    /// A list.
    List(Vec<Node>),
    /// A mapping, repeated keys included.
    Map(Vec<(Key, Node)>),
}

/// Why a text is no YAML that can be read, without any of its content.
#[derive(Debug)]
pub(crate) struct Unreadable {
    pub(crate) line: u64,
    pub(crate) what: String,
}

/// Reads one YAML document; nothing but blanks and comments is [`Yaml::Null`].
pub(crate) fn read(text: &str) -> Result<Node, Unreadable> {
    serde_saphyr::from_str_with_options(text, options()).or_else(|error| match error {
        Error::Eof { .. } if is_blank(text) => Ok(Spanned::new(
            Yaml::Null,
            Location::UNKNOWN,
            Location::UNKNOWN,
        )),
        error => Err(unreadable(&error)),
    })
}

/// The text of a scalar as it was written: `007` and `1e5` stay what they are.
pub(crate) fn scalar<'a>(source: &'a str, node: &'a Node) -> Option<&'a str> {
    match &node.value {
        Yaml::Text(text) => Some(text),
        Yaml::Plain(text) => Some(written(source, node.defined).unwrap_or(text)),
        Yaml::Null | Yaml::List(_) | Yaml::Map(_) => None,
    }
}

fn written(source: &str, place: Location) -> Option<&str> {
    let start = usize::try_from(place.span().byte_offset()?).ok()?;
    let len = usize::try_from(place.span().byte_len()?).ok()?;
    let text = source.get(start..start.checked_add(len)?)?.trim();
    // Quotes and tags mean that this slice is more than the value.
    let plain = text.starts_with(|c: char| c.is_alphanumeric() || matches!(c, '-' | '+' | '.'));
    (plain && !text.contains('\n')).then_some(text)
}

fn options() -> Options {
    serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_depth: MAX_DEPTH,
            flow_nesting_limit: MAX_DEPTH,
            max_nodes: MAX_NODES,
            max_events: 4 * MAX_NODES,
            // One more than is read, so that a second one is named as what it is.
            max_documents: 2,
            max_aliases: 1_000,
            max_anchors: 1_000,
            max_merge_keys: 100,
        },
        alias_limits: serde_saphyr::alias_limits! {
            max_total_replayed_events: MAX_NODES,
            max_replay_stack_depth: MAX_DEPTH,
        },
        // Repeated keys come through, so that each is reported with both its lines.
        duplicate_keys: DuplicateKeyPolicy::PassThrough,
        non_finite_float_policy: NonFiniteFloatPolicy::PassThrough,
        // A snippet could show a password that stands near the mistake.
        with_snippet: false,
        emit_comments: false,
    }
}

fn is_blank(text: &str) -> bool {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    text.lines()
        .map(str::trim)
        .all(|line| line.is_empty() || line.starts_with('#') || line == "---")
}

fn unreadable(error: &Error) -> Unreadable {
    let error = error.without_snippet();
    let line = error.location().map_or(0, |place| place.line());
    let what = match error {
        Error::MultipleDocuments { .. } => {
            "more than one YAML document; only one is read".to_owned()
        }
        error => {
            let text = error.render_with_formatter(&UserMessageFormatter);
            let text = text.lines().next().unwrap_or_default();
            match text.split(" at line ").next().unwrap_or_default() {
                text if text.contains("too large or too complex") => {
                    "nested too deeply, or too many values or aliases".to_owned()
                }
                text => format!("not readable as YAML: {text}"),
            }
        }
    };
    Unreadable { line, what }
}

impl<'de> Deserialize<'de> for Yaml {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(YamlVisitor)
    }
}

struct YamlVisitor;

impl<'de> Visitor<'de> for YamlVisitor {
    type Value = Yaml;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a YAML value")
    }

    fn visit_unit<E>(self) -> Result<Yaml, E> {
        Ok(Yaml::Null)
    }

    fn visit_none<E>(self) -> Result<Yaml, E> {
        Ok(Yaml::Null)
    }

    fn visit_str<E>(self, text: &str) -> Result<Yaml, E> {
        Ok(Yaml::Text(text.to_owned()))
    }

    fn visit_bool<E>(self, value: bool) -> Result<Yaml, E> {
        Ok(Yaml::Plain(value.to_string()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Yaml, E> {
        Ok(Yaml::Plain(value.to_string()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Yaml, E> {
        Ok(Yaml::Plain(value.to_string()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Yaml, E> {
        Ok(Yaml::Plain(value.to_string()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Yaml, A::Error> {
        let mut list = Vec::new();
        while let Some(node) = seq.next_element()? {
            if list.len() >= MAX_NODES {
                return Err(A::Error::custom("a list is too long"));
            }
            list.push(node);
        }
        Ok(Yaml::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Yaml, A::Error> {
        let mut map = Vec::new();
        while let Some(entry) = entries.next_entry()? {
            if map.len() >= MAX_NODES {
                return Err(A::Error::custom("a mapping is too long"));
            }
            map.push(entry);
        }
        Ok(Yaml::Map(map))
    }
}
