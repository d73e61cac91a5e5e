//! Whether an expression holds for a node.

use std::time::Duration;

use push_manager_proto::admin::Hold;

use super::{Field, lex::Operator, parse::Expression};
use crate::{
    fleet::{Cell, Node, NodeWord, Severity},
    replica::Freshness,
};

pub(super) fn holds(expression: &Expression, node: &Node) -> bool {
    match expression {
        Expression::Or(one, other) => holds(one, node) || holds(other, node),
        Expression::And(one, other) => holds(one, node) && holds(other, node),
        Expression::Not(inner) => !holds(inner, node),
        Expression::Named(part) => contains(&node.name.0, part),
        Expression::Text(field, operator, wanted) => text_holds(*field, *operator, wanted, node),
        Expression::Number(field, operator, wanted) => {
            number(*field, node).is_some_and(|value| compare(value, *operator, *wanted))
        }
    }
}

/// With several values (replicas, errors) one that matches is enough; for `!=` and `!~`, none may.
fn text_holds(field: Field, operator: Operator, wanted: &str, node: &Node) -> bool {
    let values = texts(field, node);
    let mut values = values.iter();
    match operator {
        Operator::Equal => values.any(|value| value.eq_ignore_ascii_case(wanted)),
        Operator::NotEqual => values.all(|value| !value.eq_ignore_ascii_case(wanted)),
        Operator::Like => values.any(|value| like(value, wanted)),
        Operator::NotLike => values.all(|value| !like(value, wanted)),
        Operator::More | Operator::AtLeast | Operator::Less | Operator::AtMost => false,
    }
}

/// With `*` or `?` the whole text must fit the pattern; without, it must hold it.
fn like(text: &str, pattern: &str) -> bool {
    if pattern.contains(['*', '?']) {
        let text: Vec<char> = text.to_lowercase().chars().collect();
        let pattern: Vec<char> = pattern.to_lowercase().chars().collect();
        glob(&text, &pattern)
    } else {
        contains(text, pattern)
    }
}

/// Linear in the product of the lengths: a star is taken back to, never more than the latest.
fn glob(text: &[char], pattern: &[char]) -> bool {
    let (mut at, mut place) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while at < text.len() {
        match pattern.get(place) {
            Some('*') => {
                star = Some((place, at));
                place += 1;
            }
            Some(letter) if *letter == '?' || *letter == text[at] => {
                at += 1;
                place += 1;
            }
            _ => match star {
                Some((after, from)) => {
                    place = after + 1;
                    at = from + 1;
                    star = Some((after, at));
                }
                None => return false,
            },
        }
    }
    pattern[place..].iter().all(|letter| *letter == '*')
}

fn contains(text: &str, part: &str) -> bool {
    text.to_lowercase().contains(&part.to_lowercase())
}

fn live(node: &Node) -> impl Iterator<Item = &Cell> {
    node.cells
        .values()
        .filter(|cell| cell.freshness == Freshness::Live)
}

fn texts(field: Field, node: &Node) -> Vec<String> {
    match field {
        Field::Name => vec![node.name.to_string()],
        Field::Address => vec![node.address.clone()],
        Field::State => vec![word(node.word).to_owned()],
        Field::Hold => {
            let holds = live(node).map(|cell| match cell.hold {
                Hold::Drained => "drained",
                Hold::Ejected => "ejected",
                Hold::Unspecified => "none",
            });
            holds.map(str::to_owned).collect()
        }
        Field::Warning => {
            let warning = match node.warning {
                Some(Severity::Error) => "error",
                Some(Severity::Warning) => "warning",
                None => "none",
            };
            vec![warning.to_owned()]
        }
        Field::Problem => node.problems.iter().map(ToString::to_string).collect(),
        Field::Error => live(node).map(|cell| cell.last_error.to_string()).collect(),
        Field::Replica => {
            let live = node
                .cells
                .iter()
                .filter(|(_, cell)| cell.freshness == Freshness::Live);
            live.map(|(id, _)| id.to_string()).collect()
        }
        _ => Vec::new(),
    }
}

/// The state as it is written in filters and in output for scripts.
pub(crate) fn word(word: NodeWord) -> &'static str {
    match word {
        NodeWord::Failed => "failed",
        NodeWord::Ejected => "ejected",
        NodeWord::Draining => "draining",
        NodeWord::Connecting => "connecting",
        NodeWord::Lingering => "lingering",
        NodeWord::Ready => "ready",
        NodeWord::Idle => "idle",
        NodeWord::Gone => "gone",
    }
}

fn number(field: Field, node: &Node) -> Option<f64> {
    let seconds = |time: Option<Duration>| time.map(|time| time.as_secs_f64());
    // Where no live replica knows the node, a sum over none of them is no zero.
    let known = |value: f64| (node.word != NodeWord::Gone).then_some(value);
    match field {
        Field::Queue => known(node.queue_ratio),
        Field::Queued => known(node.queued as f64),
        Field::InFlight => known(node.in_flight as f64),
        Field::Connections => known(node.connections as f64),
        Field::Oldest => seconds(node.oldest_in_flight),
        Field::Err => node.failed_ratio,
        Field::Rate => node.delivered_rate,
        Field::Fail => node.failed_rate,
        Field::Age => seconds(node.since),
        Field::RttP50 => seconds(node.rtt.p50),
        Field::RttP90 => seconds(node.rtt.p90),
        Field::RttP99 => seconds(node.rtt.p99),
        Field::RttMax => seconds(node.rtt.max),
        _ => None,
    }
}

#[allow(clippy::float_cmp, reason = "equal means as written")]
fn compare(value: f64, operator: Operator, wanted: f64) -> bool {
    match operator {
        Operator::Equal => value == wanted,
        Operator::NotEqual => value != wanted,
        Operator::More => value > wanted,
        Operator::AtLeast => value >= wanted,
        Operator::Less => value < wanted,
        Operator::AtMost => value <= wanted,
        Operator::Like | Operator::NotLike => false,
    }
}
