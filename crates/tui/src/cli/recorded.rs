//! `--once`, `--watch` and `--snapshot` of a recording: what it shows at a moment in it. Time that
//! nobody looks at is not waited for.

use std::{path::Path, process::ExitCode, time::Duration};

use tokio::time::sleep;

use super::{Failed, batch, options::Options, start};
use crate::{
    app::{Model, Msg, update},
    feed::replay::{Player, Step},
    moment::Moment,
    view::Look,
};

pub(super) async fn run(options: &Options, look: Look, file: &Path) -> Result<ExitCode, Failed> {
    let mut player = Player::open(file, options.speed).map_err(|error| Failed::running(&error))?;
    let mut model = start::recorded(options, look, &player, file);
    model.size = options.size;
    if options.watch {
        return watch(options, &mut player, &mut model).await;
    }
    let at = options.at.unwrap_or(Duration::MAX);
    play(&mut player, &mut model, Moment::after(at));
    if let Some(path) = &options.snapshot {
        return batch::write_picture(&model, options.size, path);
    }
    batch::print(options, &model)?;
    Ok(batch::exit_code(options, &model))
}

/// Prints at every interval of the recording, as fast as it is played, to its end.
async fn watch(
    options: &Options,
    player: &mut Player,
    model: &mut Model,
) -> Result<ExitCode, Failed> {
    let mut at = Moment::default();
    while !model.playing.has_ended {
        sleep(options.interval.div_f64(player.speed())).await;
        at = at + options.interval;
        play(player, model, at);
        batch::print(options, model)?;
    }
    Ok(batch::exit_code(options, model))
}

/// Plays up to that moment, or to the recording's end.
fn play(player: &mut Player, model: &mut Model, until: Moment) {
    while let Some(step) = player.step_now(until) {
        let msg = match step {
            Step::Event(event) => Msg::Feed(event),
            Step::Tick(now) => tick(player, now),
            Step::End(why) => Msg::Ended(why),
        };
        drop(update(model, msg));
    }
    if !model.playing.has_ended && model.now < until {
        drop(update(model, tick(player, until)));
    }
}

fn tick(player: &Player, now: Moment) -> Msg {
    let wall = player.wall(now);
    Msg::Tick { now, wall }
}
