//! From arguments to a console that runs.

use std::{io::IsTerminal, process::ExitCode, time::SystemTime};

use tokio::sync::mpsc;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    Failed,
    options::{Options, Start},
};
use crate::{
    app::{Model, Options as Told, Screen as Shown},
    feed::{
        Address, Board, Dial, FEED_QUEUE, FeedClock, FeedEvent, Target, etcd, kube, replay::Player,
    },
    run::{Console, Ended},
    tape::Recorder,
    terminal::Screen,
    view::Look,
};

/// Where a console gets its replicas from, running.
pub(super) struct Source {
    pub(super) board: Option<Board>,
    /// The recording that is played instead.
    player: Option<Player>,
    pub(super) feed: mpsc::Receiver<FeedEvent>,
    pub(super) clock: FeedClock,
    pub(super) words: String,
    /// How many targets were named.
    pub(super) targets: Option<usize>,
    pub(super) title: String,
    _stop: tokio_util::sync::DropGuard,
    _tasks: TaskTracker,
}

/// Begins to look for replicas.
pub(super) async fn source(options: &Options) -> Result<Source, Failed> {
    let (events, feed) = mpsc::channel(FEED_QUEUE);
    let (stop, tasks, clock) = (
        CancellationToken::new(),
        TaskTracker::new(),
        FeedClock::begin(),
    );
    let mut source = Source {
        board: None,
        player: None,
        feed,
        clock,
        words: String::new(),
        targets: None,
        title: options.title.clone(),
        _stop: stop.clone().drop_guard(),
        _tasks: tasks.clone(),
    };
    if let Some(path) = &options.replay {
        let player = Player::open(path, options.speed).map_err(|error| Failed::running(&error))?;
        source.words = format!("recording {}", path.display());
        if source.title.is_empty() {
            source.title.clone_from(&player.title);
        }
        source.player = Some(player);
        return Ok(source);
    }
    let board = Board::new(events, options.token(), options.interval, clock);
    source.board = Some(board.clone());
    if !options.etcd.is_empty() {
        source.words = format!("etcd {} {}", options.etcd.join(","), options.etcd_prefix);
        let access = etcd::Access {
            endpoints: options.etcd.clone(),
            prefix: options.etcd_prefix.clone(),
            user: options.etcd_user.clone(),
            password: std::env::var("ETCD_PASSWORD").ok(),
        };
        tasks.spawn(etcd::follow(access, board, stop));
    } else if let Some(name) = &options.kube {
        source.words = format!("kubernetes {name}");
        let pods = kube::Pods::of(name, &options.access())
            .await
            .map_err(|error| Failed::running(&error))?;
        tasks.spawn(pods.follow(board, stop));
    } else {
        let targets = fixed(&options.addr);
        let names: Vec<_> = targets.iter().map(|target| target.name.clone()).collect();
        source.words = names.join(", ");
        source.targets = Some(targets.len());
        tasks.spawn(async move { board.set(targets).await });
    }
    Ok(source)
}

fn fixed(addresses: &[Address]) -> Vec<Target> {
    let usual = Address {
        host: "127.0.0.1".to_owned(),
        port: crate::feed::ADMIN_PORT,
    };
    let addresses = if addresses.is_empty() {
        std::slice::from_ref(&usual)
    } else {
        addresses
    };
    let mut targets: Vec<Target> = Vec::new();
    for address in addresses {
        let name = address.to_string();
        if targets.iter().all(|target| target.name != name) {
            let dial = Ok(Dial::tcp(address));
            targets.push(Target { name, dial });
        }
    }
    targets
}

/// A model for a recording that is not played, but looked at.
pub(super) fn recorded(
    options: &Options,
    look: Look,
    player: &Player,
    file: &std::path::Path,
) -> Model {
    let title = if options.title.is_empty() {
        &player.title
    } else {
        &options.title
    };
    let words = format!("recording {}", file.display());
    begin(options, look, (title, &words), player.began)
}

/// The model as the arguments want it.
pub(super) fn model(options: &Options, look: Look, source: &Source) -> Model {
    let player = source.player.as_ref();
    let began = player.map_or_else(SystemTime::now, |player| player.began);
    begin(options, look, (&source.title, &source.words), began)
}

fn begin(options: &Options, look: Look, (title, words): (&str, &str), began: SystemTime) -> Model {
    let told = Told {
        title: title.to_owned(),
        source: words.to_owned(),
        allow_actions: options.allow_actions,
        replay: options.replay.is_some(),
        look,
    };
    let mut model = Model::new(told, began);
    model.playing.speed = options.speed;
    model.screen = match options.screen {
        Start::Overview => Shown::Overview,
        Start::Nodes => Shown::Nodes,
        Start::Pushes => Shown::Pushes,
        Start::Events => Shown::Events,
        Start::Replicas => Shown::Replicas,
    };
    options
        .filter
        .text()
        .clone_into(&mut model.nodes.filter_text);
    model.nodes.filter = (!options.filter.text().is_empty()).then(|| options.filter.clone());
    model
}

/// Runs the console on this terminal.
pub(super) async fn console(options: &Options, look: Look) -> Result<ExitCode, Failed> {
    if !std::io::stdout().is_terminal() || !std::io::stdin().is_terminal() {
        return Err(Failed::usage(
            "no terminal here; for scripts: pushtop --once --json, or --watch --json",
        ));
    }
    let source = source(options).await?;
    let mut model = model(options, look, &source);
    let recorder = match &options.record {
        None => None,
        Some(path) => {
            model.recording = Some(path.clone());
            let recorder = Recorder::begin(path, &source.title, SystemTime::now());
            Some(recorder.map_err(|error| Failed::running(&error))?)
        }
    };
    let Source {
        board,
        player,
        feed,
        clock,
        _stop,
        _tasks,
        ..
    } = source;
    let console = Console {
        model,
        board,
        player,
        feed,
        clock,
        recorder,
    };
    let mut screen = Screen::take(options.mouse).map_err(|error| Failed::running(&error))?;
    let ended = Box::pin(crate::run::run(console, &mut screen)).await;
    drop(screen);
    match ended {
        Ok(Ended::Quit | Ended::Signal) => Ok(ExitCode::SUCCESS),
        Ok(Ended::Terminal) => Ok(ExitCode::from(1)),
        Err(error) => Err(Failed::running(&error)),
    }
}
