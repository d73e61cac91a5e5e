//! Numbers of bytes: `65536`, `64KiB`, `64Ki`, `8MiB`, `1GiB`, `500KB`, `10MB`.

use super::Rule;
use crate::given::{Given, Refused};
use crate::knob::Kind;
use crate::shape::Shape;

/// Units that may be written, with their size.
const UNITS: [(&str, usize); 8] = [
    ("GiB", 1 << 30),
    ("MiB", 1 << 20),
    ("KiB", 1 << 10),
    // As Kubernetes writes them.
    ("Gi", 1 << 30),
    ("Mi", 1 << 20),
    ("Ki", 1 << 10),
    ("MB", 1_000_000),
    ("KB", 1_000),
];

/// How many of [`UNITS`] `show` uses: the powers of two.
const SHOWN_UNITS: usize = 3;

/// A number of bytes within bounds, both included.
pub(crate) struct Bytes {
    pub(crate) min: usize,
    pub(crate) max: usize,
}

impl Rule for Bytes {
    type Value = usize;
    const KIND: Kind = Kind::Bytes;

    fn parse(&self, given: &Given) -> Result<usize, Refused> {
        match read(given.text()?) {
            Some(value) if (self.min..=self.max).contains(&value) => Ok(value),
            _ => Err(Refused::default()),
        }
    }

    fn expected(&self) -> String {
        let (min, max) = (write(self.min), write(self.max));
        format!("a number of bytes from {min} to {max} such as 65536, 64KiB or 8Mi")
    }

    fn shape(&self) -> Shape {
        Shape::Bytes {
            min: self.min,
            max: self.max,
        }
    }

    fn show(&self, value: &usize) -> String {
        write(*value)
    }

    fn unit(&self) -> &'static str {
        "bytes"
    }
}

fn read(text: &str) -> Option<usize> {
    let end = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let unit = unit.trim_start();
    let size = match unit {
        "" => 1,
        unit => UNITS
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case(unit))
            .map(|(_, size)| *size)?,
    };
    number.parse::<usize>().ok()?.checked_mul(size)
}

fn write(value: usize) -> String {
    let fitting = UNITS
        .iter()
        .take(SHOWN_UNITS)
        .find(|(_, size)| value >= *size && value.is_multiple_of(*size));
    match fitting {
        Some((name, size)) => format!("{}{name}", value / size),
        None => value.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn bytes_read_with_and_without_units() {
        for (text, value) in [
            ("0", 0),
            ("65536", 65_536),
            ("64KiB", 65_536),
            ("64 KiB", 65_536),
            ("64Ki", 65_536),
            ("8mib", 8 << 20),
            ("1GiB", 1 << 30),
            ("5KB", 5_000),
            ("5MB", 5_000_000),
        ] {
            assert_eq!(read(text), Some(value), "{text}");
        }
    }

    #[test]
    fn what_is_no_size_is_refused() {
        for text in [
            "",
            "KiB",
            "-1",
            "1.5MiB",
            "1 parsec",
            "1_000",
            "0x10",
            "99999999999999999999",
            "99999999999GiB",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_written_size_reads_back_equal(value: usize) {
            prop_assert_eq!(read(&write(value)), Some(value));
        }
    }
}
