//! The loop: keys, feed, time in; effects and drawings out. Nothing here waits for the network.

mod acts;
mod files;
mod hands;
mod paint;
mod signals;

use std::{
    collections::BTreeMap,
    io,
    time::{Duration, SystemTime},
};

use crossterm::event::{Event, EventStream, KeyCode, MouseEventKind};
use futures::StreamExt;
use tokio::{
    sync::mpsc,
    time::{Instant, MissedTickBehavior, interval, sleep_until},
};
use tokio_util::task::TaskTracker;

use self::{hands::Hands, paint::Paint, signals::Signals};
use crate::{
    app::{Model, Msg, update},
    feed::{Board, FeedClock, FeedEvent, replay::Player},
    tape::Recorder,
    terminal::Screen,
    view,
};

/// Events of the feed taken at once.
const MOST_AT_ONCE: usize = 256;
/// Answers that may wait for the loop.
const ANSWERS: usize = 64;

/// What the loop works with.
#[derive(Debug)]
pub struct Console {
    /// The state.
    pub model: Model,
    /// The links; none while a recording is played.
    pub board: Option<Board>,
    /// The recording that is played instead.
    pub player: Option<Player>,
    /// What links learn.
    pub feed: mpsc::Receiver<FeedEvent>,
    /// The console's time.
    pub clock: FeedClock,
    /// A file that is recorded to from the start.
    pub recorder: Option<Recorder>,
}

/// Why the loop ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// Somebody asked for it.
    Quit,
    /// A signal.
    Signal,
    /// The terminal is gone.
    Terminal,
}

/// Runs until asked to end. The caller gives the terminal back by dropping the screen.
pub async fn run(mut console: Console, screen: &mut Screen) -> io::Result<Ended> {
    let (answers, mut answered) = mpsc::channel(ANSWERS);
    let mut input = EventStream::new();
    let mut signals = Signals::listen()?;
    let insisting = TaskTracker::new();
    Signals::insist(&insisting)?;
    let mut ticks = interval(Duration::from_secs(1));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut hands = Hands {
        board: console.board.take(),
        player: console.player.take(),
        recorder: console.recorder.take(),
        answers,
        tasks: TaskTracker::new(),
        session: rand::random(),
        acts: BTreeMap::new(),
    };
    console.model.size = screen.size()?;
    let mut paint = Paint::begin();
    let mut batch = Vec::with_capacity(MOST_AT_ONCE);
    let ended = loop {
        let mut msgs = Vec::new();
        tokio::select! {
            biased;
            ended = signals.next() => break ended,
            event = input.next() => match event {
                None | Some(Err(_)) => break Ended::Terminal,
                Some(Ok(event)) => {
                    panic_if_asked(&event, &hands.tasks);
                    if let Some(msg) = message(event) {
                        paint.key();
                        msgs.push(msg);
                    }
                }
            },
            Some(msg) = answered.recv() => { paint.key(); msgs.push(msg); }
            _ = ticks.tick() => { paint.data(); msgs.extend(hands.tick(&console)); }
            () = sleep_until(paint.refresh_at()), if paint.fed => {
                paint.refreshed();
                msgs.extend(hands.tick(&console));
            }
            // Before the feed: who never stops talking does not keep the screen from being drawn.
            () = sleep_until(paint.due()), if paint.is_due() => {
                if screen.draw(|frame| view::draw(&console.model, frame)).is_err() {
                    break Ended::Terminal;
                }
                paint.painted();
            }
            count = console.feed.recv_many(&mut batch, MOST_AT_ONCE), if !console.feed.is_closed() || !console.feed.is_empty() => {
                if count > 0 {
                    paint.feed();
                }
                for event in batch.drain(..) {
                    hands.record(&mut console.model, |recorder, _| recorder.note(&event));
                    msgs.push(Msg::Feed(event));
                }
            }
            () = sleep_until(hands.play_at(&console.model)), if hands.player.is_some() => {
                msgs.extend(hands.play());
                if msgs.iter().any(|msg| !matches!(msg, Msg::Feed(_))) {
                    paint.data();
                }
            }
        }
        let (mut over, began) = (None, Instant::now());
        let is_tick = msgs.iter().any(|msg| matches!(msg, Msg::Tick { .. }));
        for msg in msgs {
            for effect in update(&mut console.model, msg) {
                match hands.carry_out(effect, &mut console.model, screen) {
                    Ok(false) => {}
                    Ok(true) => over = Some(Ended::Quit),
                    Err(_) => over = Some(Ended::Terminal),
                }
            }
        }
        if is_tick {
            paint.worked(began.elapsed());
        }
        hands.record(&mut console.model, |recorder, fleet| {
            recorder.keyframes(fleet)
        });
        if let Some(ended) = over {
            break ended;
        }
    };
    hands.rest().await;
    Ok(ended)
}

impl Console {
    fn tick(&self) -> Msg {
        Msg::Tick {
            now: self.clock.now(),
            wall: SystemTime::now(),
        }
    }
}

/// What changes something: a mouse that only moves over the screen does not.
fn message(event: Event) -> Option<Msg> {
    match event {
        Event::Key(key) => Some(Msg::Key(key)),
        Event::Mouse(mouse) if mouse.kind == MouseEventKind::Moved => None,
        Event::Mouse(mouse) => Some(Msg::Mouse(mouse)),
        Event::Paste(text) => Some(Msg::Paste(text)),
        Event::Resize(columns, rows) => Some(Msg::Resize(columns, rows)),
        Event::FocusGained | Event::FocusLost => None,
    }
}

/// Shows that a panic leaves the terminal in order: `PUSHTOP_PANIC_ON=F12`, or F11 for one in a task.
fn panic_if_asked(event: &Event, tasks: &TaskTracker) {
    let Event::Key(key) = event else { return };
    let asked = std::env::var("PUSHTOP_PANIC_ON").unwrap_or_default();
    let pressed = |number| key.code == KeyCode::F(number) && asked == format!("F{number}");
    if pressed(11) {
        tasks.spawn(async { unreachable!("asked for by PUSHTOP_PANIC_ON, in a task") });
    }
    assert!(!pressed(12), "asked for by PUSHTOP_PANIC_ON");
}
