//! Text in columns: a Chinese character takes two, and never half of one is shown.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// The columns that a text takes.
pub(crate) fn width(text: &str) -> usize {
    text.width()
}

/// The text in exactly so many columns: cut with `…`, or padded to the right.
pub(crate) fn fit(text: &str, columns: usize) -> String {
    let mut fitted = cut(text, columns);
    fitted.push_str(&" ".repeat(columns.saturating_sub(width(&fitted))));
    fitted
}

/// The same, padded to the left.
pub(crate) fn fit_right(text: &str, columns: usize) -> String {
    let cut = cut(text, columns);
    " ".repeat(columns.saturating_sub(width(&cut))) + &cut
}

/// The text in at most so many columns.
pub(crate) fn cut(text: &str, columns: usize) -> String {
    if width(text) <= columns {
        return text.to_owned();
    }
    let mut room = columns.saturating_sub(1);
    let mut kept = String::new();
    for letter in text.chars() {
        let wide = letter.width().unwrap_or(0);
        if wide > room {
            break;
        }
        room -= wide;
        kept.push(letter);
    }
    if columns > 0 {
        kept.push('…');
    }
    kept
}

/// Lines of at most so many columns, broken at spaces where there are some.
pub(crate) fn wrapped(text: &str, columns: usize) -> Vec<String> {
    let columns = columns.max(2);
    let mut lines = vec![String::new()];
    for word in text.split_inclusive(' ') {
        let mut word = word;
        loop {
            let Some(line) = lines.last_mut() else {
                return lines;
            };
            if width(line) + width(word.trim_end()) <= columns {
                line.push_str(word);
                break;
            }
            if !line.is_empty() {
                lines.push(String::new());
                continue;
            }
            let mut taken = 0;
            let end = word.char_indices().find(|(_, letter)| {
                taken += letter.width().unwrap_or(0);
                taken > columns
            });
            let (head, rest) = word.split_at(end.map_or(word.len(), |(at, _)| at));
            line.push_str(head);
            word = rest;
        }
    }
    lines
        .iter()
        .map(|line| line.trim_end().to_owned())
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_wide_character_is_whole_or_not_there() {
        assert_eq!(fit("推送节点", 5), "推送…");
        assert_eq!(fit("推送节点", 4), "推… ");
        assert_eq!(fit("推", 1), "…");
        assert_eq!(fit_right("推", 4), "  推");
        assert_eq!(cut("abc", 0), "");
    }

    proptest! {
        #[test]
        fn fitted_text_takes_exactly_its_columns(text in "[a-c推送é ]{0,20}", columns in 0..30_usize) {
            prop_assert_eq!(width(&fit(&text, columns)), columns);
            prop_assert_eq!(width(&fit_right(&text, columns)), columns);
        }

        #[test]
        fn wrapped_text_is_whole_and_within_its_columns(text in "[a-c推 ]{0,60}", columns in 2..20_usize) {
            let lines = wrapped(&text, columns);
            prop_assert!(lines.iter().all(|line| width(line) <= columns));
            let letters = |text: &str| text.chars().filter(|each| *each != ' ').collect::<String>();
            prop_assert_eq!(letters(&lines.concat()), letters(&text));
        }
    }
}
