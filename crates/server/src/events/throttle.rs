//! Whether something that repeats is told again. Pure: the caller brings the time.

use std::{collections::HashMap, hash::Hash, time::Duration};

use tokio::time::Instant;

/// How often a repeat is told.
const WINDOW: Duration = Duration::from_secs(10);
/// Most events told within a window, whatever they say.
const MOST_TOLD: u32 = 4;

/// Of things that repeat, lets through the first and every other message, few in
/// a window; the rest is counted.
#[derive(Debug, Default)]
pub struct Throttle {
    window: Option<Instant>,
    told: u32,
    last: String,
    untold: u32,
}

impl Throttle {
    /// How many went untold since the last one that was told, this one
    /// included; `None` when this one is not told either. `repeats` times in a
    /// window the same message is told.
    pub fn tell(&mut self, now: Instant, message: &str, repeats: u32) -> Option<u32> {
        self.untold = self.untold.saturating_add(1);
        if !self.is_within(now) {
            self.window = Some(now);
            self.told = 0;
        }
        let most = if self.last == message {
            repeats
        } else {
            MOST_TOLD
        };
        if self.told >= most {
            return None;
        }
        self.told += 1;
        message.clone_into(&mut self.last);
        Some(std::mem::take(&mut self.untold))
    }

    /// Whether its window still lasts.
    fn is_within(&self, now: Instant) -> bool {
        self.window.is_some_and(|since| now < since + WINDOW)
    }
}

/// A throttle for each of those who repeat something. Past a bound the others
/// share one, so that many who do it once are no flood either.
#[derive(Debug)]
pub struct Throttles<K> {
    each: HashMap<K, Throttle>,
    most: usize,
    others: Throttle,
}

impl<K: Eq + Hash> Throttles<K> {
    /// With a throttle of its own for as many as `most` within a window.
    pub fn of(most: usize) -> Self {
        Self {
            each: HashMap::new(),
            most,
            others: Throttle::default(),
        }
    }

    /// [`Throttle::tell`] for `who`.
    pub fn tell(&mut self, who: K, now: Instant, message: &str, repeats: u32) -> Option<u32> {
        if self.each.len() >= self.most && !self.each.contains_key(&who) {
            self.each.retain(|_, throttle| throttle.is_within(now));
        }
        let is_full = self.each.len() >= self.most;
        let throttle = if is_full && !self.each.contains_key(&who) {
            &mut self.others
        } else {
            self.each.entry(who).or_default()
        };
        throttle.tell(now, message, repeats)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_repeat_is_told_once_in_a_window_with_how_often_it_happened() {
        let (mut throttle, start) = (Throttle::default(), Instant::now());
        let told: Vec<Option<u32>> = (0..22)
            .map(|second| throttle.tell(start + SECOND * second, "refused", 1))
            .collect();
        let loud: Vec<(usize, u32)> = told
            .iter()
            .enumerate()
            .filter_map(|(at, count)| Some((at, (*count)?)))
            .collect();
        assert_eq!(loud, [(0, 1), (10, 10), (20, 10)]);
    }

    #[test]
    fn another_message_is_told_at_once_but_changing_ones_are_no_flood() {
        let (mut throttle, now) = (Throttle::default(), Instant::now());
        assert_eq!(throttle.tell(now, "refused", 1), Some(1));
        assert_eq!(throttle.tell(now, "refused", 1), None);
        assert_eq!(throttle.tell(now, "timed out", 1), Some(2));
        let words = ["a", "b"].into_iter().cycle().take(100);
        let told = words.filter(|word| throttle.tell(now, word, 1).is_some());
        assert!(told.count() <= 4);
    }

    #[test]
    fn each_who_repeats_has_a_window_and_a_crowd_shares_one() {
        let (mut throttles, now) = (Throttles::of(3), Instant::now());
        let mut told = |who: u32, at| throttles.tell(who, at, "unknown", 1).is_some();
        assert!(told(1, now) && !told(1, now) && told(2, now));
        let crowd = (10..1000).filter(|who| told(*who, now)).count();
        assert_eq!(crowd, 2, "one of its own, and one for all the others");
        let later = now + WINDOW;
        assert!(told(1, later) && told(5000, later));
        assert!(throttles.each.len() <= 3);
    }
}
