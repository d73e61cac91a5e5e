//! Plain numbers: counts, ports, shares.

use super::Rule;
use crate::given::{Given, Refused};
use crate::knob::Kind;
use crate::shape::Shape;

/// A whole number within bounds, both included.
pub(crate) struct Count {
    pub(crate) min: usize,
    pub(crate) max: usize,
    /// What is counted, in the plural.
    pub(crate) of: &'static str,
}

impl Rule for Count {
    type Value = usize;
    const KIND: Kind = Kind::Count;

    fn parse(&self, given: &Given) -> Result<usize, Refused> {
        match digits(given.text()?)?.parse() {
            Ok(value) if (self.min..=self.max).contains(&value) => Ok(value),
            _ => Err(Refused::default()),
        }
    }

    fn expected(&self) -> String {
        format!(
            "a whole number from {} to {} ({})",
            self.min, self.max, self.of
        )
    }

    fn shape(&self) -> Shape {
        Shape::Count {
            min: self.min,
            max: self.max,
        }
    }

    fn show(&self, value: &usize) -> String {
        value.to_string()
    }

    fn unit(&self) -> &'static str {
        self.of
    }
}

/// A port to listen on; 0 takes any free one.
pub(crate) struct Port;

impl Rule for Port {
    type Value = u16;
    const KIND: Kind = Kind::Port;

    fn parse(&self, given: &Given) -> Result<u16, Refused> {
        digits(given.text()?)?
            .parse()
            .map_err(|_| Refused::default())
    }

    fn expected(&self) -> String {
        "a port from 1 to 65535, or 0 for any free one".to_owned()
    }

    fn shape(&self) -> Shape {
        Shape::Port
    }

    fn show(&self, value: &u16) -> String {
        value.to_string()
    }
}

/// A number from 0 to 1.
pub(crate) struct Ratio;

impl Rule for Ratio {
    type Value = f64;
    const KIND: Kind = Kind::Ratio;

    fn parse(&self, given: &Given) -> Result<f64, Refused> {
        match given.text()?.parse::<f64>() {
            // Adding zero makes -0.0 an ordinary zero.
            Ok(value) if (0.0..=1.0).contains(&value) => Ok(value + 0.0),
            _ => Err(Refused::default()),
        }
    }

    fn expected(&self) -> String {
        "a number from 0 to 1 such as 0.1".to_owned()
    }

    fn shape(&self) -> Shape {
        Shape::Ratio
    }

    fn show(&self, value: &f64) -> String {
        format!("{value:?}")
    }
}

/// Refuses signs and the like that `parse` would let through.
fn digits(text: &str) -> Result<&str, Refused> {
    if text.bytes().all(|b| b.is_ascii_digit()) {
        Ok(text)
    } else {
        Err(Refused::default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Given {
        Given::Text(text.to_owned())
    }

    #[test]
    fn counts_keep_their_bounds() {
        let rule = Count {
            min: 1,
            max: 64,
            of: "connections",
        };
        assert_eq!(rule.parse(&text(" 64 ")), Ok(64));
        for bad in [
            "",
            "0",
            "65",
            "+1",
            "-1",
            "1.0",
            "1e1",
            "99999999999999999999",
        ] {
            assert!(rule.parse(&text(bad)).is_err(), "{bad}");
        }
        assert!(rule.parse(&Given::List(vec!["1".into()])).is_err());
        assert_eq!(rule.expected(), "a whole number from 1 to 64 (connections)");
    }

    #[test]
    fn ports_are_sixteen_bits() {
        assert_eq!(Port.parse(&text("0")), Ok(0));
        assert_eq!(Port.parse(&text("65535")), Ok(65_535));
        for bad in ["", "65536", "tcp://10.0.0.1:50053", ":80", "+80"] {
            assert!(Port.parse(&text(bad)).is_err(), "{bad}");
        }
    }

    #[test]
    fn ratios_are_from_zero_to_one() {
        for good in ["0", "1", "0.25", "1e-3", "-0"] {
            assert!(Ratio.parse(&text(good)).is_ok(), "{good}");
        }
        for bad in ["", "1.01", "-0.1", "NaN", "inf", "half"] {
            assert!(Ratio.parse(&text(bad)).is_err(), "{bad}");
        }
    }
}
