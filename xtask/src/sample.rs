//! Chooses some of many by a seed: the same seed, the same choice, whatever
//! the order; another seed, likely another.

use crate::cache::content_name;

/// Keeps `count` of the items.
pub(crate) fn keep<T>(items: &mut Vec<T>, count: usize, seed: &str, name: impl Fn(&T) -> &str) {
    items.sort_by_cached_key(|item| content_name([seed.as_bytes(), name(item).as_bytes()]));
    items.truncate(count);
    items.sort_by(|a, b| name(a).cmp(name(b)));
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    const NAMES: [&str; 8] = ["a", "b", "c", "d", "e", "f", "g", "h"];

    fn kept(seed: &str, count: usize) -> Vec<&'static str> {
        let mut names = NAMES.to_vec();
        keep(&mut names, count, seed, |name| name);
        names
    }

    #[test]
    fn the_order_of_the_items_does_not_matter() {
        let mut backwards: Vec<&str> = NAMES.into_iter().rev().collect();
        keep(&mut backwards, 3, "seed", |name| name);
        assert_eq!(backwards, kept("seed", 3));
    }

    #[test]
    fn over_many_seeds_every_item_has_its_turn() {
        let seen: BTreeSet<&str> = (0..40)
            .flat_map(|n| kept(&format!("{n:040x}"), 3))
            .collect();
        assert_eq!(seen.len(), NAMES.len());
    }

    #[test]
    fn more_than_there_are_means_all() {
        assert_eq!(kept("seed", 99), NAMES);
    }
}
