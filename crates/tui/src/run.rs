//! The loop: keys, feed, time in; effects and drawings out. Nothing here waits for the network.

use std::{
    io,
    time::{Duration, SystemTime},
};

use crossterm::event::{Event, EventStream};
use futures::StreamExt;
use push_manager_proto::admin::{ActRequest, Scope};
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    sync::mpsc,
    time::{Instant, MissedTickBehavior, interval, sleep_until},
};
use tokio_util::task::TaskTracker;

use crate::{
    app::{ActTarget, ActWish, Effect, Model, Msg, TimeState, update},
    feed::{
        Board, FeedClock, FeedEvent,
        replay::{Player, Step},
    },
    fleet::Fleet,
    moment::Moment,
    picture,
    tape::{Recorder, RecordingError},
    terminal::Screen,
    view,
};

/// Drawings for new data come no faster.
const DATA_FRAME: Duration = Duration::from_millis(100);
/// Drawings for keys come no faster.
const KEY_FRAME: Duration = Duration::from_millis(15);
/// What the feed brought is brought together no more often.
const REFRESH: Duration = Duration::from_millis(250);
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
    let mut ticks = interval(Duration::from_secs(1));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut hands = Hands {
        board: console.board.take(),
        player: console.player.take(),
        recorder: console.recorder.take(),
        answers,
        tasks: TaskTracker::new(),
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
                    panic_if_asked(&event);
                    paint.key();
                    msgs.extend(message(event));
                }
            },
            Some(msg) = answered.recv() => { paint.key(); msgs.push(msg); }
            _ = ticks.tick() => { paint.data(); msgs.extend(hands.tick(&console)); }
            () = sleep_until(paint.refresh_at()), if paint.fed => {
                paint.refreshed();
                msgs.extend(hands.tick(&console));
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
            () = sleep_until(paint.due()), if paint.is_due() => {
                if screen.draw(|frame| view::draw(&console.model, frame)).is_err() {
                    break Ended::Terminal;
                }
                paint.painted();
            }
            () = sleep_until(hands.play_at(&console.model)), if hands.player.is_some() => {
                msgs.extend(hands.play());
                if msgs.iter().any(|msg| !matches!(msg, Msg::Feed(_))) {
                    paint.data();
                }
            }
        }
        let mut quit = false;
        for msg in msgs {
            for effect in update(&mut console.model, msg) {
                quit |= hands.carry_out(effect, &mut console.model, screen)?;
            }
        }
        hands.record(&mut console.model, |recorder, fleet| {
            recorder.keyframes(fleet)
        });
        if quit {
            break Ended::Quit;
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

fn message(event: Event) -> Option<Msg> {
    match event {
        Event::Key(key) => Some(Msg::Key(key)),
        Event::Mouse(mouse) => Some(Msg::Mouse(mouse)),
        Event::Paste(text) => Some(Msg::Paste(text)),
        Event::Resize(columns, rows) => Some(Msg::Resize(columns, rows)),
        Event::FocusGained | Event::FocusLost => None,
    }
}

/// Shows that a panic leaves the terminal in order: `PUSHTOP_PANIC_ON=F12`.
fn panic_if_asked(event: &Event) {
    let asked = std::env::var_os("PUSHTOP_PANIC_ON").is_some_and(|key| key == "F12");
    let pressed = matches!(event, Event::Key(key) if key.code == crossterm::event::KeyCode::F(12));
    assert!(!(asked && pressed), "asked for by PUSHTOP_PANIC_ON");
}

/// When to draw.
struct Paint {
    last: Instant,
    dirty: bool,
    urgent: bool,
    fed: bool,
    refreshed: Instant,
}

impl Paint {
    fn begin() -> Self {
        let now = Instant::now();
        Self {
            last: now,
            dirty: true,
            urgent: true,
            fed: false,
            refreshed: now,
        }
    }

    fn key(&mut self) {
        (self.dirty, self.urgent) = (true, true);
    }

    fn data(&mut self) {
        self.dirty = true;
        self.refreshed();
    }

    fn feed(&mut self) {
        self.fed = true;
    }

    fn refresh_at(&self) -> Instant {
        self.refreshed + REFRESH
    }

    fn refreshed(&mut self) {
        self.fed = false;
        self.dirty = true;
        self.refreshed = Instant::now();
    }

    fn is_due(&self) -> bool {
        self.dirty
    }

    fn due(&self) -> Instant {
        self.last + if self.urgent { KEY_FRAME } else { DATA_FRAME }
    }

    fn painted(&mut self) {
        self.last = Instant::now();
        (self.dirty, self.urgent) = (false, false);
    }
}

struct Signals([Signal; 3]);

impl Signals {
    fn listen() -> io::Result<Self> {
        Ok(Self([
            signal(SignalKind::terminate())?,
            signal(SignalKind::interrupt())?,
            signal(SignalKind::hangup())?,
        ]))
    }

    async fn next(&mut self) -> Ended {
        let [terminate, interrupt, hangup] = &mut self.0;
        tokio::select! {
            _ = terminate.recv() => Ended::Signal,
            _ = interrupt.recv() => Ended::Signal,
            _ = hangup.recv() => Ended::Terminal,
        }
    }
}

/// Carries effects out, in tasks of their own where they take time.
struct Hands {
    board: Option<Board>,
    player: Option<Player>,
    recorder: Option<Recorder>,
    answers: mpsc::Sender<Msg>,
    tasks: TaskTracker,
}

impl Hands {
    /// True when it is time to end.
    fn carry_out(
        &mut self,
        effect: Effect,
        model: &mut Model,
        screen: &mut Screen,
    ) -> io::Result<bool> {
        match effect {
            Effect::Quit => return Ok(true),
            Effect::Copy(text) => screen.copy(&text)?,
            Effect::Act(wish) => self.act(&wish),
            Effect::AskSettings(replicas) => {
                for replica in replicas {
                    let (board, answers) = (self.board.clone(), self.answers.clone());
                    self.tasks.spawn(async move {
                        let answer = match board {
                            Some(board) => board.settings(replica).await.map(Box::new),
                            None => Err("a recording is played".to_owned()),
                        };
                        drop(answers.send(Msg::Settings { replica, answer }).await);
                    });
                }
            }
            Effect::Write { path, text } => self.write(path, text),
            Effect::Snapshot(path) => {
                let text = picture::svg_of(model, model.size);
                self.write(path, text);
            }
            Effect::Record(path) => self.toggle_recording(path, model),
            Effect::Reconnect(replica) => {
                if let Some(board) = &self.board {
                    board.reconnect(replica);
                }
            }
            Effect::Seek { to, anew } => self.seek(to, anew),
            Effect::Speed(speed) => {
                if let Some(player) = &mut self.player {
                    player.set_speed(speed);
                }
            }
            Effect::Suspend => screen.suspend()?,
            Effect::Redraw => screen.forget()?,
        }
        Ok(false)
    }

    fn act(&self, wish: &ActWish) {
        for (replica, instance) in &wish.replicas {
            let request = request(wish, instance);
            let (board, answers) = (self.board.clone(), self.answers.clone());
            let (wish, replica) = (wish.number, *replica);
            self.tasks.spawn(async move {
                let answer = match board {
                    Some(board) => board.act(replica, request).await.map(Box::new),
                    None => Err("a recording is played".to_owned()),
                };
                let msg = Msg::Acted {
                    wish,
                    replica,
                    answer,
                };
                drop(answers.send(msg).await);
            });
        }
    }

    /// Writes a file that must not be there yet.
    fn write(&self, path: std::path::PathBuf, text: String) {
        let answers = self.answers.clone();
        self.tasks.spawn(async move {
            let named = path.display().to_string();
            let writing = async {
                use tokio::io::AsyncWriteExt;
                let mut options = tokio::fs::OpenOptions::new();
                let mut file = options.write(true).create_new(true).open(&path).await?;
                file.write_all(text.as_bytes()).await?;
                file.flush().await
            };
            let done = match writing.await {
                Ok(()) => Ok(format!("written: {named}")),
                Err(error) => Err(format!("{named}: {error}")),
            };
            drop(answers.send(Msg::Done(done)).await);
        });
    }

    fn toggle_recording(&mut self, path: Option<std::path::PathBuf>, model: &mut Model) {
        let answers = self.answers.clone();
        match path {
            None => {
                let ended = self.recorder.take().map(Recorder::end);
                if let Some(ended) = ended {
                    let word = ended.map(|bytes| format!("recording ended: {bytes} bytes"));
                    drop(answers.try_send(Msg::Done(word.map_err(|error| error.to_string()))));
                }
            }
            Some(path) => match Recorder::begin(&path, &model.options.title, model.wall) {
                Ok(mut recorder) => {
                    let state = model.fleet.to_events(model.now);
                    let begun = state.iter().try_for_each(|event| recorder.note(event));
                    let named = path.display();
                    let word = begun.map(|()| format!("recording to {named}; R ends it"));
                    drop(answers.try_send(Msg::Done(word.map_err(|error| error.to_string()))));
                    self.recorder = Some(recorder);
                }
                Err(error) => {
                    model.recording = None;
                    drop(answers.try_send(Msg::Done(Err(error.to_string()))));
                }
            },
        }
    }

    /// Records, if a recording runs. One that can't go on has ended.
    fn record(
        &mut self,
        model: &mut Model,
        note: impl FnOnce(&mut Recorder, &Fleet) -> Result<(), RecordingError>,
    ) {
        let Some(recorder) = &mut self.recorder else {
            return;
        };
        if let Err(error) = note(recorder, &model.fleet) {
            drop(self.recorder.take().map(Recorder::end));
            model.recording = None;
            let word = format!("recording ended: {error}");
            drop(self.answers.try_send(Msg::Done(Err(word))));
        }
    }

    /// Time passed. In a recording full seconds are told as it is played: only a slow one needs more.
    fn tick(&self, console: &Console) -> Option<Msg> {
        let Some(player) = &self.player else {
            return Some(console.tick());
        };
        let (now, wall) = (player.now(), player.wall(player.now()));
        let is_slow = player.speed() < 1.0 && now > console.model.now;
        is_slow.then_some(Msg::Tick { now, wall })
    }

    /// When the recording goes on. It stands still while the screen does.
    fn play_at(&mut self, model: &Model) -> Instant {
        let player = self.player.as_mut().and_then(|player| {
            player.hold(model.time != TimeState::Live);
            player.wake_at()
        });
        player.unwrap_or_else(|| Instant::now() + Duration::from_hours(1))
    }

    /// What happens next in the recording; at most a second of it, so that keys come in between.
    fn play(&mut self) -> Vec<Msg> {
        let Some(player) = &mut self.player else {
            return Vec::new();
        };
        let until = player.due(Instant::now());
        let mut msgs = Vec::new();
        while let Some(step) = player.step(until) {
            match step {
                Step::Event(event) => msgs.push(Msg::Feed(event)),
                Step::Tick(now) => {
                    let wall = player.wall(now);
                    msgs.push(Msg::Tick { now, wall });
                    break;
                }
                Step::End(why) => msgs.push(Msg::Ended(why)),
            }
        }
        msgs
    }

    fn seek(&mut self, to: Moment, anew: bool) {
        let sought = self.player.as_mut().map(|player| player.seek(to, anew));
        if let Some(Err(error)) = sought {
            let ended = Msg::Ended(Some(error.to_string()));
            drop(self.answers.try_send(ended));
        }
    }

    async fn rest(mut self) {
        if let Some(recorder) = self.recorder.take() {
            drop(recorder.end());
        }
        if let Some(board) = &self.board {
            drop(tokio::time::timeout(Duration::from_millis(500), board.stop()).await);
        }
        self.tasks.close();
        drop(tokio::time::timeout(Duration::from_millis(500), self.tasks.wait()).await);
    }
}

fn request(wish: &ActWish, instance: &str) -> ActRequest {
    let mut request = ActRequest {
        verb: wish.verb.into(),
        expected_instance: instance.to_owned(),
        ttl: wish.ttl.try_into().ok(),
        reason: wish.reason.clone(),
        dry_run: wish.dry_run,
        scope: Scope::Replica.into(),
        ..ActRequest::default()
    };
    // The same wish asked twice, e.g. over a link made anew, is done once.
    if !wish.dry_run {
        request.request_id = format!("{:08x}-{}", std::process::id(), wish.number);
    }
    match &wish.target {
        ActTarget::Node(name) => request.node = name.to_string(),
        ActTarget::Setting { key, value } => {
            request.setting.clone_from(key);
            request.value.clone_from(value);
            request.ttl = None;
        }
    }
    request
}
