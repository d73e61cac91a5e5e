//! Numbers and times as people read them.

/// A span in the one unit that says most, as kubectl writes it.
pub fn age(seconds: Option<i64>) -> String {
    let Some(seconds) = seconds else {
        return or_dash(None);
    };
    match seconds {
        ..120 => format!("{seconds}s"),
        120..7_200 => format!("{}m", seconds / 60),
        7_200..172_800 => format!("{}h", seconds / 3_600),
        _ => format!("{}d", seconds / 86_400),
    }
}

/// A dash stands for what nobody knows.
pub fn or_dash(text: Option<String>) -> String {
    text.unwrap_or_else(|| "-".to_owned())
}

/// A number, or a dash.
pub fn number(value: Option<i64>) -> String {
    or_dash(value.map(|value| value.to_string()))
}

/// Bytes in the unit that says most.
pub fn bytes(count: usize) -> String {
    match count {
        ..10_240 => format!("{count} B"),
        10_240..10_485_760 => format!("{} KiB", count / 1_024),
        _ => format!("{} MiB", count / 1_048_576),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_unit_says_most() {
        let ages = [Some(119), Some(120), Some(7_200), Some(172_800), None].map(age);
        assert_eq!(ages, ["119s", "2m", "2h", "2d", "-"]);
        let sizes = [10, 20_480, 20_971_520].map(bytes);
        assert_eq!(sizes, ["10 B", "20 KiB", "20 MiB"]);
    }
}
