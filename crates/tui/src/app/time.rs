//! Pausing, stepping through the past, and going through a recording. Only this console stands still:
//! the fleet goes on underneath, and nobody else notices. A recording stands still with it.

use std::time::{Duration, SystemTime};

use super::{Effect, Model, TimeState};
use crate::{fleet::Fleet, moment::Moment, tape::Tape};

/// A step.
const STEP: Duration = Duration::from_secs(1);
/// A step through a recording.
const SEEK: Duration = Duration::from_secs(30);
/// An event that was told later than so, by the wall clocks, was told late; less may be their
/// difference.
const MOST_LATE: Duration = Duration::from_secs(5);
/// What can be done at the end of a recording.
const ENDED: &str = "the recording ends here: [ steps back, :seek 0s begins anew";

/// How a recording is played, as far as the screen has to know.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Playing {
    /// Times as fast as it was.
    pub speed: f64,
    /// Nothing more comes.
    pub has_ended: bool,
    /// Played up to there as fast as can be.
    pub goal: Option<Moment>,
}

impl Default for Playing {
    fn default() -> Self {
        Self {
            speed: 1.0,
            has_ended: false,
            goal: None,
        }
    }
}

pub(super) fn pause(model: &mut Model) {
    match model.time {
        TimeState::Live if model.playing.goal.is_some() => {}
        TimeState::Live => stand_still(model),
        TimeState::Paused(_) => live(model),
    }
}

fn stand_still(model: &mut Model) {
    model.time = TimeState::Paused(model.now);
    // One replica alone is shown from a copy already.
    if model.past.is_none() {
        model.past = Some(Box::new(model.fleet.clone()));
    }
}

pub(super) fn live(model: &mut Model) {
    if model.playing.goal.is_some() {
        return;
    }
    if model.playing.has_ended {
        stand_still(model);
        model.say(ENDED);
        return;
    }
    model.time = TimeState::Live;
    model.past = None;
    refresh_only(model);
    if model.screen == super::Screen::Events {
        super::cursor::last(model);
    }
}

/// Goes a step back or forward, as far as the tape reaches.
pub(super) fn step(model: &mut Model, steps: i32) {
    let from = model.shown_at();
    let to = if steps < 0 {
        from - STEP
    } else {
        // Where the past is remembered in steps, the next one may be further away.
        model.tape.after(from + STEP).unwrap_or(from + STEP)
    };
    if to >= model.now {
        live(model);
        return;
    }
    go_to(model, to);
}

/// Shows a moment of the past, or the last one before it that is remembered; where the tape does not
/// reach, its end.
pub(super) fn go_to(model: &mut Model, to: Moment) {
    if model.playing.goal.is_some() {
        return;
    }
    let Some(at) = model.tape.before(to) else {
        model.complain("nothing of the past is remembered yet");
        return;
    };
    let Some(fleet) = model.tape.fleet_at(at) else {
        return;
    };
    let fleet = fleet.as_past_of(&model.fleet, at);
    if at > to {
        model.say("the past that is remembered begins here");
    } else if to.since(at) >= STEP {
        let apart = to.since(at).as_secs();
        model.say(format!(
            "so far back only steps are remembered: {apart} s earlier"
        ));
    }
    model.time = TimeState::Paused(at);
    model.past = Some(Box::new(view_of(model, &fleet, at)));
}

/// Shows the moment at which an event happened. One that replicas told late, e.g. when the console
/// began, happened before it was learnt.
pub(super) fn go_to_event(model: &mut Model, learnt: Moment, wall: SystemTime) {
    let ago = model.wall.duration_since(wall).unwrap_or_default();
    let is_late = ago > model.now.since(learnt) + MOST_LATE;
    let reach = model.tape.range().map(|(first, _)| model.now.since(first));
    let ago = if is_late {
        ago
    } else {
        model.now.since(learnt)
    };
    if reach.is_none_or(|reach| ago > reach) {
        model.complain("it happened before the past that is remembered: this is the present");
        live(model);
        return;
    }
    go_to(model, model.now - ago);
}

fn view_of(model: &Model, fleet: &Fleet, at: Moment) -> Fleet {
    match model.only {
        Some(replica) => fleet.only(replica, at),
        None => fleet.clone(),
    }
}

/// While one replica is shown alone, the present is seen through it.
pub(super) fn refresh_only(model: &mut Model) {
    if let TimeState::Paused(at) = model.time {
        go_to(model, at);
        return;
    }
    model.past = model
        .only
        .map(|replica| Box::new(model.fleet.only(replica, model.now)));
}

/// Half a minute back or ahead: in what is remembered while it stands still, else in the recording.
pub(super) fn seek_by(model: &mut Model, steps: i32) -> Vec<Effect> {
    let from = model.shown_at();
    let to = if steps < 0 { from - SEEK } else { from + SEEK };
    let first = model.tape.range().map(|(first, _)| first);
    let is_remembered = to <= model.now && first.is_some_and(|first| first <= to);
    if model.time != TimeState::Live && is_remembered {
        go_to(model, to);
        return Vec::new();
    }
    seek(model, to)
}

/// Plays the recording from there on. What is before the present is played anew.
pub(super) fn seek(model: &mut Model, to: Moment) -> Vec<Effect> {
    if !model.options.replay {
        model.complain("no recording is played; [ and ] step");
        return Vec::new();
    }
    // Pictures are made at full seconds.
    let to = Moment::after(Duration::from_secs(to.since_start().as_secs()));
    let anew = to < model.now;
    if model.playing.has_ended && !anew {
        model.complain(ENDED);
        return Vec::new();
    }
    if anew {
        // The picture stays until the other one is there.
        if model.past.is_none() {
            stand_still(model);
        }
        (model.fleet, model.tape) = (Fleet::default(), Tape::default());
        model.now = Moment::default();
    }
    model.time = TimeState::Live;
    (model.playing.goal, model.playing.has_ended) = (Some(to), false);
    model.say(format!("going to {}", clock(to)));
    vec![Effect::Seek { to, anew }]
}

/// A moment passed: the one that was sought may be reached.
pub(super) fn ticked(model: &mut Model) {
    let Some(goal) = model.playing.goal else {
        return;
    };
    if model.now < goal {
        let (to, at) = (clock(goal), clock(model.now));
        model.say(format!("going to {to}: {at}"));
        return;
    }
    model.playing.goal = None;
    live(model);
    model.say(format!("plays on from {}", clock(model.now)));
}

/// Nothing more comes: the last picture stays.
pub(super) fn ended(model: &mut Model, why: Option<String>) {
    (model.playing.has_ended, model.playing.goal) = (true, None);
    stand_still(model);
    match why {
        None => model.say(ENDED),
        Some(why) => model.complain(format!("the recording ends here, early: {why}")),
    }
}

/// A moment of a recording, as `2:05`.
fn clock(at: Moment) -> String {
    let seconds = at.since_start().as_secs();
    format!("{}:{:02}", seconds / 60, seconds % 60)
}

#[cfg(test)]
mod tests;
