//! Text from outside, made safe to show: no control characters, no bidirectional overrides, bounded.

use std::sync::Arc;

/// Most characters kept of an id, address or name.
pub const MOST_NAME: usize = 256;
/// Most characters kept of a message.
pub const MOST_MESSAGE: usize = 1_000;

/// A text that a terminal shows as it stands: what would move the cursor, or turn the reading
/// direction, is replaced; what is longer than `most` characters is cut, and says so by `…`.
pub fn clean(text: &str, most: usize) -> String {
    let mut clean: String = text.chars().take(most).map(harmless).collect();
    if text.chars().nth(most).is_some() {
        clean.pop();
        clean.push('…');
    }
    clean
}

/// The same, shared.
pub fn clean_shared(text: &str, most: usize) -> Arc<str> {
    if is_clean(text, most) {
        return text.into();
    }
    clean(text, most).into()
}

/// Whether a text may stay as it is, as far as that is cheap to tell.
pub fn is_clean(text: &str, most: usize) -> bool {
    text.len() <= most && text.chars().all(|each| harmless(each) == each)
}

fn harmless(each: char) -> char {
    match each {
        '\t' => ' ',
        each if each.is_control() => '\u{fffd}',
        '\u{2028}'..='\u{202e}'
        | '\u{feff}'
        | '\u{200b}'..='\u{200f}'
        | '\u{2060}'..='\u{2069}' => '\u{fffd}',
        each => each,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_move_the_cursor_or_turn_the_text_is_gone() {
        let hostile = "a\u{1b}[31m\r\nb\u{9b}2J\u{202e}c\u{200b}推送";
        let clean = clean(hostile, 100);
        assert_eq!(
            clean,
            "a\u{fffd}[31m\u{fffd}\u{fffd}b\u{fffd}2J\u{fffd}c\u{fffd}推送"
        );
        assert!(!clean.chars().any(char::is_control));
    }

    #[test]
    fn what_is_too_long_is_cut_and_says_so() {
        assert_eq!(clean("推送节点", 3), "推送…");
        assert_eq!(clean("推送节点", 4), "推送节点");
    }
}
