//! From characters to words. Places are counted in characters.

use std::time::Duration;

use super::FilterError;

/// A word and where it begins.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Word {
    pub(super) at: usize,
    pub(super) token: Token,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Token {
    Open,
    Close,
    Operator(Operator),
    /// Unquoted.
    Bare(String),
    Quoted(String),
}

/// A comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operator {
    Equal,
    NotEqual,
    More,
    AtLeast,
    Less,
    AtMost,
    Like,
    NotLike,
}

pub(super) fn words(text: &str) -> Result<Vec<Word>, FilterError> {
    let chars: Vec<char> = text.chars().collect();
    let (mut words, mut at) = (Vec::new(), 0);
    while let Some(letter) = chars.get(at).copied() {
        let begin = at;
        let token = match letter {
            letter if letter.is_whitespace() => {
                at += 1;
                continue;
            }
            '(' => Token::Open,
            ')' => Token::Close,
            '"' | '\'' => {
                let (token, end) = quoted(&chars, at)?;
                at = end;
                words.push(Word { at: begin, token });
                continue;
            }
            '=' | '!' | '<' | '>' | '~' => {
                let (operator, length) = operator(&chars, at)?;
                at += length;
                let token = Token::Operator(operator);
                words.push(Word { at: begin, token });
                continue;
            }
            _ => {
                while chars.get(at).is_some_and(|letter| is_bare(*letter)) {
                    at += 1;
                }
                let word = chars[begin..at].iter().collect();
                let token = Token::Bare(word);
                words.push(Word { at: begin, token });
                continue;
            }
        };
        at += 1;
        words.push(Word { at: begin, token });
    }
    Ok(words)
}

fn is_bare(letter: char) -> bool {
    !letter.is_whitespace() && !"()\"'=!<>~".contains(letter)
}

fn quoted(chars: &[char], begin: usize) -> Result<(Token, usize), FilterError> {
    let quote = chars[begin];
    let (mut text, mut at) = (String::new(), begin + 1);
    while let Some(letter) = chars.get(at).copied() {
        at += 1;
        match letter {
            letter if letter == quote => return Ok((Token::Quoted(text), at)),
            '\\' => {
                text.extend(chars.get(at));
                at += 1;
            }
            letter => text.push(letter),
        }
    }
    Err(FilterError {
        at: begin,
        message: format!("this quotation has no end: expected another {quote}"),
    })
}

fn operator(chars: &[char], at: usize) -> Result<(Operator, usize), FilterError> {
    let next = chars.get(at + 1).copied();
    Ok(match (chars[at], next) {
        ('=', Some('=')) => (Operator::Equal, 2),
        ('=', _) => (Operator::Equal, 1),
        ('!', Some('=')) => (Operator::NotEqual, 2),
        ('!', Some('~')) => (Operator::NotLike, 2),
        ('>', Some('=')) => (Operator::AtLeast, 2),
        ('>', _) => (Operator::More, 1),
        ('<', Some('=')) => (Operator::AtMost, 2),
        ('<', _) => (Operator::Less, 1),
        ('~', _) => (Operator::Like, 1),
        (letter, _) => {
            return Err(FilterError {
                at,
                message: format!("{letter:?} is no operator: expected = != > >= < <= ~ or !~"),
            });
        }
    })
}

/// A duration as people write it: `100ms`, `1.5s`, `2m`, `1h`, `3d`; with a unit.
pub fn duration(text: &str) -> Option<Duration> {
    let split = text.find(|letter: char| letter.is_ascii_alphabetic() || letter == 'µ')?;
    let (number, unit) = text.split_at(split);
    let unit = match unit {
        "ns" => 1e-9,
        "us" | "µs" => 1e-6,
        "ms" => 1e-3,
        "s" => 1.0,
        "m" | "min" => 60.0,
        "h" => 3_600.0,
        "d" => 86_400.0,
        _ => return None,
    };
    let number: f64 = number.parse().ok()?;
    Duration::try_from_secs_f64(number * unit).ok()
}
