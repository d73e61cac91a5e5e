//! Plays a recording: what links learnt, and the seconds that passed, by a clock of its own that can
//! go slower or faster, stand still, or jump.
//!
//! A thread reads ahead, a little; whoever plays asks for one step after the other and decides how
//! many are enough for once.

use std::{
    path::{Path, PathBuf},
    sync::mpsc::{Receiver, SyncSender, TryRecvError, sync_channel},
    thread,
    time::{Duration, SystemTime},
};

use tokio::time::Instant;

use super::FeedEvent;
use crate::{
    moment::Moment,
    tape::{Recording, RecordingError},
};

/// The slowest and the fastest.
pub const SPEEDS: (f64, f64) = (0.25, 64.0);
/// Events read ahead.
const AHEAD: usize = 8;
/// The reader is asked again after so long.
const ASK_AGAIN: Duration = Duration::from_millis(5);
/// A clock that whoever plays can't follow waits for them, so far ahead.
const MOST_BEHIND: Duration = Duration::from_secs(2);

/// A speed as people type it.
pub fn speed(text: &str) -> Result<f64, String> {
    let (slowest, fastest) = SPEEDS;
    let speed = text.parse::<f64>().ok();
    speed
        .filter(|speed| (slowest..=fastest).contains(speed))
        .ok_or_else(|| format!("expected a number from {slowest} to {fastest}"))
}

/// What happens next in a recording.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// A link learns something.
    Event(FeedEvent),
    /// A second is full.
    Tick(Moment),
    /// It ends; why, where it ends early.
    End(Option<String>),
}

/// What the reader has found.
#[derive(Debug)]
enum Found {
    Event(Box<FeedEvent>),
    End(Option<String>),
}

/// A recording that is played. Moments are its own: time since it began.
#[derive(Debug)]
pub struct Player {
    /// What was watched.
    pub title: String,
    /// When it was recorded, by the wall clock of then.
    pub began: SystemTime,
    path: PathBuf,
    ahead: Receiver<Found>,
    /// What comes next, once it was read.
    next: Option<Found>,
    has_ended: bool,
    /// So far it was played.
    played: Moment,
    /// The last moment of which anything is recorded, as far as it was read.
    last: Moment,
    /// The second to be told next, and the moment that was told last.
    second: u64,
    ticked: Option<Moment>,
    clock: Clock,
    /// Played up to there as fast as can be.
    goal: Option<Moment>,
}

/// The recording's time by the one on the wall.
#[derive(Clone, Copy, Debug)]
struct Clock {
    from: Moment,
    since: Instant,
    speed: f64,
    is_held: bool,
}

impl Clock {
    fn at(&self, now: Instant) -> Moment {
        if self.is_held {
            return self.from;
        }
        let passed = now.saturating_duration_since(self.since);
        self.from + passed.mul_f64(self.speed)
    }

    fn set(&mut self, from: Moment, now: Instant) {
        (self.from, self.since) = (from, now);
    }
}

impl Player {
    /// Opens a recording; its clock begins now.
    pub fn open(path: &Path, speed: f64) -> Result<Self, RecordingError> {
        let recording = Recording::open(path)?;
        let (title, began) = (recording.title.clone(), recording.began);
        let ahead = read_ahead(recording).map_err(|source| RecordingError::File {
            path: path.display().to_string(),
            source,
        })?;
        Ok(Self {
            title,
            began,
            path: path.to_owned(),
            ahead,
            next: None,
            has_ended: false,
            played: Moment::default(),
            last: Moment::default(),
            second: 0,
            ticked: None,
            clock: Clock {
                from: Moment::default(),
                since: Instant::now(),
                speed: speed.clamp(SPEEDS.0, SPEEDS.1),
                is_held: false,
            },
            goal: None,
        })
    }

    /// So far it was played.
    pub fn played(&self) -> Moment {
        self.played
    }

    /// The clock on the wall at that moment of the recording.
    pub fn wall(&self, at: Moment) -> SystemTime {
        self.began + at.since_start()
    }

    /// Times as fast as it was.
    pub fn speed(&self) -> f64 {
        self.clock.speed
    }

    /// The moment to play up to now. Where playing takes longer than the time that passes, the clock
    /// waits.
    pub fn due(&mut self, now: Instant) -> Moment {
        if let Some(goal) = self.goal {
            return goal;
        }
        let most = self.played + MOST_BEHIND.mul_f64(self.clock.speed);
        if self.clock.at(now) > most {
            self.clock.set(most, now);
        }
        self.clock.at(now)
    }

    /// What happens next up to that moment; nothing once all of it has, or while the reader is asked.
    pub fn step(&mut self, until: Moment) -> Option<Step> {
        self.look_ahead(false);
        self.next_step(until)
    }

    /// The same, and waits for the reader.
    pub fn step_now(&mut self, until: Moment) -> Option<Step> {
        self.look_ahead(true);
        self.next_step(until)
    }

    fn next_step(&mut self, until: Moment) -> Option<Step> {
        let second = Moment::after(Duration::from_secs(self.second));
        match self.next.take()? {
            Found::Event(event) if event.at <= second.min(until) => {
                self.played = self.played.max(event.at);
                return Some(Step::Event(*event));
            }
            Found::End(why) if self.last < second && self.last <= until => {
                // The picture that stays is that of the last moment, not of the last full second.
                if self.ticked.is_none_or(|ticked| ticked < self.last) {
                    self.next = Some(Found::End(why));
                    return Some(self.tick(self.last));
                }
                (self.has_ended, self.goal) = (true, None);
                return Some(Step::End(why));
            }
            later => self.next = Some(later),
        }
        if second <= until {
            self.second += 1;
            return Some(self.tick(second));
        }
        self.reached(until);
        None
    }

    fn tick(&mut self, at: Moment) -> Step {
        self.played = at;
        self.ticked = Some(at);
        Step::Tick(at)
    }

    fn reached(&mut self, at: Moment) {
        self.played = self.played.max(at);
        if self.goal.take_if(|goal| *goal <= at).is_some() {
            self.clock.set(at, Instant::now());
        }
    }

    /// When the next step is due; never, while it stands still or has ended.
    pub fn wake_at(&self) -> Option<Instant> {
        if self.has_ended || (self.clock.is_held && self.goal.is_none()) {
            return None;
        }
        let now = Instant::now();
        let next = match &self.next {
            None => return Some(now + ASK_AGAIN),
            Some(Found::Event(event)) => event.at,
            Some(Found::End(_)) => self.last,
        };
        if self.goal.is_some() {
            return Some(now);
        }
        let next = next.min(Moment::after(Duration::from_secs(self.second)));
        let until = next.since(self.clock.from).div_f64(self.clock.speed);
        Some(self.clock.since + until)
    }

    /// The moment that it shows now: that of its clock, unless there is more to play before it.
    pub fn now(&self) -> Moment {
        let now = Instant::now();
        let is_behind = self.wake_at().is_none_or(|at| at <= now);
        if is_behind || self.goal.is_some() || self.clock.is_held {
            return self.played;
        }
        self.clock.at(now).max(self.played)
    }

    /// Stands still, or goes on.
    pub fn hold(&mut self, is_held: bool) {
        if self.clock.is_held != is_held {
            let now = Instant::now();
            self.clock.set(self.clock.at(now), now);
            self.clock.is_held = is_held;
        }
    }

    /// Goes on at another speed.
    pub fn set_speed(&mut self, speed: f64) {
        let now = Instant::now();
        self.clock.set(self.clock.at(now), now);
        self.clock.speed = speed.clamp(SPEEDS.0, SPEEDS.1);
    }

    /// Jumps ahead to a moment: what lies between is played as fast as can be. `anew` begins with
    /// the file's beginning, to go back.
    pub fn seek(&mut self, to: Moment, anew: bool) -> Result<(), RecordingError> {
        if anew {
            *self = Self::open(&self.path, self.clock.speed)?;
        }
        self.goal = Some(to);
        Ok(())
    }

    fn look_ahead(&mut self, waits: bool) {
        if self.next.is_some() || self.has_ended {
            return;
        }
        let found = if waits {
            self.ahead.recv().map_err(|_| TryRecvError::Disconnected)
        } else {
            self.ahead.try_recv()
        };
        self.next = match found {
            Ok(found) => Some(found),
            Err(TryRecvError::Empty) => None,
            Err(TryRecvError::Disconnected) => {
                Some(Found::End(Some("its reader has failed".to_owned())))
            }
        };
        if let Some(Found::Event(event)) = &self.next {
            self.last = self.last.max(event.at);
        }
    }
}

/// Reads in a thread of its own, until nobody listens any more.
fn read_ahead(recording: Recording) -> std::io::Result<Receiver<Found>> {
    let (found, ahead) = sync_channel(AHEAD);
    let name = "recording".to_owned();
    let reader = thread::Builder::new().name(name);
    reader.spawn(move || read(recording, &found))?;
    Ok(ahead)
}

fn read(mut recording: Recording, found: &SyncSender<Found>) {
    let mut why = None;
    for event in recording.by_ref() {
        match event {
            Ok(event) => {
                if found.send(Found::Event(Box::new(event))).is_err() {
                    return;
                }
            }
            Err(error) => why = Some(error.to_string()),
        }
    }
    if recording.is_cut() {
        why = Some("the file was cut off".to_owned());
    }
    drop(found.send(Found::End(why)));
}

#[cfg(test)]
mod tests;
