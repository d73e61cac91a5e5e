//! From words to an expression: `or` binds loosest, then `and` (or nothing between two terms), then
//! `not`.

use super::{
    Field, FilterError,
    field::Kind,
    lex::{Operator, Token, Word, duration, words},
};

/// Parentheses and negations may be so deep.
const DEEPEST: usize = 50;

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Expression {
    Or(Box<Expression>, Box<Expression>),
    And(Box<Expression>, Box<Expression>),
    Not(Box<Expression>),
    Text(Field, Operator, String),
    Number(Field, Operator, f64),
    /// Part of a name.
    Named(String),
}

struct Parser {
    words: Vec<Word>,
    at: usize,
    end: usize,
    depth: usize,
}

pub(super) fn parse(text: &str) -> Result<Option<Expression>, FilterError> {
    let words = words(text)?;
    if words.is_empty() {
        return Ok(None);
    }
    let mut parser = Parser {
        words,
        at: 0,
        end: text.trim_end().chars().count(),
        depth: 0,
    };
    let expression = parser.or()?;
    match parser.peek() {
        None => Ok(Some(expression)),
        Some(_) => Err(parser.error("this does not belong here: expected and, or, or the end")),
    }
}

impl Parser {
    fn peek(&self) -> Option<&Token> {
        self.words.get(self.at).map(|word| &word.token)
    }

    fn next(&mut self) -> Option<Token> {
        let token = self.peek().cloned();
        self.at += 1;
        token
    }

    fn is_word(&self, wanted: &str) -> bool {
        matches!(self.peek(), Some(Token::Bare(word)) if word.eq_ignore_ascii_case(wanted))
    }

    fn error(&self, message: impl Into<String>) -> FilterError {
        let at = self.words.get(self.at).map_or(self.end, |word| word.at);
        FilterError {
            at,
            message: message.into(),
        }
    }

    fn or(&mut self) -> Result<Expression, FilterError> {
        let mut left = self.and()?;
        while self.is_word("or") {
            self.at += 1;
            left = Expression::Or(Box::new(left), Box::new(self.and()?));
        }
        Ok(left)
    }

    fn and(&mut self) -> Result<Expression, FilterError> {
        let mut left = self.not()?;
        loop {
            if self.is_word("and") {
                self.at += 1;
            } else if self.is_word("or") || matches!(self.peek(), None | Some(Token::Close)) {
                return Ok(left);
            }
            left = Expression::And(Box::new(left), Box::new(self.not()?));
        }
    }

    fn not(&mut self) -> Result<Expression, FilterError> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(self.error(format!("more than {DEEPEST} levels deep")));
        }
        let expression = if self.is_word("not") {
            self.at += 1;
            Expression::Not(Box::new(self.not()?))
        } else {
            self.term()?
        };
        self.depth -= 1;
        Ok(expression)
    }

    fn term(&mut self) -> Result<Expression, FilterError> {
        let expected = "expected a field (name, state, queue, rtt.p99 …), part of a name, or (";
        match self.peek() {
            Some(Token::Open) => {
                self.at += 1;
                let inner = self.or()?;
                if self.next() != Some(Token::Close) {
                    self.at -= 1;
                    return Err(self.error("expected )"));
                }
                Ok(inner)
            }
            Some(Token::Quoted(text)) => {
                let text = text.clone();
                self.at += 1;
                Ok(Expression::Named(text))
            }
            Some(Token::Bare(word)) if word.eq_ignore_ascii_case("and") => {
                Err(self.error(expected))
            }
            Some(Token::Bare(word)) if word.eq_ignore_ascii_case("or") => Err(self.error(expected)),
            Some(Token::Bare(word)) => {
                let word = word.clone();
                self.comparison(word)
            }
            Some(Token::Close | Token::Operator(_)) | None => Err(self.error(expected)),
        }
    }

    fn comparison(&mut self, word: String) -> Result<Expression, FilterError> {
        let follows = self.words.get(self.at + 1).map(|word| word.token.clone());
        let Some(Token::Operator(operator)) = follows else {
            self.at += 1;
            return Ok(Expression::Named(word));
        };
        let Some(field) = Field::named(&word) else {
            let names: Vec<_> = Field::ALL.iter().map(|(name, _)| *name).collect();
            return Err(self.error(format!(
                "there is no field {word:?}: expected {}",
                names.join(", ")
            )));
        };
        self.at += 2;
        let value = match self.peek() {
            Some(Token::Bare(text) | Token::Quoted(text)) => text.clone(),
            Some(Token::Open | Token::Close | Token::Operator(_)) | None => {
                return Err(self.error(format!("expected a value for {word}")));
            }
        };
        let comparison = self.compare(field, operator, value)?;
        self.at += 1;
        Ok(comparison)
    }

    fn compare(
        &self,
        field: Field,
        operator: Operator,
        value: String,
    ) -> Result<Expression, FilterError> {
        let ordered = matches!(
            operator,
            Operator::More | Operator::AtLeast | Operator::Less | Operator::AtMost
        );
        let alike = matches!(operator, Operator::Like | Operator::NotLike);
        let number = match field.kind() {
            Kind::Text if ordered => {
                return Err(self.error("text has no order: expected = != ~ or !~"));
            }
            Kind::Text => {
                let words = field.words().filter(|_| !alike);
                return match words.filter(|words| !is_one(words, &value)) {
                    Some(words) => {
                        let words = words.join(", ");
                        Err(self.error(format!("{value:?}: expected {words}")))
                    }
                    None => Ok(Expression::Text(field, operator, value)),
                };
            }
            _ if alike => return Err(self.error("~ is for text: expected = != > >= < or <=")),
            Kind::Share => share(&value).ok_or("expected a share, e.g. 80% or 0.8"),
            Kind::Number => finite(&value).ok_or("expected a number"),
            Kind::Time => duration(&value)
                .map(|time| time.as_secs_f64())
                .ok_or("expected a duration, e.g. 100ms, 2s or 5m"),
        };
        match number {
            Ok(number) => Ok(Expression::Number(field, operator, number)),
            Err(expected) => Err(self.error(format!("{value:?}: {expected}"))),
        }
    }
}

fn is_one(words: &[&str], value: &str) -> bool {
    words.iter().any(|word| word.eq_ignore_ascii_case(value))
}

/// A bare number over 1 is somebody's percent without its sign, and would match nothing.
fn share(text: &str) -> Option<f64> {
    match text.strip_suffix('%') {
        Some(percent) => finite(percent).map(|percent| percent / 100.0),
        None => finite(text).filter(|share| *share <= 1.0),
    }
}

fn finite(text: &str) -> Option<f64> {
    text.parse().ok().filter(|number: &f64| number.is_finite())
}
