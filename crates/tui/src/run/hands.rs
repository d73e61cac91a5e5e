//! Carries effects out, in tasks of their own where they take time.

use std::{collections::BTreeMap, io, time::Duration};

use push_manager_proto::admin::ActRequest;
use tokio::{sync::mpsc, time::Instant};
use tokio_util::task::TaskTracker;

use super::{
    Console,
    acts::{act_in_turn, request},
    files,
};
use crate::{
    app::{ActWish, Effect, Model, Msg, TimeState},
    feed::{
        Board,
        replay::{Player, Step},
    },
    fleet::Fleet,
    moment::Moment,
    picture,
    replica::ReplicaId,
    tape::{Recorder, RecordingError},
    terminal::Screen,
};

/// Acts that may wait for a replica.
const ACTS: usize = 128;

/// What effects are carried out with.
pub(super) struct Hands {
    pub(super) board: Option<Board>,
    pub(super) player: Option<Player>,
    pub(super) recorder: Option<Recorder>,
    pub(super) answers: mpsc::Sender<Msg>,
    pub(super) tasks: TaskTracker,
    /// Tells this console's acts from those of others.
    pub(super) session: u64,
    /// What each replica is still to be asked, in order: of several nodes, all replicas then refuse
    /// the same ones when too few would remain.
    pub(super) acts: BTreeMap<ReplicaId, mpsc::Sender<(u64, ActRequest)>>,
}

impl Hands {
    /// True when it is time to end.
    pub(super) fn carry_out(
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
            Effect::Seek { to, anew } => self.seek(to, anew),
            Effect::Speed(speed) => {
                if let Some(player) = &mut self.player {
                    player.set_speed(speed);
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

    pub(super) fn act(&mut self, wish: &ActWish) {
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

    /// Writes a new file.
    pub(super) fn write(&self, path: std::path::PathBuf, text: String) {
        let answers = self.answers.clone();
        self.tasks.spawn(async move {
            let done = match files::write(&path, &text).await {
                Ok(path) => Ok(format!("written: {}", path.display())),
                Err(error) => Err(format!("{}: {error}", path.display())),
            };
            drop(answers.send(Msg::Done(done)).await);
        });
    }

    pub(super) fn toggle_recording(&mut self, path: Option<std::path::PathBuf>, model: &mut Model) {
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
    pub(super) fn record(
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
    pub(super) fn tick(&self, console: &Console) -> Option<Msg> {
        let Some(player) = &self.player else {
            return Some(console.tick());
        };
        let (now, wall) = (player.now(), player.wall(player.now()));
        let is_slow = player.speed() < 1.0 && now > console.model.now;
        is_slow.then_some(Msg::Tick { now, wall })
    }

    /// When the recording goes on. It stands still while the screen does.
    pub(super) fn play_at(&mut self, model: &Model) -> Instant {
        let player = self.player.as_mut().and_then(|player| {
            player.hold(model.time != TimeState::Live);
            player.wake_at()
        });
        player.unwrap_or_else(|| Instant::now() + Duration::from_hours(1))
    }

    /// What happens next in the recording; at most a second of it, so that keys come in between.
    pub(super) fn play(&mut self) -> Vec<Msg> {
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

    pub(super) fn seek(&mut self, to: Moment, anew: bool) {
        let sought = self.player.as_mut().map(|player| player.seek(to, anew));
        if let Some(Err(error)) = sought {
            let ended = Msg::Ended(Some(error.to_string()));
            drop(self.answers.try_send(ended));
        }
    }

    pub(super) async fn rest(mut self) {
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
