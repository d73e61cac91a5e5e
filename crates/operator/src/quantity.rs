//! Kubernetes quantities, compared by what they amount to: the API server writes `1000m` as `1`.

/// Suffixes and the power of ten or two that they stand for.
const DECIMAL: [(&str, i32); 10] = [
    ("n", -9),
    ("u", -6),
    ("m", -3),
    ("", 0),
    ("k", 3),
    ("M", 6),
    ("G", 9),
    ("T", 12),
    ("P", 15),
    ("E", 18),
];
const BINARY: [(&str, u32); 6] = [
    ("Ki", 10),
    ("Mi", 20),
    ("Gi", 30),
    ("Ti", 40),
    ("Pi", 50),
    ("Ei", 60),
];
/// Most digits of a number: beyond, nothing real is meant.
const MAX_DIGITS: usize = 27;

/// A quantity in billionths, the finest that Kubernetes keeps; finer ones are rounded up, as it
/// does. `None` when it is no quantity.
pub fn parse(text: &str) -> Option<i128> {
    let (negative, text) = match text.as_bytes().first()? {
        b'-' => (true, text.get(1..)?),
        b'+' => (false, text.get(1..)?),
        _ => (false, text),
    };
    let end = text
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(text.len());
    let (number, suffix) = text.split_at(end);
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let digits = [whole, fraction].concat();
    if digits.is_empty() || digits.len() > MAX_DIGITS || fraction.contains('.') {
        return None;
    }
    let scale = i32::try_from(fraction.len()).ok()?;
    let value = amount(digits.parse().ok()?, scale, suffix)?;
    Some(if negative { -value } else { value })
}

fn amount(digits: i128, scale: i32, suffix: &str) -> Option<i128> {
    if let Some((_, power)) = BINARY.iter().find(|(name, _)| *name == suffix) {
        let large = digits.checked_mul(1_i128.checked_shl(*power)?)?;
        return ten(large, 9 - scale);
    }
    let exponent = match DECIMAL.iter().find(|(name, _)| *name == suffix) {
        Some((_, power)) => *power,
        None => suffix.strip_prefix(['e', 'E'])?.parse().ok()?,
    };
    ten(digits, exponent.checked_sub(scale)?.checked_add(9)?)
}

/// `value` times ten to the `power`, rounded up.
fn ten(value: i128, power: i32) -> Option<i128> {
    let factor = 10_i128.checked_pow(power.unsigned_abs())?;
    if power >= 0 {
        return value.checked_mul(factor);
    }
    Some(value / factor + i128::from(value % factor > 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_amounts_are_equal_however_written() {
        for (one, other) in [
            ("1000m", "1"),
            ("0.5", "500m"),
            ("1024Mi", "1Gi"),
            ("1e3", "1k"),
            ("1.5Gi", "1536Mi"),
            ("+2", "2"),
            (".5", "500m"),
        ] {
            assert_eq!(parse(one), parse(other), "{one} {other}");
            assert!(parse(one).is_some(), "{one}");
        }
        assert_ne!(parse("1M"), parse("1Mi"));
    }

    #[test]
    fn what_is_no_quantity_is_refused() {
        for text in ["", "m", "1 core", "1.2.3", "1mi", "--1", "1Kb", ".", "1e"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
