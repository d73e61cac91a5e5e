//! Ranges of keys that share a prefix.

/// The prefixes that aren't within another one: each key falls under one at most, so that nothing
/// is listed or watched twice.
pub(super) fn disjoint(prefixes: &[String]) -> Vec<String> {
    let mut sorted = prefixes.to_vec();
    sorted.sort();
    // Sorted, all that begins with a prefix follows right after it.
    let mut kept: Vec<String> = Vec::new();
    for prefix in sorted {
        if !kept.last().is_some_and(|last| prefix.starts_with(last)) {
            kept.push(prefix);
        }
    }
    kept
}

/// The range `[start, end)` of all keys with a prefix, in the form etcd takes.
pub(super) fn range(prefix: &str) -> (Vec<u8>, Vec<u8>) {
    if prefix.is_empty() {
        return (vec![0], vec![0]);
    }
    let mut end = prefix.as_bytes().to_vec();
    // No byte of UTF-8 is 0xff, so the last one can always be raised.
    if let Some(last) = end.last_mut() {
        *last = last.saturating_add(1);
    }
    (prefix.as_bytes().to_vec(), end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_within_another_add_nothing() {
        let all = [
            "connect-node/",
            "/services/",
            "connect-node/eu/",
            "connect-node/",
            "/s",
        ];
        let kept = disjoint(&all.map(str::to_owned));
        assert_eq!(kept, ["/s", "connect-node/"]);
        assert_eq!(disjoint(&["a/".to_owned(), String::new()]), [""]);
    }

    #[test]
    fn a_range_ends_before_the_next_prefix() {
        assert_eq!(range("a/"), (b"a/".to_vec(), b"a0".to_vec()));
        assert_eq!(range(""), (vec![0], vec![0]));
    }
}
