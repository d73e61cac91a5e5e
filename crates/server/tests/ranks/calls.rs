//! Finds which top-level modules a source file names.

use std::path::Path;

use crate::table::rank_of;

/// One naming of a module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// From 1.
    pub line: usize,
    pub to: String,
}

/// The top-level module that a file (below `src`) belongs to.
pub fn module_of(file: &Path) -> String {
    let first = file.components().next().unwrap();
    let first = first.as_os_str().to_str().unwrap();
    first.trim_end_matches(".rs").to_owned()
}

/// Every module named through `crate::`, or through as many `super::` as lead
/// to the crate's root.
pub fn calls(file: &Path, text: &str) -> Vec<Call> {
    let text = without_comments(text);
    let mut found = Vec::new();
    for (at, _) in text.match_indices("crate::") {
        if !in_a_name(&text, at) {
            found.extend(named(&text, at + "crate::".len()));
        }
    }
    let depth = file.components().count();
    let to_root = "super::".repeat(depth);
    for (at, _) in text.match_indices(&to_root) {
        if !in_a_name(&text, at) {
            // In an inline module this is the file's own namespace instead, so
            // that only the names of modules count.
            let known = named(&text, at + to_root.len());
            found.extend(known.into_iter().filter(|call| rank_of(&call.to).is_some()));
        }
    }
    found
}

/// True where the character before makes it part of another name or path.
fn in_a_name(text: &str, at: usize) -> bool {
    let before = text[..at].chars().next_back();
    before.is_some_and(|c| c.is_alphanumeric() || "_$:".contains(c))
}

/// The names that a path goes on with: one, or those of a group.
fn named(text: &str, at: usize) -> Vec<Call> {
    let line_of = |at: usize| text[..at].matches('\n').count() + 1;
    let name = |at: usize| {
        let rest = text[at..].chars();
        let to: String = rest
            .take_while(|c| c.is_alphanumeric() || *c == '_')
            .collect();
        let line = line_of(at);
        (!to.is_empty() && to != "self").then_some(Call { line, to })
    };
    if !text[at..].starts_with('{') {
        return name(at).into_iter().collect();
    }
    let (mut depth, mut expected, mut found) = (0, false, Vec::new());
    for (offset, c) in text[at..].char_indices() {
        match c {
            '{' => {
                depth += 1;
                expected = depth == 1;
            }
            '}' => depth -= 1,
            ',' => expected = depth == 1,
            c if expected && !c.is_whitespace() => {
                found.extend(name(at + offset));
                expected = false;
            }
            _ => {}
        }
        if depth == 0 {
            break;
        }
    }
    found
}

/// The text with comments blanked out, line by line in place.
fn without_comments(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut in_block = false;
    for line in text.lines() {
        let mut rest = line;
        while !rest.is_empty() {
            let end = if in_block { "*/" } else { "/*" };
            let (part, after) = match rest.split_once(end) {
                Some((part, after)) => (part, Some(after)),
                None => (rest, None),
            };
            if !in_block {
                let (code, comment) = match part.find("//") {
                    // A URL's slashes follow a colon.
                    Some(at) if !part[..at].ends_with(':') => (&part[..at], true),
                    Some(_) | None => (part, false),
                };
                kept.push_str(code);
                if comment {
                    break;
                }
            }
            in_block ^= after.is_some();
            rest = after.unwrap_or("");
        }
        kept.push('\n');
    }
    kept
}
