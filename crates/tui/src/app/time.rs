//! Pausing and stepping through the past. Only this console stands still: the fleet goes on
//! underneath, and nobody else notices.

use std::time::Duration;

use super::{Model, TimeState};
use crate::{fleet::Fleet, moment::Moment};

/// A step.
const STEP: Duration = Duration::from_secs(1);

pub(super) fn pause(model: &mut Model) {
    match model.time {
        TimeState::Live => {
            model.time = TimeState::Paused(model.now);
            model.past = Some(Box::new(view_of(model, &model.fleet)));
        }
        TimeState::Paused(_) => live(model),
    }
}

pub(super) fn live(model: &mut Model) {
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
    let to = if steps < 0 { from - STEP } else { from + STEP };
    // Where the past is remembered in steps, the next one may be further away.
    let to = if steps < 0 {
        to
    } else {
        model.tape.after(to).unwrap_or(to)
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
    let Some(at) = model.tape.before(to) else {
        model.complain("nothing of the past is remembered yet");
        return;
    };
    let Some(fleet) = model.tape.fleet_at(at) else {
        return;
    };
    if at > to {
        model.say("the past that is remembered begins here");
    } else if to.since(at) >= STEP {
        let apart = to.since(at).as_secs();
        model.say(format!(
            "so far back only steps are remembered: {apart} s earlier"
        ));
    }
    model.time = TimeState::Paused(at);
    model.past = Some(Box::new(view_of(model, &fleet)));
}

fn view_of(model: &Model, fleet: &Fleet) -> Fleet {
    match model.only {
        Some(replica) => fleet.only(replica, model.now),
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
