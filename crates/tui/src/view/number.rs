//! Numbers as people read them. What isn't known is a dash, never zero.

use std::time::Duration;

use crate::fleet::Percentiles;

/// What stands for a number that isn't known.
pub(crate) const UNKNOWN: &str = "—";

/// A count with thin groups: `41 208`; from a million on, shorter: `3.2M`.
pub(crate) fn count(value: u64) -> String {
    if value >= 1_000_000 {
        return short(value as f64);
    }
    let digits = value.to_string();
    let mut grouped = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            grouped.push(' ');
        }
        grouped.push(digit);
    }
    grouped
}

/// A number in at most five characters: `0.41`, `12.3`, `998`, `48.2k`, `3.2M`.
pub(crate) fn short(value: f64) -> String {
    if !value.is_finite() {
        return UNKNOWN.to_owned();
    }
    let size = value.abs();
    if size >= 999.5e9 {
        return "huge".to_owned();
    }
    for (least, unit, letter) in [
        (999.5e6, 1e9, "G"),
        (999.5e3, 1e6, "M"),
        (9_999.5, 1e3, "k"),
    ] {
        if size >= least {
            let scaled = value / unit;
            let digits = usize::from(scaled.abs() < 99.95);
            return format!("{scaled:.digits$}{letter}");
        }
    }
    let digits = match size {
        size if size == 0.0 || size >= 99.95 => 0,
        size if size >= 9.995 => 1,
        _ => 2,
    };
    format!("{value:.digits$}")
}

/// A rate, or what stands for none.
pub(crate) fn rate(value: Option<f64>) -> String {
    value.map_or_else(|| UNKNOWN.to_owned(), short)
}

/// A share as percent: `0.02`, `2.3`, `87`.
pub(crate) fn percent(ratio: Option<f64>) -> String {
    match ratio.filter(|ratio| ratio.is_finite()) {
        Some(ratio) => {
            let percent = ratio.clamp(0.0, 1.0) * 100.0;
            let digits = if percent == 0.0 || percent >= 9.95 {
                0
            } else {
                2
            };
            format!("{percent:.digits$}")
        }
        None => UNKNOWN.to_owned(),
    }
}

/// A share as a whole percent with its sign: `87%`.
pub(crate) fn share(ratio: Option<f64>) -> String {
    match ratio.filter(|ratio| ratio.is_finite()) {
        Some(ratio) => format!("{:.0}%", ratio.clamp(0.0, 1.0) * 100.0),
        None => UNKNOWN.to_owned(),
    }
}

/// A time in milliseconds, by at most four characters: `0.4`, `2.1`, `88`, `4.1s`, `2m`.
pub(crate) fn millis(time: Option<Duration>) -> String {
    let Some(time) = time else {
        return UNKNOWN.to_owned();
    };
    let ms = time.as_secs_f64() * 1e3;
    match ms {
        ms if ms < 0.95 => format!("{ms:.2}"),
        ms if ms < 9.95 => format!("{ms:.1}"),
        ms if ms < 9_999.5 => format!("{ms:.0}"),
        ms if ms < 99_950.0 => format!("{:.0}s", ms / 1e3),
        ms => format!("{:.0}m", ms / 6e4),
    }
}

/// The middle and the tail of round trips in milliseconds: `2.1/88`.
pub(crate) fn middle_and_tail(times: &Percentiles) -> String {
    if times.p50.is_none() && times.p99.is_none() {
        return UNKNOWN.to_owned();
    }
    format!("{}/{}", millis(times.p50), millis(times.p99))
}

/// An age: `0.4s`, `47s`, `2m11s`, `3h11m`, `4d02h`.
pub(crate) fn age(time: Option<Duration>) -> String {
    let Some(time) = time else {
        return UNKNOWN.to_owned();
    };
    let seconds = time.as_secs();
    let (minutes, hours, days) = (seconds / 60, seconds / 3_600, seconds / 86_400);
    match seconds {
        0..10 => format!("{:.1}s", (time.as_secs_f64() * 10.0).floor() / 10.0),
        10..60 => format!("{seconds}s"),
        60..3_600 => format!("{minutes}m{:02}s", seconds % 60),
        3_600..86_400 => format!("{hours}h{:02}m", minutes % 60),
        _ if days < 1_000 => format!("{days}d{:02}h", hours % 24),
        _ => format!("{days}d"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_keep_to_their_room() {
        for (value, told) in [
            (0.0, "0"),
            (0.412, "0.41"),
            (12.34, "12.3"),
            (998.2, "998"),
            (9_999.0, "9999"),
            (48_213.0, "48.2k"),
            (999_600.0, "1.0M"),
            (3.2e9, "3.2G"),
            (1e18, "huge"),
            (f64::NAN, UNKNOWN),
        ] {
            assert_eq!(short(value), told);
        }
        assert_eq!(count(1_204), "1 204");
        assert_eq!(count(999_999), "999 999");
        assert_eq!(percent(Some(1.000_000_1)), "100");
        assert_eq!(percent(Some(0.023)), "2.30");
        assert_eq!(percent(Some(f64::NAN)), UNKNOWN);
    }

    #[test]
    fn ages_and_times_are_told_in_the_unit_that_fits() {
        let age_of = |seconds| age(Some(Duration::from_secs_f64(seconds)));
        assert_eq!(age_of(0.44), "0.4s");
        assert_eq!(age_of(131.0), "2m11s");
        assert_eq!(age_of(352_800.0), "4d02h");
        let ms = |ms| millis(Some(Duration::from_secs_f64(ms / 1e3)));
        assert_eq!(
            [ms(0.4), ms(2.13), ms(88.0), ms(12_000.0)],
            ["0.40", "2.1", "88", "12s"]
        );
        assert_eq!(millis(None), UNKNOWN);
    }
}
