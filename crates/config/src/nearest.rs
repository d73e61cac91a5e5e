//! Guesses what a misspelt name was meant to be.

/// Names longer than this are no misspelling of ours.
const MAX_NAME: usize = 100;

/// The candidate nearest to `name`, if it is near enough to be a likely slip.
pub(crate) fn nearest<'a>(
    name: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    if name.len() > MAX_NAME {
        return None;
    }
    let name = name.to_ascii_lowercase().replace('-', "_");
    let allowed = (name.len() / 4).clamp(1, 3);
    candidates
        .into_iter()
        .map(|candidate| {
            let distance = strsim::osa_distance(&name, &candidate.to_ascii_lowercase());
            (distance, candidate)
        })
        .filter(|(distance, _)| *distance <= allowed)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// The nearest of our keys: misspelt, or with the right name under a wrong section.
pub(crate) fn nearest_key(key: &str) -> Option<&'static str> {
    let keys = || crate::knobs().iter().map(|knob| knob.key);
    let sections = crate::knobs::SECTIONS.iter().map(|(name, _)| *name);
    if !key.contains('.')
        && let Some(section) = nearest(key, sections)
    {
        return Some(section);
    }
    nearest(key, keys()).or_else(|| only_one_named_like(key))
}

fn only_one_named_like(key: &str) -> Option<&'static str> {
    let name = key.rsplit('.').next()?;
    let mut same = crate::knobs().iter().filter(|knob| knob.name() == name);
    match (same.next(), same.next()) {
        (Some(knob), None) => Some(knob.key),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_recognised_and_strangers_are_not() {
        assert_eq!(nearest_key("fanout.concurency"), Some("fanout.concurrency"));
        assert_eq!(nearest_key("fannout"), Some("fanout"));
        assert_eq!(nearest_key("etcd.dial-timeout"), Some("etcd.dial_timeout"));
        assert_eq!(nearest_key("limits.chunk"), Some("fanout.chunk"));
        assert_eq!(nearest_key("colour.of.the.sky"), None);
        assert_eq!(nearest_key(""), None);
        assert_eq!(nearest_key(&"é".repeat(90_000)), None);
    }
}
