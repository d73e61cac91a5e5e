//! What a masked value leaves open at the end of its line: the lines after it that are masked too.

/// What is open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Open {
    /// Lines that stand further in than this many columns.
    Indented(usize),
    /// So many brackets.
    Brackets(usize),
    /// Until these quotes.
    Quotes(&'static str),
    /// The next line.
    NextLine,
    /// A private key, until its end.
    Pem,
    /// A line that begins with `value`, as that of a variable whose name came before.
    Value,
}

impl Open {
    /// Looks at the next line: whether it belongs to the value, and what is open after it.
    pub(super) fn take(self, line: &str) -> (bool, Option<Open>) {
        match self {
            Open::Indented(columns) => {
                let inside = line.trim().is_empty() || indent(line) > columns;
                (inside, inside.then_some(self))
            }
            Open::Brackets(depth) => {
                let left = depth_after(depth, line);
                (true, (left > 0).then_some(Open::Brackets(left)))
            }
            Open::Quotes(quotes) => (true, (!line.contains(quotes)).then_some(self)),
            Open::NextLine => (true, line.ends_with('\\').then_some(self)),
            Open::Value => {
                let inside = line.trim_start().trim_matches('"').starts_with("value");
                (inside, inside.then(|| Open::Indented(indent(line))))
            }
            Open::Pem => (true, (!line.contains("-----END")).then_some(self)),
        }
    }
}

/// How far in a line begins.
pub(super) fn indent(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

/// Brackets that are open after a text.
pub(super) fn depth_after(depth: usize, text: &str) -> usize {
    text.chars().fold(depth, |depth, letter| match letter {
        '[' | '{' => depth + 1,
        ']' | '}' => depth.saturating_sub(1),
        _ => depth,
    })
}
