//! What links learnt lately, so that the past can be built again: segments that each begin with the
//! whole state. Bounded in bytes and in time; the oldest segment goes first. Pure.

use std::{collections::VecDeque, time::Duration};

use prost::Message;

use crate::{
    feed::{FeedEvent, Learnt},
    fleet::Fleet,
    moment::Moment,
};

/// Most bytes kept, beside the segment that is being written.
const MOST_BYTES: usize = 8 << 20;
/// The furthest that it reaches back.
const LONGEST: Duration = Duration::from_hours(1);
/// A segment covers so much.
const SEGMENT: Duration = Duration::from_secs(30);
/// Segments played before the moment that is asked for, so that its charts have a past too.
const LEAD_IN: usize = 3;

/// The tape. See the module's documentation.
#[derive(Clone, Debug, Default)]
pub struct Tape {
    segments: VecDeque<Segment>,
    ended: Option<Moment>,
}

#[derive(Clone, Debug)]
struct Segment {
    begins: Moment,
    /// The whole state at its beginning.
    state: Vec<FeedEvent>,
    events: Vec<FeedEvent>,
    bytes: usize,
}

impl Segment {
    fn begin(begins: Moment, state: Vec<FeedEvent>) -> Self {
        let bytes = state.iter().map(size).sum();
        Self {
            begins,
            state,
            events: Vec::new(),
            bytes,
        }
    }
}

impl Tape {
    /// Notes what a link learnt.
    pub fn note(&mut self, event: &FeedEvent) {
        if self.segments.is_empty() {
            self.segments
                .push_back(Segment::begin(event.at, Vec::new()));
        }
        if let Some(segment) = self.segments.back_mut() {
            segment.bytes += size(event);
            segment.events.push(event.clone());
        }
    }

    /// Begins a new segment when it is time, with the state that `fleet` has now.
    pub fn tick(&mut self, fleet: &Fleet, now: Moment) {
        self.ended = Some(now);
        let due = self.segments.back().is_some_and(|segment| {
            now.since(segment.begins) >= SEGMENT || segment.bytes > MOST_BYTES / 4
        });
        if !due {
            return;
        }
        self.segments
            .push_back(Segment::begin(now, fleet.to_events(now)));
        while self.segments.len() > 1 && self.is_too_much(now) {
            self.segments.pop_front();
        }
    }

    fn is_too_much(&self, now: Moment) -> bool {
        let bytes: usize = self.segments.iter().map(|segment| segment.bytes).sum();
        // A segment is left behind once the one after it reaches far enough.
        let reaches = self.segments.get(1).map(|next| now.since(next.begins));
        bytes > MOST_BYTES || reaches.is_some_and(|reaches| reaches > LONGEST)
    }

    /// From when to when it reaches.
    pub fn range(&self) -> Option<(Moment, Moment)> {
        Some((self.segments.front()?.begins, self.ended?))
    }

    /// The fleet as it was at a moment within the range.
    pub fn fleet_at(&self, at: Moment) -> Option<Fleet> {
        let until = self
            .segments
            .partition_point(|segment| segment.begins <= at);
        let from = until.checked_sub(1)?.saturating_sub(LEAD_IN - 1);
        let mut fleet = Fleet::default();
        let mut second = None;
        for (place, segment) in self.segments.range(from..until).enumerate() {
            // Later segments only repeat what the ones before led to.
            let state = if place == 0 { &segment.state[..] } else { &[] };
            for event in state.iter().chain(&segment.events) {
                if event.at > at {
                    break;
                }
                advance(&mut fleet, &mut second, event.at);
                fleet.take_in(event.clone());
            }
        }
        advance(&mut fleet, &mut second, at);
        fleet.tick(at);
        Some(fleet)
    }
}

/// Looks at the fleet once in each second that passes, as the console did.
fn advance(fleet: &mut Fleet, second: &mut Option<u64>, to: Moment) {
    let now = to.since_start().as_secs();
    let Some(last) = *second else {
        *second = Some(now);
        return;
    };
    // Long silences are gaps: they need not be looked at second by second.
    for passed in last.max(now.saturating_sub(90))..now {
        fleet.tick(Moment::after(Duration::from_secs(passed + 1)));
    }
    *second = Some(last.max(now));
}

fn size(event: &FeedEvent) -> usize {
    let told = match &event.what {
        Learnt::Frame(frame) => frame.encoded_len(),
        Learnt::Info(info) => info.encoded_len(),
        Learnt::Target(name) => name.len(),
        Learnt::Link(_) | Learnt::Aside(_) => 0,
    };
    // Decoded, a frame takes a few times its encoded size.
    told * 3 + size_of::<FeedEvent>()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::Scenario;

    fn taped(scenario: &Scenario, seconds: u64) -> (Tape, Vec<Fleet>) {
        let (mut tape, mut fleet, mut past) = (Tape::default(), Fleet::default(), Vec::new());
        for second in 0..=seconds {
            for event in scenario.second(second) {
                tape.note(&event);
                fleet.take_in(event);
            }
            fleet.tick(Scenario::looked_at(second));
            tape.tick(&fleet, Scenario::looked_at(second));
            past.push(fleet.clone());
        }
        (tape, past)
    }

    #[test]
    fn any_moment_of_the_past_is_as_it_was() {
        let (tape, past) = taped(&Scenario::story(), 100);
        for second in [3, 29, 30, 31, 64, 99] {
            let then = tape.fleet_at(Scenario::looked_at(second as u64)).unwrap();
            let was = &past[second];
            assert_eq!(then.totals().pushes, was.totals().pushes, "second {second}");
            assert_eq!(then.totals().targets, was.totals().targets);
            assert_eq!(then.totals().nodes, was.totals().nodes);
            let words = |fleet: &Fleet| -> Vec<_> {
                fleet
                    .nodes()
                    .values()
                    .map(|node| (node.name.clone(), node.word))
                    .collect()
            };
            assert_eq!(words(&then), words(was));
            assert_eq!(then.totals().push_rate, was.totals().push_rate);
        }
    }

    #[test]
    fn it_is_bounded_in_bytes_and_what_is_left_can_still_be_shown() {
        let (tape, past) = taped(&Scenario::of(2, 400), 240);
        let bytes: usize = tape.segments.iter().map(|segment| segment.bytes).sum();
        assert!(bytes < MOST_BYTES * 2, "{bytes}");
        let (first, last) = tape.range().unwrap();
        assert!(first > Moment::default(), "the beginning was given up");
        let then = tape.fleet_at(first + Duration::from_secs(2)).unwrap();
        assert_eq!(then.nodes().len(), 400);
        assert_eq!(last, Scenario::looked_at(240));
        drop(past);
    }
}
