//! Whether something that repeats is told again. Pure: the caller brings the time.

use std::time::Duration;

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
        if self.window.is_none_or(|since| now >= since + WINDOW) {
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
}
