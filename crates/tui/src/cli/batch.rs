//! `--once`, `--watch` and `--snapshot`: no terminal is needed.

use std::{
    io::Write,
    process::ExitCode,
    time::{Duration, SystemTime},
};

use tokio::time::{Instant, sleep_until, timeout_at};

use super::{
    Failed,
    options::{FailOn, Options},
    recorded,
    start::{self, Source},
};
use crate::{
    app::{Model, Msg, update},
    fleet::Severity,
    once::{Document, text},
    picture,
    replica::{Freshness, Link},
    view::Look,
};

/// Beyond two intervals, which a rate needs.
const SLACK: Duration = Duration::from_millis(150);

pub(super) async fn run(options: &Options, look: Look) -> Result<ExitCode, Failed> {
    if let Some(file) = &options.replay {
        return recorded::run(options, look, file).await;
    }
    let source = start::source(options).await?;
    let mut model = start::model(options, look, &source);
    let mut watch = Watch { source };
    if options.watch {
        return watch.print_for_ever(options, &mut model).await;
    }
    watch.gather(&mut model, options).await;
    if let Some(path) = &options.snapshot {
        model.size = options.size;
        return write_picture(&model, options.size, path);
    }
    print(options, &model)?;
    Ok(exit_code(options, &model))
}

struct Watch {
    source: Source,
}

impl Watch {
    fn tick(&self, model: &mut Model) {
        let (now, wall) = (self.source.clock.now(), SystemTime::now());
        drop(update(model, Msg::Tick { now, wall }));
    }

    /// Takes in what comes until then.
    async fn take_until(&mut self, model: &mut Model, until: Instant) {
        while let Ok(Some(event)) = timeout_at(until, self.source.feed.recv()).await {
            drop(update(model, Msg::Feed(event)));
        }
        sleep_until(until).await;
    }

    /// Waits until every target has answered, or the time is over; then for a second look.
    async fn gather(&mut self, model: &mut Model, options: &Options) {
        let until = Instant::now() + options.timeout;
        let apart = options.interval * 2 + SLACK;
        let mut looked = None;
        while Instant::now() < until {
            let next = (Instant::now() + Duration::from_millis(100)).min(until);
            self.take_until(model, next).await;
            self.tick(model);
            if is_settled(model, self.source.targets) {
                let first = *looked.get_or_insert_with(Instant::now);
                if first.elapsed() >= apart {
                    break;
                }
            }
        }
        self.tick(model);
    }

    async fn print_for_ever(
        &mut self,
        options: &Options,
        model: &mut Model,
    ) -> Result<ExitCode, Failed> {
        let mut next = Instant::now();
        loop {
            next += options.interval;
            self.take_until(model, next).await;
            self.tick(model);
            print(options, model)?;
        }
    }
}

/// Everyone has answered for good or for now.
fn is_settled(model: &Model, targets: Option<usize>) -> bool {
    let replicas = model.fleet.replicas();
    let known = |replica: &crate::replica::Replica| match replica.link() {
        Link::Live => replica.freshness(model.now) == Freshness::Live,
        Link::Refused { .. } | Link::Gone => true,
        Link::Connecting | Link::Retrying { .. } => false,
    };
    targets.map_or(!replicas.is_empty(), |count| replicas.len() >= count)
        && replicas.iter().all(known)
}

pub(super) fn print(options: &Options, model: &Model) -> Result<(), Failed> {
    let document = Document::of(&model.fleet, model.now, model.wall);
    let document = document.filtered(&model.fleet, &options.filter);
    let mut text = if !options.is_json() {
        text::of(&document)
    } else if options.watch {
        serde_json::to_string(&document).map_err(|error| Failed::running(&error))?
    } else {
        serde_json::to_string_pretty(&document).map_err(|error| Failed::running(&error))?
    };
    text.push('\n');
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        // Whoever reads has read enough.
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => std::process::exit(0),
        Err(error) => Err(Failed {
            code: 1,
            text: format!("standard output: {error}"),
        }),
        Ok(()) => Ok(()),
    }
}

pub(super) fn exit_code(options: &Options, model: &Model) -> ExitCode {
    let least = match options.fail_on {
        FailOn::Error => Some(Severity::Error),
        FailOn::Warning => Some(Severity::Warning),
        FailOn::Never => None,
    };
    if model.fleet.totals().counted.is_empty() {
        return ExitCode::from(1);
    }
    let gravest = Document::gravest(&model.fleet);
    match (least, gravest) {
        (Some(least), Some(gravest)) if gravest >= least => ExitCode::from(3),
        _ => ExitCode::SUCCESS,
    }
}

pub(super) fn write_picture(
    model: &Model,
    size: (u16, u16),
    path: &std::path::Path,
) -> Result<ExitCode, Failed> {
    let buffer = picture::buffer_of(model, size);
    let is_svg = path
        .extension()
        .is_some_and(|extension| extension.eq_ignore_ascii_case("svg"));
    let picture = if is_svg {
        picture::svg(&buffer)
    } else {
        picture::text(&buffer)
    };
    std::fs::write(path, picture).map_err(|error| Failed {
        code: 1,
        text: format!("{}: {error}", path.display()),
    })?;
    Ok(ExitCode::SUCCESS)
}
