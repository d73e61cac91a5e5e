//! The loop: keys, feed, time in; effects and drawings out. Nothing here waits for the network.

use std::{
    collections::BTreeMap,
    io,
    time::{Duration, SystemTime},
};

use crossterm::event::{Event, EventStream, KeyCode, MouseEventKind};
use futures::StreamExt;
use push_manager_proto::admin::{ActRequest, Scope};
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    sync::mpsc,
    time::{Instant, MissedTickBehavior, interval, sleep_until},
};
use tokio_util::task::TaskTracker;

use crate::{
    app::{ActTarget, ActWish, Effect, Model, Msg, update},
    feed::{Board, FeedClock, FeedEvent},
    picture,
    replica::ReplicaId,
    tape::Recorder,
    terminal::{self, Screen},
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
/// After a signal the program ends within so long, whatever it is doing.
const PATIENCE: Duration = Duration::from_secs(2);
/// Acts that may wait for a replica.
const ACTS: usize = 128;

/// What the loop works with.
#[derive(Debug)]
pub struct Console {
    /// The state.
    pub model: Model,
    /// The links; none while a recording is played.
    pub board: Option<Board>,
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
            _ = ticks.tick() => { paint.data(); msgs.push(console.tick()); }
            () = sleep_until(paint.refresh_at()), if paint.fed => {
                paint.refreshed();
                msgs.push(console.tick());
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
                    hands.record(&event, &mut console.model);
                    msgs.push(Msg::Feed(event));
                }
            }
        }
        let mut over = None;
        for msg in msgs {
            for effect in update(&mut console.model, msg) {
                match hands.carry_out(effect, &mut console.model, screen) {
                    Ok(false) => {}
                    Ok(true) => over = Some(Ended::Quit),
                    Err(_) => over = Some(Ended::Terminal),
                }
            }
        }
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

    /// Ends the program after a signal even where the loop is stuck in writing to the terminal.
    fn insist(tasks: &TaskTracker) -> io::Result<()> {
        let mut signals = Self::listen()?;
        tasks.spawn(async move {
            signals.next().await;
            terminal::leave_within(PATIENCE);
        });
        Ok(())
    }
}

/// Carries effects out, in tasks of their own where they take time.
struct Hands {
    board: Option<Board>,
    recorder: Option<Recorder>,
    answers: mpsc::Sender<Msg>,
    tasks: TaskTracker,
    /// Tells this console's acts from those of others.
    session: u64,
    /// What each replica is still to be asked, in order: of several nodes, all replicas then refuse
    /// the same ones when too few would remain.
    acts: BTreeMap<ReplicaId, mpsc::Sender<(u64, ActRequest)>>,
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
            Effect::Look(look) => {
                if let Some(board) = &self.board {
                    board.look_at(look);
                }
            }
            Effect::Reconnect(replica) => {
                if let Some(board) = &self.board {
                    board.reconnect(replica);
                }
            }
            Effect::Suspend => {
                screen.suspend()?;
                // Whatever happened to the terminal meanwhile was told to the shell.
                model.size = screen.size()?;
            }
            Effect::Redraw => screen.forget()?,
        }
        Ok(false)
    }

    fn act(&mut self, wish: &ActWish) {
        for (replica, instance) in &wish.replicas {
            let asked = (wish.number, request(self.session, wish, instance));
            let (board, answers) = (self.board.clone(), self.answers.clone());
            let tasks = &self.tasks;
            let queue = self.acts.entry(*replica).or_insert_with(|| {
                let (queue, wishes) = mpsc::channel(ACTS);
                tasks.spawn(act_in_turn(board, *replica, wishes, answers));
                queue
            });
            if queue.try_send(asked).is_err() {
                let msg = Msg::Acted {
                    wish: wish.number,
                    replica: *replica,
                    answer: Err("too many acts wait for this replica".to_owned()),
                };
                drop(self.answers.try_send(msg));
            }
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

    fn record(&mut self, event: &FeedEvent, model: &mut Model) {
        let Some(recorder) = &mut self.recorder else {
            return;
        };
        if let Err(error) = recorder.note_with(event, &model.fleet) {
            self.recorder = None;
            model.recording = None;
            let word = format!("recording ended: {error}");
            drop(self.answers.try_send(Msg::Done(Err(word))));
        }
    }

    async fn rest(mut self) {
        if let Some(recorder) = self.recorder.take() {
            drop(recorder.end());
        }
        if let Some(board) = &self.board {
            drop(tokio::time::timeout(Duration::from_millis(500), board.stop()).await);
        }
        self.acts.clear();
        self.tasks.close();
        drop(tokio::time::timeout(Duration::from_millis(500), self.tasks.wait()).await);
    }
}

/// Asks a replica for one act after the other.
async fn act_in_turn(
    board: Option<Board>,
    replica: ReplicaId,
    mut wishes: mpsc::Receiver<(u64, ActRequest)>,
    answers: mpsc::Sender<Msg>,
) {
    while let Some((wish, request)) = wishes.recv().await {
        let answer = match &board {
            Some(board) => board.act(replica, request).await.map(Box::new),
            None => Err("a recording is played".to_owned()),
        };
        let msg = Msg::Acted {
            wish,
            replica,
            answer,
        };
        drop(answers.send(msg).await);
    }
}

fn request(session: u64, wish: &ActWish, instance: &str) -> ActRequest {
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
        request.request_id = format!("{session:016x}-{}", wish.number);
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

#[cfg(test)]
mod tests {
    use push_manager_proto::admin::Verb;

    use super::*;

    #[test]
    fn the_same_wish_of_two_consoles_is_two_requests() {
        let wish = |dry_run| ActWish {
            number: 2,
            verb: Verb::Drain,
            target: ActTarget::Node(crate::fleet::NodeName("push-1".into())),
            replicas: BTreeMap::new(),
            ttl: Duration::from_mins(10),
            reason: String::new(),
            dry_run,
        };
        let id = |session| request(session, &wish(false), "9f3c").request_id;
        assert_ne!(id(1), id(2));
        assert_eq!(id(1), id(1), "asked again over another link it is one");
        assert_eq!(request(1, &wish(true), "9f3c").request_id, "");
    }
}
