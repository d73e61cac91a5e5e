//! What links learnt lately, so that the past can be built again: segments that each begin with the
//! whole state, and hold what came after it. Bounded in bytes and in time. Where the bytes do not
//! reach for all of it, old segments keep their beginning alone, and the older they are the fewer
//! are left: what is long ago is remembered in steps. Pure.

use std::{collections::VecDeque, time::Duration};

use super::packed::Packed;
use crate::{feed::FeedEvent, fleet::Fleet, moment::Moment};

/// Most bytes kept, beside the segment that is being written.
const MOST_BYTES: usize = 8 << 20;
/// The furthest that it reaches back.
const LONGEST: Duration = Duration::from_hours(1);
/// A segment covers so much,
const SEGMENT: Duration = Duration::from_secs(30);
/// or so many bytes before compression, which are read again to show its end,
const SEGMENT_BYTES: usize = 4 << 20;
/// but always some times as many as its beginning: the whole state is copied no more often.
const TIMES_ITS_STATE: usize = 4;
/// Segments played before the moment that is asked for, so that it has rates, and its charts a past,
const LEAD_IN: usize = 3;
/// beyond the first of them only as far as so many bytes are read.
const LEAD_IN_BYTES: usize = 8 << 20;

/// The tape. See the module's documentation.
#[derive(Clone, Debug)]
pub struct Tape {
    segments: VecDeque<Segment>,
    ended: Option<Moment>,
    most_bytes: usize,
}

#[derive(Clone, Debug)]
struct Segment {
    begins: Moment,
    /// The whole state at its beginning.
    state: Packed,
    /// What came after it; nothing once it is only remembered that the state was such.
    events: Option<Packed>,
}

impl Segment {
    fn begin(begins: Moment, state: &[FeedEvent]) -> Self {
        Self {
            begins,
            state: Packed::of(state),
            events: Some(Packed::default()),
        }
    }

    fn event_bytes(&self) -> usize {
        self.events.as_ref().map_or(0, Packed::bytes)
    }

    fn bytes(&self) -> usize {
        self.state.bytes() + self.event_bytes()
    }

    /// Bytes that are read to play it.
    fn told(&self) -> usize {
        self.state.told() + self.events.as_ref().map_or(0, Packed::told)
    }

    fn is_due(&self, now: Moment) -> bool {
        let told = self.events.as_ref().map_or(0, Packed::told);
        now.since(self.begins) >= SEGMENT
            || told > SEGMENT_BYTES.max(self.state.told() * TIMES_ITS_STATE)
    }
}

impl Default for Tape {
    fn default() -> Self {
        Self {
            segments: VecDeque::new(),
            ended: None,
            most_bytes: MOST_BYTES,
        }
    }
}

impl Tape {
    /// Notes what a link learnt.
    pub fn note(&mut self, event: &FeedEvent) {
        if self.segments.is_empty() {
            self.segments.push_back(Segment::begin(event.at, &[]));
        }
        let newest = self.segments.back_mut();
        if let Some(events) = newest.and_then(|segment| segment.events.as_mut()) {
            events.push(event);
        }
    }

    /// Begins a new segment when it is time, with the state that `fleet` has now.
    pub fn tick(&mut self, fleet: &Fleet, now: Moment) {
        self.ended = Some(now);
        let Some(newest) = self.segments.back_mut().filter(|newest| newest.is_due(now)) else {
            return;
        };
        // Half a snapshot is no state to begin with. One that never ends is not waited for.
        if !fleet.is_whole() && now.since(newest.begins) < SEGMENT * 2 {
            return;
        }
        if let Some(events) = &mut newest.events {
            events.close();
        }
        self.segments
            .push_back(Segment::begin(now, &fleet.to_events(now)));
        // A segment is left behind once the one after it reaches far enough.
        while self
            .segments
            .get(1)
            .is_some_and(|next| now.since(next.begins) > LONGEST)
        {
            self.segments.pop_front();
        }
        while self.bytes() > self.most_bytes && self.segments.len() > 1 {
            self.give_up_some(now);
        }
    }

    /// Bytes that it takes.
    pub fn bytes(&self) -> usize {
        self.segments.iter().map(Segment::bytes).sum()
    }

    /// Makes room: half of it is for what came lately, half for how it was.
    fn give_up_some(&mut self, now: Moment) {
        let fine = self
            .segments
            .iter()
            .map(Segment::event_bytes)
            .sum::<usize>();
        let states = self
            .segments
            .partition_point(|segment| segment.events.is_none());
        let is_last = states + 1 >= self.segments.len();
        if states > 2 && (fine <= self.most_bytes / 2 || is_last) {
            if let Some(crowded) = self.most_crowded(states, now) {
                self.segments.remove(crowded);
            }
        } else if is_last || self.segments[states].state.told() == 0 {
            self.segments.pop_front();
        } else {
            self.segments[states].events = None;
        }
    }

    /// Of the states alone the one whose neighbours are nearest to each other for their age, so
    /// that steps grow with it. The oldest stays: the tape reaches to it.
    fn most_crowded(&self, states: usize, now: Moment) -> Option<usize> {
        let begins = |place: usize| self.segments[place].begins;
        let room = |place: &usize| {
            let apart = begins(place + 1).since(begins(place - 1));
            apart.as_secs_f64() / now.since(begins(*place)).as_secs_f64().max(1.0)
        };
        (1..states).min_by(|one, other| room(one).total_cmp(&room(other)))
    }

    /// From when to when it reaches.
    pub fn range(&self) -> Option<(Moment, Moment)> {
        Some((self.segments.front()?.begins, self.ended?))
    }

    /// The last moment not after that one which can be shown; the earliest, where none is.
    pub fn before(&self, at: Moment) -> Option<Moment> {
        let after = self.place_after(at);
        let Some(place) = after.checked_sub(1) else {
            return Some(self.segments.front()?.begins);
        };
        let segment = self.segments.get(place)?;
        let at = at.min(self.ended?);
        Some(segment.events.as_ref().map_or(segment.begins, |_| at))
    }

    /// The first moment not before that one which can be shown.
    pub fn after(&self, at: Moment) -> Option<Moment> {
        let before = self.before(at)?;
        let next = self.segments.get(self.place_after(at));
        if before >= at {
            return Some(before);
        }
        next.map(|segment| segment.begins).or(self.ended)
    }

    fn place_after(&self, at: Moment) -> usize {
        self.segments
            .partition_point(|segment| segment.begins <= at)
    }

    /// The fleet as it was at a moment within the range. Its events are those of the segments that
    /// were played for it.
    pub fn fleet_at(&self, at: Moment) -> Option<Fleet> {
        let until = self.place_after(at);
        let from = self.lead_in(until.checked_sub(1)?);
        let mut fleet = Fleet::default();
        let mut second = None;
        let mut is_led_to = false;
        for segment in self.segments.range(from..until) {
            // A state is only repeated by what was played before it, where all of that is kept.
            let state = (!is_led_to).then(|| segment.state.events());
            let events = segment.events.iter().flat_map(Packed::events);
            for event in state.into_iter().flatten().chain(events) {
                if event.at > at {
                    break;
                }
                advance(&mut fleet, &mut second, event.at);
                fleet.take_in(event);
            }
            is_led_to = segment.events.is_some();
        }
        advance(&mut fleet, &mut second, at);
        fleet.tick(at);
        Some(fleet)
    }

    /// Where to begin, for this segment to be shown.
    fn lead_in(&self, place: usize) -> usize {
        let (mut from, mut told) = (place, 0);
        while from > 0 && place - from + 1 < LEAD_IN {
            told += self.segments[from - 1].told();
            if place > from && told > LEAD_IN_BYTES {
                break;
            }
            from -= 1;
        }
        from
    }
}

/// Looks at the fleet once in each second that passes, as the console did.
fn advance(fleet: &mut Fleet, second: &mut Option<u64>, to: Moment) {
    let now = to.since_start().as_secs();
    let Some(last) = *second else {
        *second = Some(now);
        return;
    };
    // In a silence nothing more is seen: what follows is a gap.
    for passed in last..now.min(last + 2) {
        fleet.tick(Moment::after(Duration::from_secs(passed + 1)));
    }
    *second = Some(last.max(now));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{Scenario, in_two_parts};

    fn taped(scenario: &Scenario, seconds: u64) -> (Tape, Vec<Fleet>) {
        let mut tape = Tape::default();
        let past = live_through(&mut tape, scenario, seconds);
        (tape, past)
    }

    /// The fleet in each of the last 100 seconds.
    fn live_through(tape: &mut Tape, scenario: &Scenario, seconds: u64) -> Vec<Fleet> {
        let (mut fleet, mut past) = (Fleet::default(), Vec::new());
        for second in 0..=seconds {
            for event in scenario.second(second) {
                tape.note(&event);
                fleet.take_in(event);
            }
            fleet.tick(Scenario::looked_at(second));
            tape.tick(&fleet, Scenario::looked_at(second));
            if second + 100 >= seconds {
                past.push(fleet.clone());
            }
        }
        past
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
    fn however_few_bytes_there_are_it_reaches_an_hour_back_finely_at_first_and_then_in_steps() {
        let mut tape = Tape {
            most_bytes: 96 << 10,
            ..Tape::default()
        };
        live_through(&mut tape, &Scenario::of(1, 12), 4_000);
        let written = tape.segments.back().map_or(0, Segment::bytes);
        let kept = tape.bytes() - written;
        assert!(kept <= tape.most_bytes, "{kept}");
        let (first, last) = tape.range().unwrap();
        assert_eq!(last, Scenario::looked_at(4_000));
        let reach = last.since(first);
        assert!((3_600..4_000).contains(&reach.as_secs()), "{reach:?}");
        for ago in [0, 1, 20] {
            let at = Scenario::looked_at(4_000 - ago);
            assert_eq!(tape.before(at), Some(at), "{ago} s ago");
        }
        for ago in [300, 900, 1_800, 3_000] {
            let at = Scenario::looked_at(4_000 - ago);
            let (before, after) = (tape.before(at).unwrap(), tape.after(at).unwrap());
            let step = after.since(before).as_secs();
            assert!(step <= 30.max(ago / 4), "{ago} s ago: {step} s");
            let then = tape.fleet_at(before).unwrap();
            let pushes = (100_000 + before.since_start().as_secs()) * 160;
            assert_eq!(then.totals().pushes, pushes, "{ago} s ago");
            assert_eq!(then.totals().push_rate.map(f64::round), Some(160.0));
        }
    }

    #[test]
    fn the_whole_state_is_copied_only_after_some_times_as_much_has_come() {
        let mut tape = Tape::default();
        live_through(&mut tape, &Scenario::of(1, 6_000), 12);
        let states = tape.segments.iter().skip(1);
        let states: usize = states.map(|segment| segment.state.told()).sum();
        let told: usize = tape.segments.iter().map(Segment::told).sum();
        assert!(states > 0, "there are several segments");
        assert!(states * TIMES_ITS_STATE < told, "{states} of {told}");
    }

    #[test]
    fn half_a_snapshot_is_no_state_to_begin_with() {
        let scenario = Scenario::of(1, 10);
        let (mut tape, mut fleet) = (Tape::default(), Fleet::default());
        let mut tell = |event: FeedEvent, fleet: &mut Fleet| {
            let at = event.at;
            tape.note(&event);
            fleet.take_in(event);
            fleet.tick(at);
            tape.tick(fleet, at);
        };
        for second in 0..40 {
            for event in scenario.second(second) {
                tell(event, &mut fleet);
            }
        }
        // The stream is made anew; its first part comes when a segment is due.
        let again = scenario.second(0).pop().unwrap();
        let [first, second] = in_two_parts(&again);
        for (part, at) in [(first, 61_500), (second, 61_600)] {
            let at = Moment::after(Duration::from_millis(at));
            tell(FeedEvent { at, ..part }, &mut fleet);
        }
        let then = tape.fleet_at(Moment::after(Duration::from_secs(62)));
        assert_eq!(then.unwrap().nodes().len(), 10);
    }
}
