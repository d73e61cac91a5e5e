//! Text of any kind: logs, configuration, messages.

use serde_json::Value;

use super::{
    MASK, names, object,
    open::{Open, depth_after, indent},
};

/// Leaves the secrets of a text out.
pub fn text(given: &str) -> String {
    let mut open = None;
    let mut lines = Vec::new();
    for line in given.split('\n') {
        if let Some(was) = open.take() {
            let (inside, next) = Open::take(was, line);
            open = next;
            if inside {
                lines.push(MASK.to_owned());
                continue;
            }
        }
        let (masked, next) = in_json(line).map_or_else(|| Line::mask(line), |line| (line, None));
        lines.push(masked);
        open = next;
    }
    lines.dedup_by(|line, before| line == MASK && before == MASK);
    lines.join("\n")
}

/// A line whose end is JSON, as logs have it.
fn in_json(line: &str) -> Option<String> {
    let begin = line.find('{')?;
    let mut value: Value = serde_json::from_str(&line[begin..]).ok()?;
    object::unknown(&mut value);
    let (before, open) = Line::mask(&line[..begin]);
    // A name before it would make all of it the value.
    open.is_none().then(|| format!("{before}{value}"))
}

/// A line on its way through.
struct Line<'a> {
    whole: &'a str,
    done: String,
    rest: &'a str,
    /// No word came before but those of a declaration.
    is_first: bool,
    /// What it leaves open.
    open: Option<Open>,
}

impl<'a> Line<'a> {
    /// The line without its secrets, and what it leaves open.
    fn mask(line: &'a str) -> (String, Option<Open>) {
        let mut this = Self {
            whole: line,
            done: String::new(),
            rest: line,
            is_first: true,
            open: None,
        };
        this.walk();
        this.done.push_str(this.rest);
        (this.done, this.open)
    }

    /// Word by word. Whatever hides the rest of the line ends it.
    fn walk(&mut self) {
        while let Some(begin) = self.rest.find(is_of_a_name) {
            if let Some(pem) = self.rest.find("-----BEGIN").filter(|at| *at <= begin)
                && self.rest[pem..].contains("PRIVATE KEY")
            {
                self.open = (!self.rest.contains("-----END")).then_some(Open::Pem);
                self.give(pem);
                return self.hide(self.rest.len());
            }
            self.give(begin);
            let end = self.rest.find(|letter| !is_of_a_name(letter));
            let word = &self.rest[..end.unwrap_or(self.rest.len())];
            if is_signed(word) {
                self.hide(word.len());
            } else {
                self.give(word.len());
                self.after(word);
            }
            self.is_first &= matches!(word, "export" | "set" | "env" | "-");
        }
    }

    /// Hides what follows a word, where that may be a secret.
    fn after(&mut self, word: &str) {
        if names::is_secret(word) {
            if let Some(separator) = separator(word, self.rest) {
                let is_yaml = self.rest[..separator].contains(':');
                self.give(separator);
                self.hide_value(word, is_yaml);
            }
        } else if self.is_first && word == "name" && names::is_secret(self.rest) {
            self.open = Some(Open::Value);
        } else if self.rest.starts_with("://") {
            self.give(3);
            self.hide_user();
        } else if ["bearer", "basic"].contains(&word.to_ascii_lowercase().as_str()) {
            let spaces = self.rest.len() - self.rest.trim_start().len();
            if spaces > 0 {
                self.give(spaces);
                self.hide_run();
            }
        }
    }

    fn hide_value(&mut self, word: &str, is_yaml: bool) {
        let value = self.rest;
        let indented = (is_yaml && self.is_first).then(|| Open::Indented(indent(self.whole)));
        if value.trim().is_empty() {
            self.open = indented;
        } else if value.starts_with(['[', '{']) {
            let depth = depth_after(0, value);
            self.open = (depth > 0).then_some(Open::Brackets(depth));
            self.hide(value.len());
        } else if let Some(quotes) = quotes(value) {
            self.hide_quoted(quotes);
        } else if is_yaml || self.is_first || names::is_header(word) {
            let continued = value.ends_with('\\').then_some(Open::NextLine);
            self.open = continued.or(indented);
            self.hide(value.len());
        } else {
            self.hide_run();
        }
    }

    fn hide_quoted(&mut self, quotes: &'static str) {
        self.give(quotes.len());
        if let Some(end) = closing(self.rest, quotes) {
            self.hide(end);
            self.give(quotes.len());
        } else {
            self.hide(self.rest.len());
            self.open = Some(Open::Quotes(quotes));
        }
    }

    /// Hides the user part of a URL: all before the last `@` of its run.
    fn hide_user(&mut self) {
        let end = self
            .rest
            .find(|letter: char| letter.is_whitespace() || "\"'`<>".contains(letter));
        let run = &self.rest[..end.unwrap_or(self.rest.len())];
        if let Some(at) = run.rfind('@') {
            self.hide(at);
        }
    }

    /// Hides what comes before the next space.
    fn hide_run(&mut self) {
        let end = self.rest.find(char::is_whitespace);
        self.hide(end.unwrap_or(self.rest.len()));
    }

    fn give(&mut self, bytes: usize) {
        self.done.push_str(&self.rest[..bytes]);
        self.rest = &self.rest[bytes..];
    }

    fn hide(&mut self, bytes: usize) {
        if bytes > 0 {
            self.done.push_str(MASK);
        }
        self.rest = &self.rest[bytes..];
    }
}

fn is_of_a_name(letter: char) -> bool {
    letter.is_alphanumeric() || "_-.".contains(letter)
}

/// A JSON web token, whatever it is called.
fn is_signed(word: &str) -> bool {
    word.len() > 20 && word.starts_with("eyJ") && word.contains('.')
}

/// The length of what stands between a secret's name and its value: closing quotes and brackets,
/// then a sign, or for a flag a space.
fn separator(word: &str, rest: &str) -> Option<usize> {
    let closed = rest.trim_start_matches(['"', '\'', '\\', ']', ')', '`']);
    let sign = closed.trim_start();
    let value = sign.trim_start_matches(['=', ':', '>', '~']);
    if value.len() < sign.len() && !sign.starts_with(['>', '~']) {
        return Some(rest.len() - value.trim_start().len());
    }
    let value = closed.trim_start_matches([',', ' ', '\t']);
    let is_flag = word.starts_with('-') && value.len() < closed.len();
    is_flag.then(|| rest.len() - value.len())
}

/// The quotes that a value begins with.
fn quotes(value: &str) -> Option<&'static str> {
    let known = ["\"\"\"", "'''", "\\\\\\\"", "\\\"", "\"", "'", "`"];
    known.into_iter().find(|quotes| value.starts_with(quotes))
}

/// Where the value ends that these quotes began.
fn closing(value: &str, quotes: &str) -> Option<usize> {
    let mut from = 0;
    loop {
        let at = from + value[from..].find(quotes)?;
        let before = value[..at]
            .chars()
            .rev()
            .take_while(|letter| *letter == '\\');
        let is_escaped = quotes.len() == 1 && before.count() % 2 == 1;
        let is_doubled = quotes == "'" && value[at + 1..].starts_with('\'');
        if !is_escaped && !is_doubled {
            return Some(at);
        }
        from = at + if is_doubled { 2 } else { 1 };
    }
}
