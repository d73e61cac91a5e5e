//! Lengths of time: `500ms`, `1.5s`, `1m30s`, `0`.

use std::time::Duration;

use super::Rule;
use crate::given::{Given, Refused};
use crate::knob::Kind;
use crate::shape::Shape;

/// Units from the largest, with their length in nanoseconds.
const UNITS: [(&str, u128); 4] = [
    ("h", 3_600_000_000_000),
    ("m", 60_000_000_000),
    ("s", 1_000_000_000),
    ("ms", 1_000_000),
];

/// A length of time within bounds, both included.
pub(crate) struct Span {
    pub(crate) min: Duration,
    pub(crate) max: Duration,
}

impl Rule for Span {
    type Value = Duration;
    const KIND: Kind = Kind::Duration;

    fn parse(&self, given: &Given) -> Result<Duration, Refused> {
        let text = given.text()?;
        let Some(value) = read(text) else {
            let unitless = text.parse::<f64>().is_ok();
            return Err(if unitless {
                Refused::hint("a unit is missing")
            } else {
                Refused::default()
            });
        };
        if value < self.min || value > self.max {
            return Err(Refused::default());
        }
        Ok(value)
    }

    fn expected(&self) -> String {
        let (min, max) = (write(self.min), write(self.max));
        format!("a duration from {min} to {max} such as 500ms, 5s or 2m")
    }

    fn shape(&self) -> Shape {
        Shape::Duration {
            min: self.min,
            max: self.max,
        }
    }

    fn show(&self, value: &Duration) -> String {
        write(*value)
    }
}

fn read(text: &str) -> Option<Duration> {
    if text == "0" {
        return Some(Duration::ZERO);
    }
    let mut rest = text;
    let mut total: u128 = 0;
    // Each unit may come once and only after larger ones: `30s1m` is a slip, not a sum.
    let mut units = UNITS.iter();
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, tail) = rest.split_at(digits);
        let end = tail
            .find(|c: char| !c.is_ascii_alphabetic())
            .unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(end);
        let (_, nanos) = units.find(|(name, _)| *name == unit)?;
        total = total.checked_add(scaled(number, *nanos)?)?;
        rest = tail;
    }
    if text.is_empty() {
        return None;
    }
    let secs = u64::try_from(total / 1_000_000_000).ok()?;
    let nanos = u32::try_from(total % 1_000_000_000).ok()?;
    Some(Duration::new(secs, nanos))
}

/// `number` × `unit` in nanoseconds; `None` when that is no whole number of them.
fn scaled(number: &str, unit: u128) -> Option<u128> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    if whole.is_empty() || fraction.is_empty() || fraction.len() > 12 || fraction.contains('.') {
        return None;
    }
    let whole = whole.parse::<u128>().ok()?.checked_mul(unit)?;
    let scale = 10_u128.pow(u32::try_from(fraction.len()).ok()?);
    let part = fraction.parse::<u128>().ok()?.checked_mul(unit)?;
    (part % scale == 0).then_some(())?;
    whole.checked_add(part / scale)
}

fn write(value: Duration) -> String {
    let mut left = value.as_nanos();
    if left == 0 {
        return "0s".to_owned();
    }
    let mut parts = Vec::new();
    for (unit, nanos) in UNITS {
        let count = left / nanos;
        left %= nanos;
        let fraction = if unit == "ms" { left } else { 0 };
        if fraction > 0 {
            let digits = format!("{fraction:06}");
            parts.push(format!("{count}.{}{unit}", digits.trim_end_matches('0')));
        } else if count > 0 {
            parts.push(format!("{count}{unit}"));
        }
    }
    parts.concat()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn durations_read_in_every_written_form() {
        for (text, millis) in [
            ("0", 0),
            ("0s", 0),
            ("500ms", 500),
            ("5s", 5_000),
            ("1.5s", 1_500),
            ("2m", 120_000),
            ("1m30s", 90_000),
            ("1h0.5m", 3_630_000),
            ("1h", 3_600_000),
        ] {
            assert_eq!(read(text), Some(Duration::from_millis(millis)), "{text}");
        }
        assert_eq!(read("0.25ms"), Some(Duration::from_micros(250)));
    }

    #[test]
    fn what_is_no_duration_is_refused() {
        for text in [
            "",
            "5",
            "s",
            "5 parsecs",
            "5 s",
            "-1s",
            "1s1m",
            "1s1s",
            "1..5s",
            ".5s",
            "1.s",
            "1d",
            "0.0000001ms",
            "1S",
            "é",
            "99999999999999999999999999999999999999999h",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn bounds_are_included_and_named() {
        let rule = Span {
            min: Duration::from_millis(10),
            max: Duration::from_mins(5),
        };
        let parse = |text: &str| rule.parse(&Given::Text(text.to_owned()));
        assert!(parse("10ms").is_ok() && parse("5m").is_ok());
        assert_eq!(parse("9ms"), Err(Refused::default()));
        assert_eq!(parse("301s"), Err(Refused::default()));
        assert_eq!(parse("30"), Err(Refused::hint("a unit is missing")));
        assert_eq!(
            rule.expected(),
            "a duration from 10ms to 5m such as 500ms, 5s or 2m"
        );
    }

    proptest! {
        #[test]
        fn a_written_duration_reads_back_equal(nanos in 0_u64..=u64::MAX) {
            let value = Duration::from_nanos(nanos);
            prop_assert_eq!(read(&write(value)), Some(value));
        }

        #[test]
        fn no_text_panics(text in "\\PC{0,40}|[0-9.hms]{0,40}") {
            let _ = read(&text);
        }
    }
}
