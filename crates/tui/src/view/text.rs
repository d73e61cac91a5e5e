//! Text in columns: a Chinese character takes two, and never half of one is shown.

use unicode_width::UnicodeWidthStr;

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
    let mut kept = head(text, columns.saturating_sub(1)).to_owned();
    if columns > 0 {
        kept.push('…');
    }
    kept
}

/// The end of a text in at most so many columns: what is typed is seen where it is typed.
pub(crate) fn end(text: &str, columns: usize) -> String {
    if width(text) <= columns {
        return text.to_owned();
    }
    let room = columns.saturating_sub(1);
    let starts = text.char_indices().map(|(at, _)| &text[at..]);
    let end = { starts }.find(|end| width(end) <= room).unwrap_or("");
    if columns == 0 {
        return String::new();
    }
    format!("…{end}")
}

/// As much of the beginning as has room. Together letters may take other columns than one by one (a
/// sign that makes a picture of the one before it), so that it is the whole that is measured.
fn head(text: &str, columns: usize) -> &str {
    let mut end = 0;
    for (at, letter) in text.char_indices() {
        let next = at + letter.len_utf8();
        if width(&text[..next]) > columns {
            break;
        }
        end = next;
    }
    &text[..end]
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
            let begin = head(word, columns);
            // One that has no room even alone goes on its line all the same.
            let begin = match begin.len() {
                0 => word.chars().next().map_or(0, char::len_utf8),
                some => some,
            };
            let (head, rest) = word.split_at(begin);
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
        assert_eq!(end("state=推送节点", 6), "…节点");
        assert_eq!(
            (end("推送", 4), end("推送", 0)),
            ("推送".into(), String::new())
        );
    }

    proptest! {
        #[test]
        fn fitted_text_takes_exactly_its_columns(text in "[a-c推送é❤\u{fe0f}\u{301}لا ]{0,20}", columns in 0..30_usize) {
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
