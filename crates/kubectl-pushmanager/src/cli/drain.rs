//! `drain`: plan, ask, do, tell.

use std::{io::IsTerminal, process::ExitCode};

use tokio::time::{Instant, timeout};

use super::{
    Failed, NOT_WELL, PARTLY,
    options::{Drain, Form},
    output,
};
use crate::{
    cluster::Cluster,
    drain::{self, PLAN_HOLDS_FOR, Report, Verdict, Wish},
};

pub(super) async fn run(cluster: &Cluster, options: &Drain) -> Result<ExitCode, Failed> {
    let asks = !options.yes && !options.dry_run;
    if asks && !std::io::stdin().is_terminal() {
        return Err(Failed::usage(
            "no terminal to ask for a confirmation at: --yes does it, --dry-run only tells",
        ));
    }
    let wish = Wish {
        node: options.node.clone(),
        undrain: options.undrain,
        ttl: options.ttl(),
        reason: options.reason.clone(),
        session: rand::random(),
    };
    let places = drain::places(cluster, &options.name).await?;
    let planned_at = Instant::now();
    let plans = Box::pin(drain::plan(cluster, &wish, &places)).await;
    let verdict = drain::verdict(&plans);
    let planned = Report::planned(&wish, plans.clone());
    if verdict != Verdict::Agreed || options.dry_run {
        return tell(options, &planned);
    }
    if asks {
        eprintln!("{}", drain::planned(&planned));
        confirm(&wish).await?;
        if planned_at.elapsed() > PLAN_HOLDS_FOR {
            return Err(left("this plan is over a minute old: ask for it again"));
        }
    }
    let done = Box::pin(drain::act(cluster, &wish, &places, plans)).await;
    tell(options, &Report::acted(&wish, done))
}

/// Typing the name shows that it is the one that is meant.
async fn confirm(wish: &Wish) -> Result<(), Failed> {
    eprint!("type {:?} to {} it: ", wish.node, wish.word());
    let typing = tokio::task::spawn_blocking(|| {
        let mut typed = String::new();
        std::io::stdin().read_line(&mut typed).map(|_| typed)
    });
    match timeout(PLAN_HOLDS_FOR, typing).await {
        Ok(Ok(Ok(typed))) if typed.trim() == wish.node => Ok(()),
        Ok(_) => Err(left("something else was typed")),
        Err(_) => {
            eprintln!();
            Err(left("nothing was typed for a minute"))
        }
    }
}

fn left(why: &str) -> Failed {
    Failed {
        code: 1,
        text: format!("nothing was done: {why}"),
    }
}

fn tell(options: &Drain, report: &Report) -> Result<ExitCode, Failed> {
    match options.form.form() {
        Form::Json => output::json(report)?,
        Form::Text if report.dry_run => output::line(&drain::planned(report))?,
        Form::Text => output::line(&drain::text(report))?,
    }
    Ok(match report.outcome {
        "done" | "planned" => ExitCode::SUCCESS,
        "partly" => ExitCode::from(PARTLY),
        _ => ExitCode::from(NOT_WELL),
    })
}
